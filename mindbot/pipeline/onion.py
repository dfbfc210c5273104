"""The pipeline: stages wrapped around each other, each a step of the turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from mindbot.domain.errors import ConfigError
from mindbot.domain.turn import STAGE, Turn

Next = Callable[[Turn], Awaitable[None]]

OUTERMOST = "deliver"


class Stage(Protocol):
    """One layer. One that answers by itself does not call inwards.

    Where it stands its class says: ``after`` and ``before`` name the stages outside and inside of it. It
    stands as far out as they let it, and always inside of `deliver`, which writes the turn's end.
    """

    async def __call__(self, turn: Turn, call_next: Next) -> None: ...


def ordered(kinds: Mapping[str, Any]) -> list[str]:
    """Return the names of stages, outermost first, as their classes say.

    Of two that could stand there the one goes first that fewer others have to stand inside of.

    Raises:
        ConfigError: a stage names one that is not there, or they cannot all have their way.
    """
    outside: dict[str, set[str]] = {name: {OUTERMOST} & kinds.keys() - {name} for name in kinds}
    for name, kind in kinds.items():
        for other in _names(kind, "after"):
            outside[name].add(_there(other, name, kinds))
        for other in _names(kind, "before"):
            outside[_there(other, name, kinds)].add(name)
    found: list[str] = []
    while outside:
        free = [name for name, others in outside.items() if not others & outside.keys()]
        if not free:
            circle = ", ".join(sorted(outside))
            raise ConfigError(f"these stages each want to stand inside another of them: {circle}")
        first = min(free, key=lambda name: (sum(name in others for others in outside.values()), name))
        found.append(first)
        del outside[first]
    return found


def _names(kind: Any, side: str) -> Sequence[str]:
    said = getattr(kind, side, ())
    return (said,) if isinstance(said, str) else said


def _there(other: str, name: str, kinds: Mapping[str, Any]) -> str:
    if other in kinds:
        return other
    known = ", ".join(kinds)
    raise ConfigError(f"the stage {name!r} names {other!r}, which is not there", hint=f"stages: {known}")


async def _innermost(turn: Turn) -> None:
    """Nothing is left to do."""


def build(stages: Sequence[tuple[str, Stage]]) -> Next:
    """Wrap the stages, outermost first, and return the way in."""
    call: Next = _innermost
    for name, stage in reversed(stages):
        call = _layer(name, stage, call)
    return call


def _layer(name: str, stage: Stage, inner: Next) -> Next:
    async def layer(turn: Turn) -> None:
        async with turn.span(STAGE, name) as span:
            if turn.tracer.active:
                await turn.tracer.around(turn, span, stage, inner)
            else:
                await stage(turn, inner)

    return layer
