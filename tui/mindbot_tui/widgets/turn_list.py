"""The columns of the live list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

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
#: What stands in the place of an ended turn's sign while its answer has not arrived.
DELIVERIES: dict[str, Cell] = {
    "waiting": ("↑", "wait"),
    "undelivered": ("!", "bad"),
    "discarded": ("!", "drop"),
}
#: Stands before the user where it was somebody else who brought the message.
ORIGINS = {"test": "◇", "push": "⇢", "replay": "↻"}
DRY_RUN = "◌"


class _Answer(Protocol):
    @property
    def state(self) -> str: ...
    @property
    def delivery(self) -> str: ...
    @property
    def dry_run(self) -> bool: ...


def sign(turn: _Answer) -> Cell:
    """Return the sign of a turn's state, or of its answer's where that has not arrived."""
    if turn.state == "answered" and turn.dry_run:  # nobody got that answer, and nobody was to
        return "✓", "dim"
    if turn.state == "answered" and turn.delivery in DELIVERIES:
        return DELIVERIES[turn.delivery]
    return STATES.get(turn.state, ("?", "warn"))


def columns(
    now: Callable[[], float],
    say: Callable[[str], str] = str,
    runs: Callable[[], bool] = lambda: True,
    stands: Callable[[str], str] = lambda id: "",
) -> list[Column[TurnRow]]:
    """Return the columns; ``now`` tells how long open turns have been going on, ``say`` translates.

    Where nobody knows whether they still do (``runs``), they are grey. ``stands`` tells where one is
    parked, and until when.
    """

    def marked(row: TurnRow) -> Cell:
        mark, style = sign(row)
        return mark, style if row.done or runs() else "dim"

    def lasted(row: TurnRow) -> Cell:
        if row.done:
            return took(row.took), "bad" if row.took > 30 else "text"
        return (
            (took(max(0.0, now() - row.received)), "busy" if runs() else "dim")
            if row.received
            else ("", "dim")
        )

    def reply(row: TurnRow) -> Cell:
        if row.undelivered and row.reason and row.state in ("failed", "dead"):  # that of its notice
            return f"{row.reason} · {say('not delivered')}: {row.delivery_error}", "bad"
        if row.state == "parked":
            return stands(row.id), "wait"
        if row.undelivered:
            said = " · ".join(filter(None, (row.delivery_error, row.reply or row.reason)))
            return f"{say('not delivered')}: {said}", "bad"
        if row.delivery == "waiting" and row.delivery_error:
            said = " · ".join(filter(None, (row.delivery_error, row.reply or row.reason)))
            return f"{say('not sent yet')}: {said}", "wait"
        if row.reply and row.state not in ("failed", "dead"):
            remark = row.reason.partition(":")[0] if row.state == "answered" else ""  # that it was cut, say
            return (f"({remark}) {row.reply}", "wait") if remark else (row.reply, "text")
        # One that was answered together with another has no answer of its own, and nothing is wrong.
        return row.reason, {"dropped": "drop", "answered": "dim"}.get(row.state, "bad")

    def who(row: TurnRow) -> Cell:
        mark = DRY_RUN if row.dry_run else ORIGINS.get(row.origin)
        return (f"{mark} {row.user}", "dim") if mark else (row.user, "accent")

    return [
        Column("TIME", lambda row: (clock(row.received), "dim"), 8),
        Column("", marked, 1),
        Column("BOT", lambda row: (_bot(row), "name"), 12, wide=18, least=60),
        Column("USER", who, 9, wide=14),
        Column("TEXT", lambda row: (row.text, "text"), weight=4),
        Column("TOOK", lasted, 7, right=True),
        Column("REPLY", reply, weight=5, least=60),
    ]


def _bot(row: TurnRow) -> str:
    return row.platform if row.bot in ("", "default") else f"{row.platform}/{row.bot}"
