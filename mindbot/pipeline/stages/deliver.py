"""Outermost: on the way out, the reply goes to the outbox together with the end of the turn."""

from __future__ import annotations

from mindbot.domain.turn import Turn
from mindbot.pipeline.onion import Next
from mindbot.pipeline.services import Services


class Deliver:
    """Ends every turn, also one that an inner stage dropped or that failed."""

    def __init__(self, services: Services) -> None:
        self._finish = services.finish
        self._clock = services.clock

    async def __call__(self, turn: Turn, call_next: Next) -> None:
        await call_next(turn)
        if turn.state == "running":
            turn.state = "answered"
        turn.finished = self._clock()
        turn.close_span(turn.spans[0])
        await self._finish(turn)
