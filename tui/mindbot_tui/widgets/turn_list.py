"""The columns of the live list."""

from __future__ import annotations

from collections.abc import Callable

from mindbot_tui.cells import clock, took
from mindbot_tui.state.turn_row import TurnRow
from mindbot_tui.widgets.columns import Cell, Column

#: A sign and a style for each state of a turn.
STATES: dict[str, Cell] = {
    "queued": ("·", "dim"),
    "running": ("▸", "busy"),
    "parked": ("‖", "wait"),
    "waiting": ("◦", "wait"),
    "answered": ("✓", "ok"),
    "dropped": ("⊘", "drop"),
    "failed": ("✗", "bad"),
    "dead": ("✝", "bad"),
}
_UNSENT: Cell = ("!", "bad")


def sign(row: TurnRow) -> Cell:
    """Return the state's sign; an answer that could not be delivered is marked."""
    if row.delivery == "dead" and row.state == "answered":
        return _UNSENT
    return STATES.get(row.state, ("?", "warn"))


def columns(now: Callable[[], float]) -> list[Column[TurnRow]]:
    """Return the columns; ``now`` tells how long open turns have been going on."""

    def lasted(row: TurnRow) -> Cell:
        if row.done:
            return took(row.took), "bad" if row.took > 30 else "text"
        return (took(max(0.0, now() - row.received)), "busy") if row.received else ("", "dim")

    def reply(row: TurnRow) -> Cell:
        if row.reply and row.state not in ("failed", "dead"):
            remark = row.reason.partition(":")[0] if row.state == "answered" else ""  # that it was cut, say
            return (f"({remark}) {row.reply}", "wait") if remark else (row.reply, "text")
        return row.reason, "drop" if row.state == "dropped" else "bad"

    return [
        Column("TIME", lambda row: (clock(row.received), "dim"), 8),
        Column("", sign, 1),
        Column("BOT", lambda row: (_bot(row), "name"), 12, wide=18, least=60),
        Column("USER", lambda row: (row.user, "accent"), 9, wide=14),
        Column("TEXT", lambda row: (row.text, "text"), weight=4),
        Column("TOOK", lasted, 7, right=True),
        Column("REPLY", reply, weight=5, least=60),
    ]


def _bot(row: TurnRow) -> str:
    return row.platform if row.bot in ("", "default") else f"{row.platform}/{row.bot}"
