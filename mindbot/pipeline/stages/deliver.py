"""Outermost: on the way out, the reply goes to the outbox together with the end of the turn."""

from __future__ import annotations

from dataclasses import replace

from mindbot.domain.turn import Turn
from mindbot.pipeline.onion import Next
from mindbot.pipeline.services import Services
from mindbot.telemetry.redaction import redactor


class Deliver:
    """Ends every turn, also one that an inner stage dropped or that failed."""

    def __init__(self, services: Services) -> None:
        self._finish = services.finish
        self._clock = services.clock

    async def __call__(self, turn: Turn, call_next: Next) -> None:
        mine = turn.spans[turn.innermost - 1]
        await call_next(turn)
        if turn.state == "running":
            turn.state = "answered"
        for n, part in enumerate(turn.reply.parts):
            if (text := redactor.spoken(part.text)) != part.text:
                turn.reply.parts[n] = replace(part, text=text)
        turn.finished = self._clock()
        mine.end()  # in the record that is written now
        await self._finish(turn)
