"""Innermost: the runner produces the answer."""

from __future__ import annotations

from contextlib import aclosing

from mindbot.domain.message import Json, Part
from mindbot.domain.turn import Turn
from mindbot.pipeline.onion import Next
from mindbot.pipeline.services import Services


class Run:
    """Streams the runner's chunks into the reply. After a crash the recorded answer is used again."""

    def __init__(self, services: Services) -> None:
        self._runners = services.runners
        self._once = services.once
        self._running = services.running

    async def __call__(self, turn: Turn, call_next: Next) -> None:
        async def answer() -> Json:
            pieces: list[str] = []
            finish = ""
            async with self._running(turn) as answering:
                with answering.scope as scope:
                    chunks = self._runners[turn.route["runner"]].run(turn)
                    async with aclosing(chunks):
                        async for chunk in chunks:
                            if chunk.text:
                                pieces.append(chunk.text)
                                answering.add(chunk)
                            finish = chunk.finish or finish
            made: Json = {
                "text": "".join(pieces),
                "finish": "stopped" if scope.cancelled_caught else finish,
            }
            return made | ({"transfer": turn.vars["transfer"]} if "transfer" in turn.vars else {})

        result = await self._once(turn, "run", answer)
        turn.reply.say(result["text"])
        if order := result.get("transfer"):
            turn.vars["transfer"] = order
            turn.reply.parts.append(Part("transfer", order["say"], {"to": order["to"]}))
        if result["finish"] not in ("", "stop"):
            turn.vars["finish"] = result["finish"]
        await call_next(turn)
