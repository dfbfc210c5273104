"""How lists show workflows and their late errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mindbot.api.shown_providers import money, percent, seconds, sparkline
from mindbot.api.shown_workflows import parts_of, why
from mindbot.api.shown_workflows import state as word_of
from mindbot.api.workflow_models import RunErrorView, WorkflowView
from mindbot_tui.cells import age
from mindbot_tui.widgets.columns import Cell, Column
from mindbot_tui.words import Words

STATES: dict[str, Cell] = {
    "ok": ("●", "ok"),
    "degraded": ("◐", "wait"),
    "open": ("◌", "bad"),
    "off": ("○", "dim"),
    "disabled": ("○", "dim"),
}
_LEFT_OUT = ("off", "disabled")
_BARS = 12  # cells
_POOR = 0.9  # share of successes
_DISLIKED = 0.5  # share of likes

Clock = Callable[[], float]
Say = Callable[[], Words]


def workflow_columns(clock: Clock, words: Say) -> Sequence[Column[WorkflowView]]:
    """Return the columns of the list; ``words`` returns those of the language in use."""

    def state(row: WorkflowView) -> Cell:
        sign, colour = STATES.get(row.state, ("?", "warn"))
        return f"{sign} {word_of(row, words())}", colour

    def reason(row: WorkflowView) -> Cell:
        colour = "dim" if row.state in _LEFT_OUT else STATES.get(row.state, ("", "bad"))[1]
        return why(row, clock(), words()), "wait" if colour == "ok" else colour

    def shares(row: WorkflowView) -> Cell:
        kinds = (("split", row.split), ("shadow", row.shadow))
        told = [f"{words()(kind)} {parts_of(found, words())}" for kind, found in kinds if found]
        return "; ".join(told), "accent"

    return [
        Column("WORKFLOW", lambda w: (w.name, "name"), 14, wide=20),
        Column("TYPE", lambda w: (w.type, "dim"), 9, least=110),
        Column("STATE", state, 11),
        Column("APPS", _apps, 4, right=True, least=90),
        Column("NOW", _now, 4, right=True, least=60),
        Column("RUNS", _runs, 6, right=True, least=50),
        Column("OK", _success, 4, right=True, least=60),
        Column("TIME", lambda w: (seconds(w.latency), "text"), 7, right=True, least=70),
        Column("LATELY", lambda w: (sparkline(w.latencies, _BARS), "bar"), _BARS, least=110),
        Column("LIKED", _liked, 5, right=True, least=120),
        Column("COST", lambda w: (money(w.money_today, ""), "text"), 8, right=True, least=90),
        Column("SHARES", shares, weight=1, least=140),
        Column("WHY", reason, weight=3),
    ]


def run_error_columns(clock: Clock) -> Sequence[Column[RunErrorView]]:
    """Return the columns of a workflow's late errors."""
    return [
        Column("AGE", lambda e: (age(clock() - e.ts), "dim"), 4, right=True),
        Column("KIND", lambda e: (e.kind, "bad"), 14),
        Column("APP", lambda e: (e.replica, "dim"), 8, least=90),
        Column("NODE", lambda e: (e.node, "name"), 12, least=50),
        Column("WHY", lambda e: (e.why, "text"), weight=2),
        Column("TURN", lambda e: (e.turn, "dim"), 26, least=120),
    ]


def _apps(row: WorkflowView) -> Cell:
    well = sum(each.state == "ok" for each in row.replicas)
    shown = f"{well}/{len(row.replicas)}" if row.replicas else "-"
    return shown, "text" if well == len(row.replicas) else "bad"


def _now(row: WorkflowView) -> Cell:
    waiting = f"+{row.waiting}" if row.waiting else ""
    return f"{row.in_flight or ''}{waiting}", "wait" if waiting else "busy"


def _runs(row: WorkflowView) -> Cell:
    return str(row.runs_today or ""), "text"


def _success(row: WorkflowView) -> Cell:
    poor = row.success is not None and row.success < _POOR
    return percent(row.success), "wait" if poor else "text"


def _liked(row: WorkflowView) -> Cell:
    poor = row.satisfaction is not None and row.satisfaction < _DISLIKED
    return percent(row.satisfaction), "wait" if poor else "text"
