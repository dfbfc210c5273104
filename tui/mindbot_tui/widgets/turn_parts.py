"""What a turn's view is made of: its head, the strip of its stages, its steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.cells import cell_len
from textual.strip import Strip

from mindbot.api.models import BehindView, TurnView
from mindbot.api.shown_waits import waits
from mindbot.domain.span import STOPPED
from mindbot.domain.turn import DONE_STATES
from mindbot_tui.cells import clean, clock, fit, took
from mindbot_tui.state.steps import QUEUE, Axis, Stage, Step
from mindbot_tui.widgets.columns import Cell, Column
from mindbot_tui.widgets.line import fitting
from mindbot_tui.widgets.paint import Painter, Piece
from mindbot_tui.widgets.turn_list import DRY_RUN, ORIGINS, STATES, sign
from mindbot_tui.words import Words

_SHORT = 60  # cells of a head that has no room for all words
_STATUS = {"ok": "ok", "error": "bad", "cancelled": "drop", "interrupted": "drop", "memo": "wait"}
_BARS = _STATUS | {"ok": "bar"}


class TurnHead(Painter):
    """What became of it, why, by which model and how long it took; who and when, where there is room."""

    DEFAULT_CSS = "TurnHead { height: 2; }"

    def __init__(self) -> None:
        super().__init__()
        self._turn: TurnView | None = None
        self._took = self._asked = self._as_of = ""

    def put(self, turn: TurnView, took: str, asked: str, as_of: str = "") -> None:
        """Show a turn, how long it took so far, and who was asked where it does not say who answered.

        ``as_of`` is when the daemon went away, of a turn that ran then.
        """
        if turn is not self._turn or (took, asked, as_of) != (self._took, self._asked, self._as_of):
            self._turn, self._took, self._asked, self._as_of = turn, took, asked, as_of
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        turn = self._turn
        if turn is None:
            return self.strip([(" …", "dim")] if y == 0 else [], width)
        groups = self._first(turn, width - 1) if y == 0 else self._second(turn, width - 1)
        return self.strip([(" ", "text"), *fitting(groups, width - 1)], width)

    def _first(self, turn: TurnView, width: int) -> list[list[Piece]]:
        mark, _ = STATES.get(turn.state, ("?", "warn"))
        _, style = sign(turn)  # an answer that nobody got is not green
        as_of = [(self.words("as of {time}", time=self._as_of), "dim")] if self._as_of else []
        if as_of:
            style = "dim"
        busy = turn.state not in DONE_STATES and not as_of
        delivery = self._delivery(turn)
        # Where room is short, what became of the answer says more than that there was one.
        short = bool(delivery) and width < _SHORT
        state = [(mark if short else f"{mark} {self.words(turn.state)}", style)]
        taken = sum(cell_len(text) + 2 for text, _ in (*state, *delivery))
        model = clean(_model(turn) or self._asked)
        model = fit(model, min(cell_len(model), max(width - taken, 0)))
        attempt = [(self.words("attempt {n}", n=turn.attempt), "wait")] if turn.attempt > 1 else []
        return [
            state,
            delivery,
            [(model, "strong")],
            [(self._took, "busy" if busy else "dim" if as_of else "strong")],
            as_of,
            attempt,
            [(f"{turn.platform}/{turn.bot}", "name")],
            [(clean(f"{turn.user} {_name_of(turn)}".strip()), "accent")],
            self._origin(turn),
            [(clock(turn.received), "dim")],
            [(clean(turn.session), "dim")],
        ]

    def _origin(self, turn: TurnView) -> list[Piece]:
        """Say who brought the message, where it was not its user."""
        if turn.dry_run:
            return [(f"{DRY_RUN} {self.words('dry run')}", "wait")]
        mark = ORIGINS.get(turn.origin)
        return [(f"{mark} {self.words(turn.origin)}", "wait")] if mark else []

    def _delivery(self, turn: TurnView) -> list[Piece]:
        if turn.undelivered:
            return [(f"✗ {self.words('not delivered')}", "bad")]
        if turn.delivery == "waiting" and turn.state in DONE_STATES:
            return [(self.words("not sent yet"), "wait")]
        return [(self.words("put away unsent"), "drop")] if turn.delivery == "discarded" else []

    def _second(self, turn: TurnView, width: int) -> list[list[Piece]]:
        known = turn.to_json()
        bad = [turn.reason] if turn.state in ("failed", "dead") and turn.reason else []
        bad += [turn.delivery_error] if turn.delivery_error and turn.delivery != "discarded" else []
        if bad:
            return [[(fit(text, width // len(bad) - 1).rstrip(), "bad")] for text in bad]
        if turn.reason:  # together with another: nothing is wrong
            return [[(fit(turn.reason, width), "dim" if turn.state == "answered" else "bad")]]
        if turn.state == "queued":
            return [[(waits(turn.behind or BehindView(), self.words), "wait")]]
        runner = [(clean(turn.runner), "dim")] if turn.workflow else []
        tokens = [(self.words("{n} tokens", n=known["tokens"]), "dim")] if known.get("tokens") else []
        why = str(turn.route.get("why") or "")
        return [runner, tokens, [(clean(why), "dim")]]


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


def _model(turn: TurnView) -> str:
    """Return who answers: the workflow or the provider, and its model."""
    known = turn.to_json()
    facts = (known.get("workflow"), known.get("provider"), known.get("model"))
    return " · ".join(str(each) for each in facts if each)


def _name_of(turn: TurnView) -> str:
    """Return the sender's name, where it says more than the id."""
    user = turn.vars.get("user")
    name = str(user.get("name") or "") if isinstance(user, dict) else ""
    return f"({name})" if name and name.casefold() != turn.user.casefold() else ""


def _own(stage: Stage) -> str:
    return "…" if stage.own_ms is None else took(stage.own_ms / 1000)


def step_columns(axis: Callable[[], Axis], words: Callable[[], Words]) -> list[Column[Step]]:
    """Return the columns of the tree of steps, whose bars lie on an axis."""
    return [
        Column("STEP", lambda step: _name(step, words(), axis()), weight=4),
        Column("TOOK", lambda step: _took(step, axis()), 7, right=True),
        Column(
            "WHEN",
            lambda step: ("", ""),
            weight=3,
            least=50,
            draw=lambda s, w: bar(s, axis(), w),
            head=lambda w: scale(axis(), w, words()),
        ),
    ]


def scale(axis: Axis, width: int, words: Words) -> str:
    """Return the ends of an axis, over its ends; its name where they are not known or have no room."""
    last = took(axis.end - axis.start)
    if axis.open and cell_len(now := f"{last} {words('now')}") + 3 <= width:
        last = now
    elif axis.open:
        last = words("now")
    room = width - cell_len(last) - 1
    return f"0{' ' * room}{last}" if axis.end > axis.start and room > 0 else words("WHEN")


#: By a step's status: how its name is written, and its sign.
_NAMES = {
    "error": ("bad", " ✗"),
    "cancelled": ("drop", " ⊘"),
    "interrupted": ("drop", " ↯"),
    "memo": ("", " ↺"),
}


def _name(step: Step, words: Words, axis: Axis) -> Cell:
    kind, name = "" if step.kind == "stage" else f"{step.kind} ", step.name
    if step.kind == QUEUE:
        behind = BehindView.model_validate(step.span.data)
        kind, name = "", waits(behind, words) if step.end is None else words("waited for its place")
    style, sign = _NAMES.get(step.status, ("", "")) if not step.passes else ("dim", "")
    if step.end is None and not sign:
        style = "dim" if axis.stands else "wait" if step.kind == QUEUE else "busy"
    fold = f"{step.sign} " if step.sign == "▸" else ""
    return " " * min(step.indent, 24) + fold + kind + name + sign, style or ("name" if kind else "text")


def _took(step: Step, axis: Axis) -> Cell:
    if step.took_ms is not None:
        return took(step.took_ms / 1000), "text"
    return took(max(axis.end - step.start, 0.0)), "dim" if axis.stands else "busy"


def bar(step: Step, axis: Axis, width: int) -> list[Piece]:
    """Return a bar that lies where the step lies in the turn: thick where it was at work itself.

    One that still runs ends at now, with an open end; waiting is dotted, what was stopped is hollow. One of
    which nobody knows whether it still runs is grey, and ends in a question mark.
    """
    style = "dim" if step.passes else _BARS.get(step.status, "bar")
    fill, opened = "━", step.end is None
    if step.kind == QUEUE:
        style, fill = "wait", "┅"
    elif step.status in STOPPED:
        fill = "─"
    elif opened:
        style = "busy"
    if opened and axis.stands:
        style = "dim"
    at = min(int(axis.share(step.start) * width), width - 1)
    end = max(round(axis.share(axis.end if step.end is None else step.end) * width), at + 1)
    inner = min(max(round(axis.share(step.inner) * width), at), end)
    outer = end if step.outer is None else min(max(round(axis.share(step.outer) * width), inner), end)
    last = fill if not opened else "?" if axis.stands else "▶"
    thick = fill * (end - outer)
    return [
        (" " * at, "text"),
        (fill * (inner - at), style),
        ("╌" * (outer - inner), "dim"),
        ((thick[:-1] + last if thick and opened else thick), style),
        (" " * (width - end), "text"),
    ]
