"""A real conversation with a model: does it answer, stream, call tools, see? For `mindbot provider test`."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace

import anyio

from mindbot.domain.abilities import Check
from mindbot.domain.chat import (
    Attachment,
    Capabilities,
    ChatMessage,
    ChatRequest,
    Chunk,
    Text,
    Tool,
    ToolResult,
    Usage,
)
from mindbot.domain.errors import MindBotError
from mindbot.domain.ports.answering import Able, Provider
from mindbot.telemetry.redaction import told

_CALL_SECONDS = 60.0
_TOKENS = 400  # of one answer: models that think need some before the first word
_TOOL = Tool(
    "add",
    "Add two whole numbers.",
    {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
)
#: One red pixel.
_PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
)


@dataclass(slots=True)
class _Answer:
    text: str
    pieces: int
    last: Chunk
    seconds: float  # to the first piece

    @property
    def cost(self) -> str:
        usage = self.last.usage
        tokens = f", {usage.input_tokens} + {usage.output_tokens} tokens" if usage else ", usage not told"
        return f"first word after {self.seconds:.2f} s{tokens}"


async def trial(provider: Provider, model: str = "") -> list[Check]:
    """Ask a provider, each thing once and without fallback; never raises for what its vendor says.

    What a model is not known to do is not asked of it, and told as skipped. This costs a few hundred tokens.
    """
    try:
        first, _ = await answers(provider, model)
    except MindBotError as error:
        first = failed("answer", error)
    return [first] if first.state != "ok" else [first, *await abilities(provider, model)]


async def answers(provider: Provider, model: str = "") -> tuple[Check, Usage | None]:
    """Ask for an answer; return what was found and what it took. Raises like `Provider.chat`."""
    answer = await _collect(provider, _asked(model))
    if not answer.text.strip():
        why = f"no words (finish: {answer.last.finish_word or answer.last.finish})"
        mend = "a model that thinks may need more max_tokens"
        return Check("answer", "failed", why, mend), answer.last.usage
    return Check("answer", "ok", answer.cost), answer.last.usage


async def abilities(provider: Provider, model: str = "") -> list[Check]:
    """Ask one that answers for all else; never raises for what its vendor says."""
    can = provider.capabilities(model) if isinstance(provider, Able) else Capabilities()
    asked = _asked(model)
    return [
        await _one("stream", can.streaming, lambda: _streamed(provider, asked)),
        await _one("tools", can.tools, lambda: _tools(provider, asked)),
        await _one("images", can.images, lambda: _picture(provider, asked)),
    ]


def failed(name: str, error: MindBotError) -> Check:
    """Return the finding of a step that failed."""
    return Check(name, "failed", told(error.message), error.hint)


def _asked(model: str) -> ChatRequest:
    return ChatRequest([ChatMessage("user", "Say hello.")], model=model, max_tokens=_TOKENS)


async def _one(name: str, able: bool, ask: Callable[[], Awaitable[Check]]) -> Check:
    if not able:
        return Check(name, "skipped", "its name, or its entry, says that it cannot")
    return await _step(name, ask)


async def _step(name: str, ask: Callable[[], Awaitable[Check]]) -> Check:
    try:
        return await ask()
    except MindBotError as error:
        return failed(name, error)


async def _streamed(provider: Provider, asked: ChatRequest) -> Check:
    question = "Count from one to twenty in words."
    answer = await _collect(provider, replace(asked, messages=[ChatMessage("user", question)], stream=True))
    if answer.pieces < 2:
        mend = "set stream: false, or ask what stands between to pass streams on"
        return Check("stream", "failed", "the answer came in one piece", mend)
    return Check("stream", "ok", f"{answer.pieces} pieces, {answer.cost}")


async def _tools(provider: Provider, asked: ChatRequest) -> Check:
    question = 'What is 20 + 22? Use the tool: call add({"a": 20, "b": 22})'
    lines = [ChatMessage("user", question)]
    first = await _collect(provider, replace(asked, messages=lines, tools=(_TOOL,)))
    if not first.last.tool_calls:
        return Check(
            "tools", "failed", "it answered without calling the tool", "say tools: false at the model"
        )
    call = first.last.tool_calls[0]
    try:
        arguments = json.loads(call.arguments or "{}")
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        return Check("tools", "failed", "its arguments are no JSON object", "say tools: false at the model")
    words = (Text(first.text),) if first.text else ()
    lines += [
        ChatMessage("assistant", [*first.last.thoughts, *words, *first.last.tool_calls]),
        *(ChatMessage("tool", [ToolResult(c.id, c.name, "42")]) for c in first.last.tool_calls),
    ]
    second = await _collect(provider, replace(asked, messages=lines, tools=(_TOOL,)))
    if not (second.text.strip() or second.last.tool_calls):
        return Check("tools", "failed", "it said nothing after the tool's result")
    return Check("tools", "ok", f"called {call.name}({call.arguments})")


async def _picture(provider: Provider, asked: ChatRequest) -> Check:
    dot = Attachment("image", "image/png", "dot.png", data=_PICTURE)
    lines = [ChatMessage("user", [Text("Which colour is this?"), dot])]
    answer = await _collect(provider, replace(asked, messages=lines))
    if unseen := answer.last.notes.get("unseen"):
        return Check("images", "failed", str(unseen[0]))
    return Check("images", "ok", answer.cost)


async def _collect(provider: Provider, asked: ChatRequest) -> _Answer:
    start = anyio.current_time()
    first, pieces, text, last = 0.0, 0, "", Chunk()
    async with aclosing(provider.chat(replace(asked, deadline=start + _CALL_SECONDS))) as chunks:
        async for chunk in chunks:
            first = first or anyio.current_time() - start
            text = chunk.text if chunk.afresh else text + chunk.text
            pieces += bool(chunk.text)
            last = chunk
    return _Answer(text, pieces, last, first)
