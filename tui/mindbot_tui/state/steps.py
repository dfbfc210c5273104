"""A turn's spans as steps of a tree and as the strip of its stages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mindbot.api.models import SpanView, TurnView
from mindbot.domain.message import Json


@dataclass(frozen=True, slots=True)
class Step:
    """A line of the tree, ``indent`` cells in: stages lie so deep in each other that one a level has to do.
    ``begin`` and ``end`` are where it lies in the whole turn, from 0 to 1; from
    ``inner`` to ``outer`` something inside it was at work."""

    indent: int
    kind: str
    name: str
    took_ms: float | None
    status: str
    begin: float
    end: float
    inner: float
    outer: float
    data: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stage:
    """A layer of the onion. ``own_ms`` is what it took by itself, without the stages inside it."""

    name: str
    own_ms: float | None
    status: str


def steps(turn: TurnView) -> list[Step]:
    """Return the tree from the top, each step before those inside it, deliveries last."""
    spans = [*turn.spans, *_deliveries(turn)]
    if not spans:
        return []
    start = min(span.start for span in spans)
    whole = max(max(_end(span) for span in spans) - start, 1e-9)
    children: dict[int, list[SpanView]] = {}
    for span in spans:
        children.setdefault(span.parent, []).append(span)

    def under(parent: int, indent: int) -> Iterator[Step]:
        for span in children.get(parent, ()):
            inside = children.get(span.id, []) if span.id else []
            begin, end = (span.start - start) / whole, (_end(span) - start) / whole
            inner = min((each.start - start for each in inside), default=0.0) / whole
            outer = max((_end(each) - start for each in inside), default=0.0) / whole
            yield Step(
                indent,
                span.kind,
                span.name,
                span.took_ms,
                span.status,
                begin,
                end,
                inner,
                outer,
                span.to_json(),
            )
            if inside:
                yield from under(span.id, indent + (1 if span.kind == "stage" else 2))

    return list(under(0, 0))


def _end(span: SpanView) -> float:
    return span.start + (span.took_ms or 0.0) / 1000


def _deliveries(turn: TurnView) -> Iterator[SpanView]:
    for each in turn.deliveries:
        bad = each.get("state") in ("dead", "unknown")
        name = f"{each.get('platform', '')}/{each.get('bot', '')}"
        yield SpanView(
            id=0,
            parent=0,
            kind="delivery",
            name=name,
            start=each.get("created") or turn.received,
            took_ms=each.get("took_ms"),
            status="error" if bad else "ok",
            data=each,
        )


def stages(spans: Iterable[SpanView]) -> list[Stage]:
    """Return the stages a turn went through, outermost first."""
    found = [span for span in spans if span.kind == "stage"]
    inner = {span.parent: span for span in found}
    out = []
    for span in found:
        own = span.took_ms
        if own is not None and span.id in inner:
            own = max(own - (inner[span.id].took_ms or 0.0), 0.0)
        out.append(Stage(span.name, own, span.status))
    return out
