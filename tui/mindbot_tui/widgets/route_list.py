"""How lists show decisions, rules and corrections, and the line about the router above them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from textual.strip import Strip

from mindbot.api.shown_routes import belongs, router_counts, router_settings
from mindbot.api.workflow_models import LearnedView, RouterView, RuleView
from mindbot_tui.cells import age, clean, clock
from mindbot_tui.state.turn_row import TurnRow
from mindbot_tui.widgets.columns import Cell, Column
from mindbot_tui.widgets.line import fitting
from mindbot_tui.widgets.paint import Painter, Piece
from mindbot_tui.widgets.turn_list import sign
from mindbot_tui.words import Words

STATES: dict[str, Cell] = {"ok": ("●", "ok"), "degraded": ("◐", "wait")}
_CORRECTIONS: dict[str, Cell] = {
    "pending": ("?", "wait"),
    "accepted": ("✓", "ok"),
    "rejected": ("✗", "dim"),
    "reverted": ("↺", "dim"),
}

Clock = Callable[[], float]
Say = Callable[[], Words]


class RouterHead(Painter):
    """How the router is and what it goes by; then why it is not well, or what it has decided."""

    DEFAULT_CSS = "RouterHead { height: 2; }"

    def __init__(self) -> None:
        super().__init__()
        self._router: RouterView | None = None

    def put(self, router: RouterView) -> None:
        self._router = router
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        found = self._router
        if found is None:
            return self.strip([(" …", "dim")] if y == 0 else [], width)
        groups = self._first(found) if y == 0 else self._second(found)
        return self.strip([(" ", "text"), *fitting(groups, width - 1)], width)

    def _first(self, found: RouterView) -> Iterator[list[Piece]]:
        mark, style = STATES.get(found.state, ("?", "warn"))
        yield [(f"{mark} {self.words(found.state)}", style)]
        for n, text in enumerate(router_settings(found, self.words)):
            yield [(clean(text), "text" if n == 0 else "dim")]

    def _second(self, found: RouterView) -> Iterator[list[Piece]]:
        if found.reason:
            yield [(clean(found.reason)[: self.size.width - 2], STATES.get(found.state, ("", "bad"))[1])]
        for text in router_counts(found, self.words):
            yield [(text, "dim")]


def decision_columns() -> Sequence[Column[TurnRow]]:
    """Return the columns of late decisions: who got what, and why."""
    return [
        Column("TIME", lambda row: (clock(row.received), "dim"), 8),
        Column("", sign, 1),
        Column("USER", lambda row: (row.user, "accent"), 9, wide=14, least=60),
        Column("WORKFLOW", _answers, 14, wide=20),
        Column("SURE", _sure, 4, right=True),
        Column("TEXT", lambda row: (row.text, "text"), weight=3),
        Column("RULE", lambda row: (row.rule, "accent"), 12, least=120),
        Column("WHY", lambda row: (row.route, "dim"), weight=3, least=50),
    ]


def _sure(row: TurnRow) -> Cell:
    return f"{row.confidence:.2f}" if row.confidence else "", "text"


def _answers(row: TurnRow) -> Cell:
    return (row.workflow, "name") if row.workflow else (row.runner, "dim")


def rule_columns(clock: Clock) -> Sequence[Column[RuleView]]:
    """Return the columns of rules, in their order."""

    def last(row: RuleView) -> Cell:
        return age(clock() - row.last) if row.last else "", "dim"

    return [
        Column("", lambda r: ("●", "ok") if r.enabled else ("○", "dim"), 1),
        Column("RULE", lambda r: (r.name, "name"), 12, wide=20),
        Column("CONDITIONS", lambda r: (r.conditions, "text"), weight=3),
        Column("DOES", lambda r: (r.does, "accent"), weight=2),
        Column("MATCHED", lambda r: (str(r.matched or ""), "text"), 7, right=True),
        Column("LAST", last, 4, right=True, least=60),
    ]


def correction_columns(clock: Clock, words: Say) -> Sequence[Column[LearnedView]]:
    """Return the columns of corrections, the newest first."""
    return [
        Column("AGE", lambda c: (age(clock() - c.ts) if c.ts else "", "dim"), 4, right=True),
        Column("", lambda c: _CORRECTIONS.get(c.state, ("?", "warn")), 1),
        Column("FROM", lambda c: (belongs(c.was, words()), "dim"), 12, wide=18, least=70),
        Column("TO", lambda c: (belongs(c.workflow, words()), "name"), 12, wide=18),
        Column("TEXT", lambda c: (c.text, "text"), weight=3),
        Column("BY", lambda c: (c.by or words()(c.origin), "accent"), 10, wide=16, least=60),
        Column("NOTE", lambda c: (c.note, "dim"), weight=1, least=100),
    ]
