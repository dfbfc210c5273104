"""Innermost: the runner produces the answer."""

from __future__ import annotations

from contextlib import aclosing
from typing import NotRequired, TypedDict

from anyio.lowlevel import checkpoint_if_cancelled

from mindbot.domain.chat import Chunk
from mindbot.domain.conversation import wordless
from mindbot.domain.errors import EmptyAnswer
from mindbot.domain.message import Part
from mindbot.domain.shapes.turns import Json, OrderJson, RouteJson
from mindbot.domain.turn import Turn
from mindbot.pipeline.onion import Next
from mindbot.pipeline.services import Services
from mindbot.telemetry.redaction import redactor

#: By how an answer ended: what an operator reads of one that has words and is not whole.
_CUT = {
    "length": "cut short: a limit of length or time was reached",
    "content_filter": "cut short: the vendor's content policy ended the answer",
}
#: What the user reads under an answer that a limit cut. It stays in the conversation, so that "go on" is
#: understood.
_GOES_ON = "\n\n（回答到达上限，没有说完 the answer reached its limit and is not complete）"


class _Unsaid:
    """What came of a model beside words, to tell why there are none."""

    def __init__(self) -> None:
        self._thought = False
        self._tools: list[str] = []

    def see(self, chunk: Chunk) -> None:
        """Take the next piece."""
        self._thought = self._thought or bool(chunk.reasoning)
        self._tools += [call.name or "?" for call in chunk.tool_calls]

    def why(self, finish: str) -> str:
        """Return why there are no words."""
        if finish == "content_filter":
            return "the vendor's content policy withheld the answer"
        if finish == "length":
            spent = "on thinking " if self._thought else ""
            return f"the limit was spent {spent}before the first word: raise max_tokens"
        if self._tools:
            return f"the model called {', '.join(self._tools)} and said nothing"
        does = "thought and said" if self._thought else "said"
        return f"the model {does} nothing (finish: {finish or 'not told'})"


class _Said(TypedDict):
    """What a runner said, and how it ended; ``empty`` is why there are no words. ``route``, ``reason`` and
    ``vars`` are what it changed of the turn: who answered, and why not who was asked."""

    text: str
    finish: str
    route: NotRequired[RouteJson]
    reason: NotRequired[str]
    vars: NotRequired[Json]
    empty: NotRequired[str]
    transfer: NotRequired[OrderJson]


class Run:
    """Streams the runner's chunks into the reply. After a crash the recorded answer is used again.

    One that a limit cut says so at its end, and so does the turn's reason. An answer without words is an
    error, so that whoever asked is told (`EmptyAnswer`).
    """

    after = "compose"

    def __init__(self, services: Services) -> None:
        self._runners = services.runners
        self._once = services.once
        self._running = services.running

    async def __call__(self, turn: Turn, call_next: Next) -> None:
        async def answer() -> _Said:
            pieces: list[str] = []
            unsaid = _Unsaid()
            finish = ""
            async with self._running(turn) as answering:
                route, reason, known = turn.route.copy(), turn.reason, turn.vars.copy()
                with answering.scope as scope:
                    await checkpoint_if_cancelled()  # who was told to stop by now is not begun
                    chunks = self._runners[turn.route["runner"]].run(turn)
                    async with aclosing(chunks):
                        async for chunk in chunks:
                            unsaid.see(chunk)
                            if chunk.afresh:
                                pieces.clear()
                            if chunk.text or chunk.afresh:
                                pieces.append(chunk.text)
                                answering.add(chunk)
                            named = chunk.finish != "other"
                            finish = (chunk.finish if named else chunk.finish_word) or finish
            finish = "stopped" if scope.cancelled_caught else finish
            # Masked as it will be said: this is kept with the turn.
            made: _Said = {"text": redactor.spoken("".join(pieces)), "finish": finish}
            if wordless(made["text"]):
                made["text"], made["empty"] = "", unsaid.why(finish)
            if "transfer" in turn.vars:
                made["transfer"] = turn.vars["transfer"]
            if turn.route != route:
                made["route"] = turn.route.copy()
            if turn.reason != reason:
                made["reason"] = turn.reason
            if changed := {k: v for k, v in turn.vars.items() if k != "transfer" and known.get(k) != v}:
                made["vars"] = changed
            return made

        result = await self._once(turn, "run", answer)
        cut = _CUT.get(result["finish"], "") if result["text"] else ""
        turn.route = result.get("route", turn.route)
        turn.vars |= result.get("vars", {})
        turn.reason = cut or result.get("reason", turn.reason)
        turn.reply.say(result["text"] + (_GOES_ON if cut and result["finish"] == "length" else ""))
        if order := result.get("transfer"):
            turn.vars["transfer"] = order
            turn.reply.parts.append(Part("transfer", order["say"], {"to": order["to"]}))
        if result["finish"] not in ("", "stop"):
            turn.vars["finish"] = result["finish"]
        if not turn.reply.parts:
            if result["finish"] != "stopped":
                raise EmptyAnswer(result.get("empty", "the answer has no words"))
            # Who asked for that is told by the turn that asked (`mindbot.pipeline.stop`): no more to say.
            turn.state, turn.reason = "dropped", "stopped before the first word"
        await call_next(turn)
