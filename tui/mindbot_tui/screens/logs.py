"""What the daemon writes, live, and what happened to this console."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing
from typing import Any, ClassVar

from textual.app import ComposeResult

from mindbot.api import calls
from mindbot.api.stream import Batch
from mindbot.domain.errors import MindBotError
from mindbot.filters.fields import FieldSet
from mindbot_tui.cells import clock
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.filtered_view import FilteredView
from mindbot_tui.state.list_fields import LOG_FIELDS
from mindbot_tui.state.log_lines import Entry, Lines, entry_of
from mindbot_tui.state.notices import Notice
from mindbot_tui.widgets.columns import Cell, Column
from mindbot_tui.widgets.rows import Rows

_LEVELS = {"debug": "dim", "info": "ok", "warning": "wait", "error": "bad", "critical": "bad"}
_NOTICES = {"ok": "info", "warn": "warning", "bad": "error"}


class Logs(FilteredView):
    view: ClassVar[str] = "logs"
    heading: ClassVar[str] = "Logs"
    contexts: ClassVar[tuple[str, ...]] = ("logs", "list", "filtered", "live")
    BINDINGS = bindings("logs", "list", "filtered", "live")  # type: ignore[assignment]
    fields: ClassVar[FieldSet] = LOG_FIELDS

    def body(self) -> ComposeResult:
        self._lines = Lines()
        self._noticed = 0
        columns = [
            Column[Entry]("TIME", lambda e: (clock(e.at), "dim"), 8),
            Column[Entry]("LEVEL", lambda e: (e.level, _LEVELS.get(e.level, "warn")), 7),
            Column[Entry]("WHO", lambda e: (e.who, "name"), 14, wide=22, least=60),
            Column[Entry]("TEXT", _text),
        ]
        self._rows = Rows(self._lines, columns, follows=True, empty="asking the daemon …")
        yield self.filter_bar()
        yield self._rows

    @property
    def rows(self) -> Rows[Entry]:
        return self._rows

    @property
    def turn(self) -> str:
        return self._rows.selected.turn if self._rows.selected else ""

    @property
    def logger(self) -> str:
        return self._rows.selected.logger if self._rows.selected else ""

    @property
    def opens(self) -> bool:
        return self._rows.selected is not None

    async def open(self) -> None:
        """Show the selected line whole, with all its fields."""
        if line := self._rows.selected:
            if line.whole:
                text = json.dumps(line.whole, ensure_ascii=False, default=str)
                self.console.show_page(f"{clock(line.at)} {line.level} {line.who}", text, json=True)
            else:
                self.console.show_page(f"{clock(line.at)} {line.level} {line.who}", line.text)

    def on_rows_opened(self) -> None:
        self.console.run_command("open")

    @property
    def copies(self) -> str:
        return self._rows.selected.text if self._rows.selected else ""

    # --- the filter, and times

    def use(self, keep: Callable[[Any], bool] | None) -> None:
        self._lines.use(keep)
        self._rows.follow.resume()
        self._rows.sync(force=True)

    def count(self) -> tuple[int, int, bool]:
        return len(self._lines), self._lines.known, False

    def values(self) -> Mapping[str, Iterable[str]]:
        return {name: self._lines.values(name) for name in ("level", "who")}

    def nothing(self) -> str:
        if known := self._lines.known:
            return self.nothing_matches(known)
        return self.console.words("nothing was written yet")

    jumps = True

    def jump(self, at: float) -> None:
        self._rows.select(self._lines.at(at))

    # --- what comes

    def on_mount(self) -> None:
        self.console.state.called("mindbot log show")
        self.run_worker(self._follow(), group="follow")

    def sync(self) -> None:
        self._take_notices()
        self._await(self._rows)
        super().sync()

    def _ask_again(self) -> None:
        """The stream keeps this view up to date."""

    def _take_notices(self) -> None:
        """Mix in what has happened to the console itself; the daemon's earlier lines come first."""
        if not self._loaded:
            return
        notices = self.console.state.notices
        for notice in notices.since(self._noticed):
            self._lines.add(self._of_console(notice))
        self._noticed = notices.count

    def _of_console(self, notice: Notice) -> Entry:
        return Entry(notice.at, _NOTICES[notice.kind], "console", notice.said(self.console.words))

    async def _follow(self) -> None:
        state = self.console.state
        entries, self._noticed = [self._of_console(n) for n in state.notices.since(0)], state.notices.count
        try:
            entries += [
                entry_of(line.to_json()) for line in await self.console.api.ask(calls.logs(limit=1000))
            ]
        except MindBotError as error:
            self._why_not = str(error)
            state.note("bad", "{error}", error=error)
        for entry in sorted(entries, key=lambda entry: entry.at):
            self._lines.add(entry)
        self._loaded = True
        async with aclosing(self.console.api.stream(topics=["log"])) as updates:
            async for update in updates:
                if isinstance(update, Batch):
                    for event in update.events:
                        self._lines.add(entry_of(event))


def _text(entry: Entry) -> Cell:
    return entry.text, "bad" if _LEVELS.get(entry.level) == "bad" else "text"
