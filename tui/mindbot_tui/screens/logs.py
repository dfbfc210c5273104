"""What the daemon writes, live, and what happened to this console."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, ClassVar

from textual.app import ComposeResult

from mindbot.api import calls
from mindbot.api.stream import Batch
from mindbot.domain.errors import MindBotError
from mindbot_tui.cells import clock
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.view import View
from mindbot_tui.state.notices import Notice
from mindbot_tui.state.ring import Ring
from mindbot_tui.widgets.columns import Cell, Column
from mindbot_tui.widgets.rows import Rows

LINES = 5_000
_LEVELS = {"debug": "dim", "info": "ok", "warning": "wait", "error": "bad", "critical": "bad"}
_NOTICES = {"ok": "info", "warn": "warning", "bad": "error"}


@dataclass(frozen=True, slots=True)
class Entry:
    at: float
    level: str
    who: str
    text: str
    turn: str = ""


class Logs(View):
    view: ClassVar[str] = "logs"
    heading: ClassVar[str] = "Logs"
    contexts: ClassVar[tuple[str, ...]] = ("logs", "list", "filtered", "live")
    BINDINGS = bindings("logs", "list", "filtered", "live")  # type: ignore[assignment]

    def body(self) -> ComposeResult:
        self._lines = Lines()
        self._noticed = 0
        self._listed = False
        columns = [
            Column[Entry]("TIME", lambda e: (clock(e.at), "dim"), 8),
            Column[Entry]("LEVEL", lambda e: (e.level, _LEVELS.get(e.level, "warn")), 7),
            Column[Entry]("WHO", lambda e: (e.who, "name"), 14, wide=22, least=60),
            Column[Entry]("TEXT", _text),
        ]
        self._rows = Rows(self._lines, columns, follows=True, empty="nothing was written yet")
        yield self._rows

    @property
    def rows(self) -> Rows[Entry]:
        return self._rows

    @property
    def turn(self) -> str:
        return self._rows.selected.turn if self._rows.selected else ""

    def on_mount(self) -> None:
        self.console.state.called("mindbot log show")
        self.run_worker(self._follow(), group="follow")

    def sync(self) -> None:
        self._take_notices()
        super().sync()

    @property
    def complete(self) -> bool:
        return self._listed

    def _ask_again(self) -> None:
        """The stream keeps this view up to date."""

    def _take_notices(self) -> None:
        """Mix in what has happened to the console itself; the daemon's earlier lines come first."""
        if not self._listed:
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
            entries += [_entry(line.to_json()) for line in await self.console.api.ask(calls.logs(limit=1000))]
        except MindBotError as error:
            state.note("bad", "{error}", error=error)
        for entry in sorted(entries, key=lambda entry: entry.at):
            self._lines.add(entry)
        self._listed = True
        async with aclosing(self.console.api.stream(topics=["log"])) as updates:
            async for update in updates:
                if isinstance(update, Batch):
                    for event in update.events:
                        self._lines.add(_entry(event))


def _entry(line: Mapping[str, Any]) -> Entry:
    fields = line.get("fields")
    rest = fields if isinstance(fields, dict) else {}
    facts = "".join(f"  {name}={value}" for name, value in rest.items() if name != "turn" and value != "")
    who = str(line.get("component", "")).removeprefix("mindbot.")
    text = f"{line.get('text', '')}{facts}"
    at, level, turn = float(line.get("ts", 0.0)), str(line.get("level", "")), str(line.get("turn", ""))
    return Entry(at, level, who, text, turn)


def _text(entry: Entry) -> Cell:
    return entry.text, "bad" if _LEVELS.get(entry.level) == "bad" else "text"


class Lines:
    """A source of log lines."""

    def __init__(self) -> None:
        self._ring: Ring[Entry] = Ring(LINES)
        self._shown = (0, 0)

    def add(self, entry: Entry) -> None:
        self._ring.append(entry)

    def __len__(self) -> int:
        return self._shown[1] - self._shown[0]

    def row(self, index: int) -> Entry:
        place = self._shown[0] + index
        return self._ring.get(place, Entry(0.0, "", "", ""))

    def place(self, index: int) -> int:
        return self._shown[0] + index

    def index_of(self, place: int) -> int:
        return min(max(place - self._shown[0], 0), len(self))

    def sync(self) -> bool:
        now = (self._ring.first, self._ring.end)
        changed, self._shown = now != self._shown, now
        return changed
