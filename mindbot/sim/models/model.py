"""The simulated model: decides what is answered, for all vendors alike.

A scripted reply comes first. Then, where tools are offered, what the user's words ask to be called, as in
``call add({"a": 1})`` (several of them are parallel calls). Otherwise it echoes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Literal

import orjson

from mindbot.domain.message import Json
from mindbot.sim.models.conversation import (
    ModelCall,
    ModelQuestion,
    ModelReply,
    Scripted,
    count_tokens,
    first_tokens,
)

_CALL = re.compile(r"\bcall ([\w.-]+)\(")
_DECODER = json.JSONDecoder()


class TooLong(Exception):
    """A request exceeds the model's context. ``tokens`` it has, ``most`` it may have."""

    def __init__(self, tokens: int, most: int) -> None:
        super().__init__(f"{tokens} tokens, at most {most}")
        self.tokens = tokens
        self.most = most


class Model:
    """See the module. ``script`` is consumed front to back."""

    def __init__(self, context_tokens: int, call_id: str = "call_{:024d}") -> None:
        """``call_id`` is the form of the ids that tool calls get."""
        self.script: list[Scripted] = []
        self.context_tokens = context_tokens
        self._call_id = call_id
        self._calls = 0

    def reply(self, question: ModelQuestion) -> ModelReply:
        """Answer a request.

        Raises:
            TooLong: it exceeds the context.
        """
        if question.tokens > self.context_tokens:
            raise TooLong(question.tokens, self.context_tokens)
        plan = self._scripted(question.asked) or _unscripted(question)
        calls = [self._call(call) for call in plan.tool_calls]
        why: Literal["stop", "length", "calls", "sequence"] = "calls" if calls else "stop"
        text, finish, stopped_by = plan.text, plan.finish, ""
        found = [(at, stop) for stop in question.stops if stop and (at := text.find(stop)) >= 0]
        if found:
            at, stopped_by = min(found)
            text, why = text[:at], "sequence"
        if question.limit and count_tokens(text) > question.limit:
            text, why, finish, stopped_by = first_tokens(text, question.limit), "length", "", ""
        reasoning = plan.reasoning or (f"The user says: {question.asked}" if question.thinks else "")
        return ModelReply(
            question.model, text, calls, reasoning, why, question.tokens,
            finish, stopped_by, plan.think, plan.cached, plan.blocked,
        )  # fmt: skip

    def _scripted(self, asked: str) -> Scripted | None:
        """Take the first scripted reply that matches."""
        for reply in self.script:
            if re.search(reply.match, asked):
                if reply.times == 1:
                    self.script.remove(reply)
                elif reply.times > 1:
                    reply.times -= 1
                return reply
        return None

    def _call(self, call: Json) -> ModelCall:
        self._calls += 1
        arguments: Any = call.get("arguments", {})
        if not isinstance(arguments, str):
            arguments = orjson.dumps(arguments).decode()
        return ModelCall(call.get("id") or self._call_id.format(self._calls), call["name"], arguments)


def _unscripted(question: ModelQuestion) -> Scripted:
    """Call what was asked for, or echo the last user message and the tool results after it."""
    results = question.results
    if question.tools and not results:
        calls = list(_asked_for(question))
        if not calls and question.forced:
            calls = [{"name": question.tools[0] if question.forced == "*" else question.forced}]
        if calls:
            return Scripted(tool_calls=calls)
    said = question.answer or f"echo: {question.asked}"
    return Scripted(said + "".join(f" [tool: {result}]" for result in results))


def _asked_for(question: ModelQuestion) -> Iterator[Json]:
    """Yield the calls that the user's words ask for: of tools that are offered."""
    for found in _CALL.finditer(question.asked):
        if found[1] not in question.tools:
            continue
        try:
            arguments, end = _DECODER.raw_decode(question.asked, found.end())
        except ValueError:
            arguments, end = {}, found.end()
        if isinstance(arguments, dict) and question.asked[end : end + 1] == ")":
            yield {"name": found[1], "arguments": arguments}
