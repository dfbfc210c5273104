"""The way of messages as a drawing: bots, stages, workflows and models, with live rates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult

from mindbot.api import calls, instrument_calls, workflow_calls
from mindbot.api.shown import rate
from mindbot_tui.cells import fit, took
from mindbot_tui.keymap import bindings
from mindbot_tui.screens.view import View
from mindbot_tui.state.looks import Looks, Measured
from mindbot_tui.widgets.columns import Column
from mindbot_tui.widgets.paint import Piece
from mindbot_tui.widgets.rows import Rows
from mindbot_tui.widgets.sources import GivenRows

BOXES = ("platforms", "stages", "workflows", "models")
_BESIDE = 100  # cells from which on boxes stand beside each other
_ARROW = " ─▶ "
_SAID = 18  # cells of the numbers
_SIGNS: dict[str, Piece] = {
    "ok": ("●", "ok"),
    "starting": ("◌", "busy"),
    "failed": ("✗", "bad"),
    "open": ("✗", "bad"),
    "unavailable": ("✗", "bad"),
    "stopped": ("○", "dim"),
    "off": ("○", "dim"),
    "disabled": ("○", "dim"),
}
Drawn = list[Piece]


@dataclass(frozen=True, slots=True)
class Item:
    """A line in a box: how it is, its name, its numbers."""

    state: str
    name: str
    said: str = ""


class Diagram(View):
    view: ClassVar[str] = "diagram"
    heading: ClassVar[str] = "Diagram"
    contexts: ClassVar[tuple[str, ...]] = ("diagram",)
    BINDINGS = bindings("diagram")  # type: ignore[assignment]
    every: ClassVar[float] = 2.0

    def __init__(self) -> None:
        super().__init__()
        self._looks = Looks()
        self._boxes: dict[str, list[Item]] = {}

    def body(self) -> ComposeResult:
        self._source: GivenRows[Drawn] = GivenRows()
        line: Column[Drawn] = Column("", lambda row: ("", "text"), draw=lambda row, width: row)
        self._rows: Rows[Drawn] = Rows(self._source, [line], empty="asking the daemon …", titles=False)
        yield self._rows

    def on_mount(self) -> None:
        self.console.state.called("mindbot metrics")

    @property
    def rows(self) -> Rows[Drawn]:
        return self._rows

    def sync(self) -> None:
        self._await(self._rows)
        super().sync()

    def nothing(self) -> str:
        return self.console.words("nothing is configured")

    async def load(self) -> None:
        api = self.console.api
        bots = await api.ask(calls.platforms())
        flows = await api.ask(workflow_calls.workflows())
        providers = await api.ask(calls.providers())
        times = self._looks.take(await api.ask(instrument_calls.metric_times()), self.console.state.clock())
        stages = [each for each in reversed(times) if each.what == "stage"]
        self._boxes = {
            "platforms": [
                Item(p.state, f"{p.platform}/{p.bot}", f"{rate(p.traffic.minutes.received)}/min")
                for p in bots
            ],
            "stages": [Item("", each.name, _numbers([each])) for each in stages],
            "workflows": [Item(w.state, w.name, _numbers(_of(times, "workflow", w.name))) for w in flows],
            "models": [Item(p.state, p.name, _numbers(_of(times, "model", p.name))) for p in providers],
        }
        self._draw()

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    def speak(self) -> None:
        super().speak()
        self._draw()

    def _draw(self) -> None:
        if self._boxes:
            lines = drawing(
                {self.console.words(name): items for name, items in self._boxes.items()}, self._room
            )
            self._rows.rearrange(lambda: self._source.put(lines))

    @property
    def _room(self) -> int:
        return max(self._rows.size.width - 2, 20)


def _of(times: Iterable[Measured], what: str, name: str) -> list[Measured]:
    """Return what is measured of a model, or of a workflow by what became of its runs."""
    return [each for each in times if each.what == what and name in (each.name, each.name.rpartition("/")[0])]


def _numbers(found: Sequence[Measured]) -> str:
    """Return how many a minute, and the time that half of them stay under, of the first that has one."""
    made = sum(each.rate for each in found)
    half = next((took(each.p50) for each in found if each.count), "")
    return f"{half}  {made:.1f}/min" if made else half


def drawing(boxes: dict[str, list[Item]], width: int) -> list[Drawn]:
    """Return boxes as lines: beside each other where there is room, else one under the other."""
    bots, stages, *answers = boxes.items()
    if width < _BESIDE:
        lines: list[Drawn] = []
        for n, (title, items) in enumerate(boxes.items()):
            lines += [[("  ▼", "dim")]] if n in (1, 2) else []
            lines += box(title, items, min(width, 60))
        return lines
    each = (width - 2 * len(_ARROW)) // 3
    right = [line for title, items in answers for line in box(title, items, each)]
    columns = (box(*bots, each), box(*stages, each), right)
    blank: Drawn = [(" " * each, "text")]
    drawn: list[Drawn] = []
    for n, parts in enumerate(zip_longest(*columns, fillvalue=blank)):
        gap = (_ARROW if n == 1 else " " * len(_ARROW), "dim")
        drawn.append([*parts[0], gap, *parts[1], gap, *parts[2]])
    return drawn


def box(title: str, items: Sequence[Item], width: int) -> list[Drawn]:
    """Return a box of exactly so many cells a line."""
    head = f" {title} "
    lines: list[Drawn] = [
        [("┌", "dim"), (head, "head"), ("─" * max(width - 2 - cell_len(head), 0) + "┐", "dim")]
    ]
    room = width - 5 - _SAID
    for item in items:
        sign = _SIGNS.get(item.state, ("◐", "wait")) if item.state else ("·", "dim")
        said = fit(item.said, _SAID, right=True)
        lines.append(
            [("│", "dim"), sign, (" " + fit(item.name, room), "name"), (said, "text"), (" │", "dim")]
        )
    return [*lines, [("└" + "─" * (width - 2) + "┘", "dim")]]
