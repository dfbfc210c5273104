"""A turn's steps without those that only hold others: a dozen stages become one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mindbot.api.models import SpanView
from mindbot.domain.span import STOPPED

PIPELINE = "pipeline"  # the kind of the step that stands for stages
BAD = {"error", *STOPPED}  # how a step ends that did not end by itself
_OWN_MS = 1.0  # what a stage may take for itself and still be said to do nothing,
_OWN_SHARE = 0.1  # or this share of its time


class Failure(NamedTuple):
    """What went wrong in a step: its kind (empty where only words were noted) and its words."""

    kind: str
    message: str

    def __str__(self) -> str:
        return ": ".join(filter(None, self))


def failure_of(span: SpanView) -> Failure | None:
    """Return what a step noted of its failure, if it did."""
    error = span.data.get("error")
    if isinstance(error, Mapping):
        error = Failure(str(error.get("kind") or ""), str(error.get("message") or ""))
        return error if any(error) else None
    return Failure("", str(error)) if error else None


def inside(spans: Sequence[SpanView]) -> dict[int, list[SpanView]]:
    """Return the steps inside each, by its id; those at the top are inside 0."""
    children: dict[int, list[SpanView]] = {}
    for span in spans:
        children.setdefault(span.parent, []).append(span)
    return children


def passes_on(span: SpanView, within: Sequence[SpanView]) -> bool:
    """Tell whether a step failed, or was stopped, only because one inside it was: that one says why."""
    bad = [each for each in within if each.status == span.status]
    if span.status not in BAD or not bad:
        return False
    said, told = failure_of(span), [failure_of(each) for each in bad]
    return said is None or any(each and each.message in said.message for each in told)


def blamed(spans: Sequence[SpanView], reason: str = "") -> SpanView | None:
    """Return the step that a turn failed of: one that failed by itself, whose words the ``reason`` has; of
    several, or where none has them, the last to end."""
    within = inside(spans)

    def rank(span: SpanView) -> tuple[bool, float]:
        said = failure_of(span)
        return bool(said and said.message and said.message in reason), span.start + (span.took_ms or 0) / 1000

    failed = (s for s in spans if s.status == "error" and not passes_on(s, within.get(s.id, ())))
    return max(failed, key=rank, default=None)


def folded(spans: Sequence[SpanView]) -> list[SpanView]:
    """Return steps in which stages that only wrap others, one within the other, are one of kind `PIPELINE`.

    What was inside any of them is inside that one, which has their outermost's id, time and status; ``data``
    names them (``stages``, outermost first). A stage stays that failed by itself, noted something, or took
    notable time of its own.
    """
    children = inside(spans)
    wraps = {span.id: span for span in spans if _only_wraps(span, children.get(span.id, ()))}
    outermost = {id: _outermost(id, wraps) for id in wraps}
    groups: dict[int, list[str]] = {}
    for span in wraps.values():
        groups.setdefault(outermost[span.id], []).append(span.name)
    found = []
    for span in spans:
        top = outermost.get(span.id)
        changed: dict[str, object] = {"parent": outermost.get(span.parent, span.parent)}
        if top is not None and len(groups[top]) > 1:
            if top != span.id:
                continue
            names = groups[top]
            changed |= {"kind": PIPELINE, "name": f"{names[0]} … {names[-1]}", "data": {"stages": names}}
        found.append(span.model_copy(update=changed))
    return found


def _only_wraps(span: SpanView, within: Sequence[SpanView]) -> bool:
    if span.kind != "stage" or not within or span.data.keys() - {"error"}:
        return False
    if span.status == "error" and not passes_on(span, within):
        return False
    if span.status not in ("ok", "error") and all(each.status != span.status for each in within):
        return False  # it was stopped itself
    if span.took_ms is None:
        return True
    own = span.took_ms - sum(each.took_ms or 0.0 for each in within)
    return own <= max(_OWN_MS, span.took_ms * _OWN_SHARE)


def _outermost(id: int, wraps: Mapping[int, SpanView]) -> int:
    top, seen = id, {id}
    while (parent := wraps[top].parent) in wraps:
        if parent in seen:  # a damaged record goes round: nothing of it is folded
            return id
        top = parent
        seen.add(top)
    return top
