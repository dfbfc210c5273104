"""How parked turns are listed, and the onion that one of them stands in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

from rich.cells import cell_len

from mindbot.api.debug_models import ParkedView
from mindbot.api.shown_debugger import step_of
from mindbot.domain.saying import Say
from mindbot_tui.cells import clean
from mindbot_tui.state.stops import placed
from mindbot_tui.widgets.columns import Cell, Column
from mindbot_tui.widgets.line import Line
from mindbot_tui.widgets.paint import Piece
from mindbot_tui.widgets.turn_list import STATES

_SOON = 10  # seconds of a lease that are few


@dataclass(frozen=True, slots=True)
class StoppedLine:
    """A turn that is parked, or one that was and is still looked at: then ``state`` says how it is."""

    parked: ParkedView
    state: str = "parked"


def parked_columns(now: Callable[[], float], say: Say) -> Sequence[Column[StoppedLine]]:
    """Return the columns; ``now`` counts leases down."""

    def lease(line: StoppedLine) -> Cell:
        if line.state != "parked":
            return "", "dim"
        left = max(ceil(line.parked.lease_until - now()), 0)
        return f"{left}s", "bad" if left <= _SOON else "wait"

    def place(line: StoppedLine) -> Cell:
        return (_place(line.parked, say), "strong") if line.state == "parked" else (say(line.state), "dim")

    return [
        Column("LEASE", lease, 5, right=True),
        Column("", lambda line: STATES.get(line.state, ("?", "warn")), 1),
        Column("STANDS", place, 14, wide=18),
        Column("USER", lambda line: (line.parked.user_name or line.parked.user, "accent"), 9),
        Column("TEXT", lambda line: (line.parked.text, "text"), weight=1),
        Column("BOT", lambda line: (f"{line.parked.platform}/{line.parked.bot}", "name"), 16, least=90),
        Column("BY", lambda line: (line.parked.breakpoint or line.parked.reason, "dim"), 8, least=70),
    ]


class Onion(Line):
    """The steps around the place where a turn stands, outermost first; what has no room is at the outside."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._line: StoppedLine | None = None

    def put(self, line: StoppedLine | None) -> None:
        """Show where a turn stands."""
        self._line = line
        self.sync()

    def pieces(self, width: int) -> list[Piece]:
        line = self._line
        if line is None or not line.parked.stack:
            return []
        *outer, _ = (clean(step_of(each.kind, each.name)) for each in line.parked.stack)
        style = "wait" if line.state == "parked" else "dim"
        out: list[Piece] = [(f" ‖ {clean(_place(line.parked, self.words))} ", style)]
        left = width - cell_len(out[0][0]) - 3
        for name in reversed(outer):
            piece = f"{name} › "
            if cell_len(piece) > left:
                return [(" … ", "dim"), *out]
            left -= cell_len(piece)
            out.insert(0, (piece, "dim"))
        return [(" ", "dim"), *out]


def _place(parked: ParkedView, say: Say) -> str:
    return placed(parked.on, step_of(parked.kind, parked.name), say)
