"""The pipeline: stages wrapped around each other, each with one tracer and one gate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from mindbot.domain.turn import Span, Turn
from mindbot.telemetry.redaction import told

Next = Callable[[Turn], Awaitable[None]]

#: From the outermost to the innermost. ``safety``, ``classify``, ``retrieve`` and ``compose`` take their
#: places between these when they exist.
ORDER = ("deliver", "errors", "access", "limits", "people", "media", "session", "route", "run")


class Stage(Protocol):
    """One layer. One that answers by itself does not call inwards."""

    async def __call__(self, turn: Turn, call_next: Next) -> None: ...


class Watch(Protocol):
    """What the tracer and the gate need; ``active`` is false when nobody is looking."""

    active: bool

    async def gate(self, turn: Turn, stage: str) -> None:
        """Hold the turn before a stage while a breakpoint matches."""

    def span_closed(self, turn: Turn, span: Span) -> None:
        """Tell observers that a step ended."""


async def _innermost(turn: Turn) -> None:
    """Nothing is left to do."""


def build(stages: Sequence[tuple[str, Stage]], watch: Watch) -> Next:
    """Wrap the stages, outermost first, and return the way in."""
    call: Next = _innermost
    for name, stage in reversed(stages):
        call = _layer(name, stage, call, watch)
    return call


def _layer(name: str, stage: Stage, inner: Next, watch: Watch) -> Next:
    async def layer(turn: Turn) -> None:
        span = turn.open_span("stage", name)
        if watch.active:
            await watch.gate(turn, name)
        try:
            await stage(turn, inner)
        except BaseException as error:
            span.data["error"] = told(error) or type(error).__name__
            turn.close_span(span, "error")
            if watch.active:
                watch.span_closed(turn, span)
            raise
        if span.took < 0:  # `deliver` ends its own, to have it in the record it writes
            turn.close_span(span)
        if watch.active:
            watch.span_closed(turn, span)

    return layer
