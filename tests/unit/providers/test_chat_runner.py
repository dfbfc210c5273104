"""The runner `chat`: the prompt, and the span that tells what happened."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import pytest

from mindbot.config.sections import ChatSettings
from mindbot.domain.errors import Overloaded
from mindbot.domain.message import Json, Message, text_part
from mindbot.domain.turn import ChatRequest, Chunk, Chunks, Turn
from mindbot.pipeline.chat import ChatRunner

pytestmark = pytest.mark.anyio


class Model:
    """Answers in two pieces, or fails; remembers what it was asked."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked: list[tuple[ChatRequest, str]] = []
        self.left_early = False
        self._error = error

    async def chat(self, request: ChatRequest, *, provider: str = "", notes: Json | None = None) -> Chunks:
        self.asked.append((request, provider))
        assert notes is not None
        notes |= {"provider": "acme", "model": "acme-1"}
        if self._error:
            raise self._error
        try:
            yield Chunk("Hel")
            yield Chunk("lo", finish="stop", usage={"input_tokens": 3, "output_tokens": 2})
        except GeneratorExit:
            self.left_early = True
            raise


def a_turn(text: str = "hi", **vars: Any) -> Turn:
    message = Message("console", "default", "k1", "s1", "ada", "text", (text_part(text),), {})
    return Turn(1, message, vars=vars)


async def answer(runner: ChatRunner, turn: Turn) -> str:
    async with aclosing(runner.run(turn)) as chunks:
        return "".join([chunk.text async for chunk in chunks])


async def test_the_prompt_is_instructions_history_and_message() -> None:
    model = Model()
    history = [{"role": "user", "content": "before"}, {"role": "assistant", "content": "yes"}]
    settings = ChatSettings(system_prompt="Be kind.", provider="acme", model="acme-9")
    assert await answer(ChatRunner(model, settings), a_turn("now", _history=history, stream=True)) == "Hello"
    [(request, provider)] = model.asked
    assert [(m.role, m.content) for m in request.messages] == [
        ("system", "Be kind."),
        ("user", "before"),
        ("assistant", "yes"),
        ("user", "now"),
    ]
    assert (request.model, request.stream, provider) == ("acme-9", True, "acme")


async def test_without_settings_the_message_is_the_prompt() -> None:
    model = Model()
    await answer(ChatRunner(model, ChatSettings()), a_turn("now"))
    [(request, provider)] = model.asked
    assert [(m.role, m.content) for m in request.messages] == [("user", "now")]
    assert (request.model, request.stream, provider) == ("", False, "")


async def test_the_span_tells_the_call() -> None:
    turn = a_turn("now")
    outer = turn.open_span("stage", "run")
    await answer(ChatRunner(Model(), ChatSettings()), turn)
    span = turn.spans[-1]
    assert (span.kind, span.name, span.status, span.parent) == ("model", "acme", "ok", outer.id)
    assert span.took >= 0
    assert turn.running == outer.id
    assert span.data.pop("first_ms") >= 0
    assert span.data == {
        "request": {"model": "", "stream": False, "messages": [{"role": "user", "content": "now"}]},
        "provider": "acme",
        "model": "acme-1",
        "finish": "stop",
        "usage": {"input_tokens": 3, "output_tokens": 2},
    }


async def test_a_failure_is_in_the_span_and_goes_on_up() -> None:
    turn = a_turn()
    with pytest.raises(Overloaded):
        await answer(ChatRunner(Model(Overloaded("acme: busy")), ChatSettings()), turn)
    span = turn.spans[-1]
    assert (span.status, span.data["error"]) == ("error", {"kind": "overloaded", "message": "acme: busy"})
    assert turn.running == 0


async def test_who_leaves_early_ends_the_call() -> None:
    model, turn = Model(), a_turn()
    async with aclosing(ChatRunner(model, ChatSettings()).run(turn)) as chunks:
        async for _ in chunks:
            break
    assert model.left_early
    assert (turn.spans[-1].status, turn.running) == ("error", 0)
