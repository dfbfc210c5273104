"""A turn's spans as steps of a tree on a time line, and as the strip of its stages."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from mindbot.api.folding import BAD, PIPELINE, blamed, folded, inside, passes_on
from mindbot.api.models import SpanView, TurnView
from mindbot.domain.trail import ATTEMPT
from mindbot.domain.turn import DONE_STATES

QUEUE = "queue"  # the kind of the step that is the wait for a place
WAITED = 0.005, 0.02  # seconds of waiting, and the share of the whole, that are worth a line
_ENDS = {"dead": "error", "unknown": "error", "discarded": "cancelled"}


@dataclass(slots=True)
class Axis:
    """From the receipt of a turn to its end, or to now while it is ``open``; Unix seconds."""

    start: float = 0.0
    end: float = 0.0
    open: bool = False
    stands: bool = False  # it ends where the daemon went away: whether what is open goes on nobody knows

    def share(self, moment: float) -> float:
        """Return where a moment lies, from 0 to 1."""
        return min(max((moment - self.start) / max(self.end - self.start, 1e-9), 0.0), 1.0)


@dataclass(frozen=True, slots=True)
class Step:
    """A line of the tree, ``indent`` cells in: stages lie so deep in each other that one a level has to do.

    ``start`` and ``end`` are Unix seconds, ``end`` None while it runs; from ``inner`` to ``outer`` something
    inside it was at work. ``passes``: it failed only because one inside it did. ``sign`` is ▸ where steps
    inside it are folded away, ▾ where they can be.
    """

    id: int
    indent: int
    kind: str
    name: str
    status: str
    start: float
    end: float | None
    inner: float
    outer: float | None
    took_ms: float | None
    passes: bool = False
    sign: str = ""
    span: SpanView = field(default_factory=SpanView)


@dataclass(frozen=True, slots=True)
class Stage:
    """A layer of the onion. ``own_ms`` is what it took by itself, without the stages inside it."""

    name: str
    own_ms: float | None
    status: str


@dataclass(slots=True)
class Folds:
    """Which steps are folded: stages that only wrap others, unless ``whole``; and those that were closed."""

    whole: bool = False
    closed: set[int] = field(default_factory=set)

    def turn_over(self, step: Step) -> None:
        """Fold a step, or unfold it."""
        if step.kind == PIPELINE or (step.kind == "stage" and self.whole):
            self.whole = not self.whole
        elif step.sign:
            self.closed ^= {step.id}


def all_spans(turn: TurnView, spans: Sequence[SpanView]) -> list[SpanView]:
    """Return a turn's spans with its wait for a place before them and its deliveries behind."""
    return [*_wait(turn, spans), *spans, *_deliveries(turn)]


def steps(spans: Sequence[SpanView], folds: Folds) -> list[Step]:
    """Return the tree from the top, each step before those inside it."""
    shown = list(spans) if folds.whole else folded(spans)
    children = inside(shown)
    known = {span.id for span in shown if span.id}
    out: list[Step] = []
    # A stack, not recursion: a damaged record may be deep.
    top = [span for parent, found in children.items() if parent not in known for span in found]
    stack = [(span, 0) for span in reversed(top)]
    while stack:
        span, indent = stack.pop()
        within = children.get(span.id, ()) if span.id else ()
        out.append(_step(span, indent, within, folds.closed))
        if span.id not in folds.closed:
            deeper = indent + (1 if span.kind in ("stage", PIPELINE) else 2)
            stack += [(each, deeper) for each in reversed(within)]
    return out


def _step(span: SpanView, indent: int, within: Sequence[SpanView], closed: Collection[int]) -> Step:
    sign = "▸" if span.kind == PIPELINE or (within and span.id in closed) else "▾" if within else ""
    ends = [_end(each) for each in within]
    return Step(
        id=span.id,
        indent=indent,
        kind=span.kind,
        name=span.name,
        status=span.status,
        start=span.start,
        end=_end(span),
        inner=min((each.start for each in within), default=span.start),
        outer=None if None in ends else max((end for end in ends if end is not None), default=span.start),
        took_ms=span.took_ms,
        passes=passes_on(span, within),
        sign=sign,
        span=span,
    )


def culprit(turn: TurnView, spans: Sequence[SpanView]) -> int:
    """Return the id of the step that a turn failed of, or of the delivery that was given up; 0 for none."""
    if turn.state in ("failed", "dead") and (found := blamed(turn.spans, turn.reason)) is not None:
        return found.id
    lost = (span.id for span in spans if span.kind == "delivery" and span.status == "error")
    return next(lost, 0)


def under_way(spans: Sequence[SpanView]) -> int:
    """Return the id of the innermost step that runs, rather than of a delivery; 0 for none."""
    running = [span for span in spans if span.took_ms is None]
    around = {span.parent for span in running}
    inner = [span for span in running if span.id not in around]
    return max(inner, key=lambda span: (span.kind != "delivery", span.start)).id if inner else 0


def _end(span: SpanView) -> float | None:
    return None if span.took_ms is None else span.start + span.took_ms / 1000


def axis(turn: TurnView, spans: Sequence[SpanView], now: float) -> Axis:
    """Return the line on which a turn's steps lie."""
    ends = [end for span in spans if (end := _end(span)) is not None]
    starts = [span.start for span in spans if span.start]
    runs = turn.state not in DONE_STATES or any(
        _end(span) is None for span in spans if span.kind == "delivery"
    )
    if runs:
        ends.append(now)
    start = min([turn.received, *starts] if turn.received else starts, default=now)
    return Axis(start, max([*ends, start]), runs)


def _wait(turn: TurnView, spans: Sequence[SpanView]) -> Iterator[SpanView]:
    """Yield the wait for a place, where it was or is one worth telling."""
    begun = min((span.start for span in spans), default=None)
    if not turn.received or (begun is None and turn.state in DONE_STATES):
        return
    if begun is not None:
        waited, (least, share) = begun - turn.received, WAITED
        if waited < max(least, share * turn.took_ms / 1000):
            return
    behind = turn.behind
    yield SpanView(
        id=-1,
        kind=QUEUE,
        name="" if behind is None else behind.turn or behind.why,
        start=turn.received,
        took_ms=None if begun is None else (begun - turn.received) * 1000,
        status="ok",
        data=behind.to_json() if behind is not None else {},
    )


def _deliveries(turn: TurnView) -> Iterator[SpanView]:
    for n, each in enumerate(turn.deliveries, start=2):
        name = f"{each.get('platform', '')}/{each.get('bot', '')}"
        state = str(each.get("state", ""))
        over = state in ("sent", *_ENDS)
        yield SpanView(
            id=-n,
            kind="delivery",
            name=name,
            start=each.get("created") or turn.received,
            took_ms=each.get("took_ms") or (0.0 if over else None),
            status="error" if "failed" in (each.get("notes") or {}) else _ENDS.get(state, "ok"),
            data=each,
        )


def asked(spans: Iterable[SpanView]) -> str:
    """Return which model or workflow was asked last."""
    last = ""
    for span in spans:
        if span.kind == "model":
            named = (span.data.get("provider"), span.data.get("model"))
            last = " · ".join(str(each) for each in named if each) or span.name
        elif span.kind == "workflow":
            last = span.name
    return last


def stages(spans: Iterable[SpanView]) -> list[Stage]:
    """Return the stages a turn went through in its last attempt, outermost first."""
    gone: set[int] = set()  # those of attempts that the daemon died in, and what is inside them
    found: list[SpanView] = []
    for span in spans:
        if span.kind == ATTEMPT or span.parent in gone:
            gone.add(span.id)
        elif span.kind == "stage":
            found.append(span)
    inner = {span.parent: span for span in found}
    out = []
    for span in found:
        own = span.took_ms
        if own is not None and span.id in inner:
            own = max(own - (inner[span.id].took_ms or 0.0), 0.0)
        passed = span.status in BAD and span.id in inner and inner[span.id].status != "ok"
        out.append(Stage(span.name, own, "ok" if passed else span.status))
    return out
