"""What a turn's view is made of: its head, the strip of its stages, its steps."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.strip import Strip

from mindbot.api.models import TurnView
from mindbot_tui.cells import clean, clock, fit, took
from mindbot_tui.state.steps import Stage, Step
from mindbot_tui.widgets.columns import Cell, Column
from mindbot_tui.widgets.line import fitting
from mindbot_tui.widgets.paint import Painter, Piece
from mindbot_tui.widgets.turn_list import STATES

_STATUS = {"ok": "ok", "error": "bad", "memo": "wait"}


class TurnHead(Painter):
    """Who, what became of it, and how long it took."""

    DEFAULT_CSS = "TurnHead { height: 2; }"

    def __init__(self) -> None:
        super().__init__()
        self._turn: TurnView | None = None

    def put(self, turn: TurnView) -> None:
        self._turn = turn
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        turn = self._turn
        if turn is None:
            return self.strip([(" …", "dim")] if y == 0 else [], width)
        groups = self._first(turn) if y == 0 else self._second(turn)
        return self.strip([(" ", "text"), *fitting(groups, width - 1)], width)

    def _first(self, turn: TurnView) -> list[list[Piece]]:
        sign, style = STATES.get(turn.state, ("?", "warn"))
        attempt = [(self.words("attempt {n}", n=turn.attempt), "wait")] if turn.attempt > 1 else []
        return [
            [(f"{sign} {self.words(turn.state)}", style)],
            [(f"{turn.platform}/{turn.bot}", "name")],
            [(clean(f"{turn.user} {_name_of(turn)}".strip()), "accent")],
            [(took(turn.took_ms / 1000), "strong")],
            [(clock(turn.received), "dim")],
            attempt,
            [(clean(turn.session), "dim")],
        ]

    def _second(self, turn: TurnView) -> list[list[Piece]]:
        if turn.reason:
            style = "dim" if turn.state == "answered" else "bad"  # together with another: nothing is wrong
            return [[(clean(turn.reason)[: self.size.width - 2], style)]]
        known = turn.to_json()
        facts = [str(known[name]) for name in ("runner", "workflow", "provider", "model") if known.get(name)]
        tokens = [(self.words("{n} tokens", n=known["tokens"]), "dim")] if known.get("tokens") else []
        why = str(turn.route.get("why") or "")
        return [[(" · ".join(facts), "dim")], tokens, [(clean(why), "dim")]]


class Stages(Painter):
    """The way through the onion, with what each stage took by itself under its name."""

    def __init__(self) -> None:
        super().__init__()
        self._stages: Sequence[Stage] = ()

    def put(self, stages: Sequence[Stage]) -> None:
        self._stages = stages
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        return self.strip(self._line(y, width), width)

    def _line(self, y: int, width: int) -> list[Piece]:
        cells = [(stage.name, _own(stage), _STATUS.get(stage.status, "bad")) for stage in self._stages]
        sizes = [max(cell_len(name), cell_len(time)) for name, time, _ in cells]
        gap = 3 if sum(sizes) + 3 * len(sizes) <= width else 1
        out: list[Piece] = [(" ", "text")]
        for i, ((name, time, style), size) in enumerate(zip(cells, sizes, strict=True)):
            if i:
                out.append((("›" if y == 0 else " ").center(gap), "dim"))
            out.append((fit(name, size), style) if y == 0 else (fit(time, size), "dim"))
        return out


def _name_of(turn: TurnView) -> str:
    """Return the sender's name, where it says more than the id."""
    user = turn.vars.get("user")
    name = str(user.get("name") or "") if isinstance(user, dict) else ""
    return f"({name})" if name and name.casefold() != turn.user.casefold() else ""


def _own(stage: Stage) -> str:
    return "…" if stage.own_ms is None else took(stage.own_ms / 1000)


def step_columns() -> list[Column[Step]]:
    """Return the columns of the tree of steps."""
    return [
        Column("STEP", _name, weight=4),
        Column("TOOK", lambda step: (_took(step), "text"), 7, right=True),
        Column("WHEN", _name, weight=3, least=50, draw=bar),
    ]


def _name(step: Step) -> Cell:
    kind = "" if step.kind == "stage" else f"{step.kind} "
    style = "bad" if step.status == "error" else "name" if kind else "text"
    memo = " ↺" if step.status == "memo" else ""
    return " " * min(step.indent, 24) + kind + step.name + memo, style


def _took(step: Step) -> str:
    return "…" if step.took_ms is None else took(step.took_ms / 1000)


def bar(step: Step, width: int) -> list[Piece]:
    """Return a bar that lies where the step lies in the turn: thick where it was at work itself."""
    style = "bad" if step.status == "error" else "bar"
    at = min(int(step.begin * width), width - 1)
    end = max(round(step.end * width), at + 1)
    inner = min(max(round(step.inner * width), at), end)
    outer = min(max(round(step.outer * width), inner), end)
    return [
        (" " * at, "text"),
        ("━" * (inner - at), style),
        ("╌" * (outer - inner), "dim"),
        ("━" * (end - outer), style),
        (" " * (width - end), "text"),
    ]
