"""The live list: what comes in, what becomes of it, and a box to write to the bots oneself."""

from __future__ import annotations

import re
import time
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from math import ceil
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input, Static

from mindbot.api import calls, models
from mindbot.domain.errors import MindBotError
from mindbot.filters.fields import TURN_FIELDS, FieldSet
from mindbot.filters.language import parse
from mindbot_tui.cells import moment
from mindbot_tui.commands.catalog import COMMANDS
from mindbot_tui.commands.send import DRY
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.view import View
from mindbot_tui.state.filtered import FilteredTurns
from mindbot_tui.state.turn_row import TurnRow
from mindbot_tui.widgets.filter_bar import FilterBar
from mindbot_tui.widgets.no_daemon import NoDaemon
from mindbot_tui.widgets.offers import Offer, OfferInput, Offers
from mindbot_tui.widgets.rows import Rows
from mindbot_tui.widgets.turn_list import columns

_SEEN = 500  # rows that values are offered from
_OFFERED = (
    "platform",
    "bot",
    "user",
    "session",
    "reason",
    "error",
    "runner",
    "provider",
    "model",
    "workflow",
)
_SEEKS = 5  # times that a filter is looked for unasked: again when the turns in memory were listed anew
OLDER = 500  # turns asked for at the top of the list
LOOKS = 15  # of two seconds, while none is found; going up again goes on
AGE = 1.0  # seconds between looks at how long open turns take


class Flow(View):
    view: ClassVar[str] = "flow"
    heading: ClassVar[str] = "Turns"
    contexts: ClassVar[tuple[str, ...]] = ("flow", "turns", "parked", "list", "filtered", "live")
    BINDINGS = bindings("flow", "turns", "parked", "list", "filtered", "live")  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self._filter = ""
        self._aged = 0.0
        self._more = True  # there may be older turns than those that are shown
        self._looked: models.TurnPage | None = None  # for the filter in force
        self._found = False  # the daemon had some of it
        self._sought_back = 0
        #: How far back was looked, for a filter and the oldest turn that is shown.
        self._reached: tuple[tuple[str, str], str] = ("", ""), ""

    def body(self) -> ComposeResult:
        state = self.console.state
        self.turns = FilteredTurns(state.turns)
        self._bar = FilterBar(self.values, self._count, note=self._back_to)
        self._rows: Rows[TurnRow] = Rows(
            self.turns,
            columns(
                state.known_at,
                lambda text: self.console.words(text),
                lambda: not state.link.detached,
                self._stands,
            ),
            follows=True,
            empty="asking the daemon …",
            id="turns",
            key=lambda row: row.id,
            markable=True,
        )
        self._offers = Offers(id="send-offers")
        self._box = OfferInput(self._offers, self._addresses, id="send")
        yield self._bar
        self._no_daemon = NoDaemon()
        yield self._no_daemon
        yield self._rows
        yield self._offers
        with Horizontal(id="send-line"):
            yield Static(" › ", id="send-mark")
            yield self._box

    def _stands(self, turn: str) -> str:
        """Return where a turn is parked, and for how long still."""
        state, words = self.console.state, self.console.words
        stop = state.stops.parked.get(turn)
        if stop is None:
            return ""
        left = max(ceil(stop.lease_until - state.clock()), 0)
        return words("{left}s left, {at}", at=stop.place(words), left=left)

    def on_mount(self) -> None:
        self.speak()

    def speak(self) -> None:
        words = self.console.words
        self._bar.input.placeholder = words('filter, e.g. platform == "wecom" and took > 5s')
        self._box.placeholder = words("write to a bot: [@user] [#platform/bot] text")
        super().speak()

    def nothing(self) -> str:
        words = self.console.words
        if not self.filter:
            return words("no turns yet: press {key} and write one", key=self.console.keymap.first("compose"))
        if not re.fullmatch(r"\w[\w.@-]*", self.filter):
            return self._no_match()
        # a word is looked for in what was said, and may be meant for who said it
        return self._no_match() + words("; of a user: {filter}", filter=f'user == "{self.filter}"')

    def _no_match(self) -> str:
        words, page = self.console.words, self._looked
        if self._asking or self.turns.scanning:
            return words("nothing matches so far; looking further back …")
        if page is None:
            return words("nothing matches among {n} turns here", n=f"{len(self.console.state.turns):,}")
        if page.next:
            return words(
                "nothing matches, back to {time}; up looks further", time=moment(page.back_to or 0.0)
            )
        return words("nothing matches, back to the first turn")

    @property
    def rows(self) -> Rows[TurnRow]:
        return self._rows

    @property
    def selected_row(self) -> TurnRow | None:
        return self._rows.selected

    @property
    def turn(self) -> str:
        return self._rows.selected.id if self._rows.selected else ""

    @property
    def copies(self) -> str:
        return "\n".join(row.id for row in self._rows.marked) or self.turn

    @property
    def spot(self) -> str:
        return "" if self._rows.following else self.turn

    def reach(self, spot: str) -> None:
        at = self.turns.index_of_turn(spot)
        if at is not None:
            self._rows.select(at)

    def sync(self) -> None:
        state = self.console.state
        if not state.paused:
            self._age()
            self._seek_back()
        self._loaded = state.listed
        self._await(self._rows)
        self._no_daemon.sync()
        self._rows.display = not self._no_daemon.display
        super().sync()
        if not state.paused and state.turns.open:
            self._rows.refresh_changed()  # their time goes on

    def _age(self) -> None:
        state = self.console.state
        now = state.known_at()
        if self.filter and now - self._aged >= AGE:
            self._aged = now
            state.turns.age(now)

    @property
    def complete(self) -> bool:
        return True

    def _ask_again(self) -> None:
        """Events keep this view up to date."""

    def reload(self) -> None:
        self.console.list_again()

    # --- times

    jumps = True

    def jump(self, at: float) -> None:
        """Go to the first turn from then on; before all that are here the filter leads to it."""
        turns = self.turns
        first = turns.row(0).received if len(turns) else at
        if at < first:
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(at))
            there = f'received <= "{stamp}"'
            self.set_filter(f"({self.filter}) and {there}" if self.filter else there)
        else:
            self._rows.select(bisect_left(range(len(turns)), at, key=lambda n: turns.row(n).received))

    # --- the filter

    @property
    def filter(self) -> str:
        return self._filter

    @property
    def filter_fields(self) -> FieldSet:
        return TURN_FIELDS

    def set_filter(self, text: str) -> None:
        """Show what a filter lets through; a wrong one is shown with its mistake."""
        if not self._bar.put(text):
            self._bar.edit()

    def edit_filter(self) -> None:
        self._bar.edit()

    def on_filter_bar_set(self, event: FilterBar.Set) -> None:
        if event.filter == self.filter:
            return
        self._filter = event.filter
        self._more = True
        self.turns.use(parse(event.filter).compile() if event.filter else None)
        self._looked, self._found, self._sought_back = None, False, 0
        self.console.used_filter(event.filter)
        self._rows.follow.resume()
        self._rows.sync(force=True)

    def on_filter_bar_left(self) -> None:
        self._rows.focus()

    def _count(self) -> tuple[int, int, bool]:
        known = len(self.console.state.turns) + self.turns.older
        return len(self.turns), known, self.turns.scanning or self._asking

    def _back_to(self) -> str:
        """Say how far back the filter was looked for."""
        page = self._looked
        if not self.filter or page is None:
            return ""
        if not page.next:
            return self.console.words("all")
        return f"← {moment(page.back_to or 0.0)}"

    def values(self) -> Mapping[str, Iterable[str]]:
        """Return values seen lately, by field."""
        return {field: self.seen(field) for field in _OFFERED}

    def seen(self, field: str) -> list[str]:
        """Return the values of a field in the latest turns, the most frequent first."""
        rows = self.console.state.turns.rows
        counts: dict[str, int] = {}
        for place in range(max(rows.first, rows.end - _SEEN), rows.end):
            if value := getattr(rows[place], field):
                counts[value] = counts.get(value, 0) + 1
        return sorted(counts, key=lambda value: -counts[value])[:20]

    def neighbour(self, turn: str, step: int) -> str:
        """Return the turn before or after one in the list, and select it; empty at the ends."""
        at = self.turns.index_of_turn(turn)
        index = -1 if at is None else at + step
        if not 0 <= index < len(self.turns):
            return ""
        self._rows.select(index)
        return self.turns.row(index).id

    # --- older turns

    def _seek_back(self) -> None:
        """Ask the daemon for what a filter lets through beyond the turns in memory."""
        state, turns = self.console.state, self.turns
        ready = state.link.attached and state.listed and not self._asking and not turns.scanning
        wanted = self.filter and (self._looked is None or (self._found and not turns.older))
        if ready and wanted and turns.oldest and self._sought_back < _SEEKS:
            self._sought_back += 1
            self._asking = True
            self._load_older(seeks=True)

    def on_rows_topped(self) -> None:
        """Above the first line lie the turns that are only on the daemon's disk."""
        if self.turns.oldest and self._more and self.console.state.link.attached and not self._asking:
            self.reload_older()

    def reload_older(self) -> None:
        """Ask for the turns before the oldest one here."""
        self._asking = True
        self._load_older()

    @work(group="older")
    async def _load_older(self, *, seeks: bool = False) -> None:
        filter = self.filter
        known, before = self._reached
        if known != (filter, self.turns.oldest):
            before = self.turns.oldest
        try:
            page = await self._look_back(filter, before, quiet=seeks)
        except MindBotError as error:
            self.console.say(str(error), "bad")
            self._sought_back = _SEEKS
            return
        finally:
            self._asking = False
        if filter != self.filter:
            return  # the reader has gone on
        self._more = bool(page.next)
        self._looked, self._found = page, bool(page.turns) or self._found
        rows = []
        for turn in reversed(page.turns):
            row = TurnRow(turn.id)
            row.update(turn.to_json())
            rows.append(row)
        self.turns.put_older(rows)
        self._reached = (filter, self.turns.oldest), page.next
        self._rows.sync(force=True)
        if seeks:
            return
        if rows:
            self._rows.action_move(-1)
        elif not page.next:
            self.console.say(self.console.words("there are no older turns"))

    async def _look_back(self, filter: str, before: str, *, quiet: bool) -> models.TurnPage:
        """Return older turns, looked for some time while nothing matches; says how far back that is."""
        for _ in range(LOOKS):
            page = await self.console.api.ask(calls.turn_page(filter, OLDER, before))
            if page.turns or not page.next or filter != self.filter:
                break
            before = page.next
            self._looked = page
            if quiet:
                continue
            text = self.console.words("looked back to {time}: nothing matches so far")
            self.console.say(text.format(time=moment(page.back_to or 0.0)))
        return page

    # --- the box

    def compose_message(self) -> None:
        self.set_focus(self._box)

    def _addresses(self, text: str, cursor: int) -> list[Offer]:
        word = text[:cursor].rpartition(" ")[2]
        start = cursor - len(word)
        if word and not start and DRY.startswith(word):
            return [Offer(DRY, start, cursor, "only show the answer: nothing is sent to anybody")]
        if not word.startswith("#"):
            return []
        names = {"console", *self.seen("platform")}
        return [Offer(f"#{name}", start, cursor) for name in sorted(names) if name.startswith(word[1:])]

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input is self._box and event.value.strip():
            if why := COMMANDS["send"].refused(self.console):
                self.console.say(why, "warn")  # what is written stays in the box
                return
            self._box.remember(event.value)
            self._box.value = ""
            self._rows.go_on()
            self.console.run_command(f"send {event.value}")

    def on_offer_input_left(self, event: OfferInput.Left) -> None:
        """What was written does not stay as if it were to be sent: the up key brings it back."""
        if event.input is self._box:
            self._box.remember(self._box.value.strip())
            self._box.value = ""
        self._rows.focus()

    def on_rows_opened(self) -> None:
        self.console.run_command("open")
