"""The runner `chat`: what it sends, and the span that tells what happened."""

from __future__ import annotations

from contextlib import aclosing
from types import SimpleNamespace
from typing import Any

import pytest

from mindbot.config.sections import ChatSettings
from mindbot.domain.chat import ChatMessage, ChatRequest, Chunk, Chunks, Usage
from mindbot.domain.errors import Overloaded
from mindbot.domain.message import Json, Message, text_part
from mindbot.domain.spending import NOBODY, Payer
from mindbot.domain.turn import Turn
from mindbot.pipeline.chat import ChatRunner

pytestmark = pytest.mark.anyio


class Model:
    """Answers in two pieces, or fails; remembers what it was asked."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked: list[tuple[ChatRequest, str]] = []
        self.left_early = False
        self._error = error

    async def chat(
        self, request: ChatRequest, *, provider: str = "", notes: Json | None = None, payer: Payer = NOBODY
    ) -> Chunks:
        self.asked.append((request, provider))
        assert notes is not None
        notes |= {"provider": "acme", "model": "acme-1"}
        if self._error:
            raise self._error
        try:
            yield Chunk("Hel")
            yield Chunk("lo", finish="stop", usage=Usage(3, 2))
        except GeneratorExit:
            self.left_early = True
            raise


def a_turn(text: str = "hi", **vars: Any) -> Turn:
    message = Message("console", "default", "k1", "s1", "ada", "text", (text_part(text),), {})
    return Turn(1, message, vars=vars, route={"runner": "chat"}, prompt=[ChatMessage("user", text)])


def a_runner(asked: Any, **settings: Any) -> ChatRunner:
    services: Any = SimpleNamespace(
        models=asked, config=SimpleNamespace(chat=ChatSettings(**settings)), runners={}
    )
    services.runners["chat"] = ChatRunner(services)
    return services.runners["chat"]  # type: ignore[no-any-return]


async def answer(runner: ChatRunner, turn: Turn) -> str:
    async with aclosing(runner.run(turn)) as chunks:
        return "".join([chunk.text async for chunk in chunks])


async def test_the_prompt_is_sent_as_it_was_made() -> None:
    model = Model()
    turn = a_turn("now", stream=True)
    turn.prompt.insert(0, ChatMessage("system", "Be kind.", origin="instructions"))
    assert await answer(a_runner(model, provider="acme", model="acme-9"), turn) == "Hello"
    [(request, provider)] = model.asked
    assert request.messages == turn.prompt
    assert (request.model, request.stream, provider) == ("acme-9", True, "acme")


async def test_without_settings_the_provider_chooses_its_model() -> None:
    model = Model()
    await answer(a_runner(model), a_turn("now"))
    [(request, provider)] = model.asked
    assert (request.model, request.stream, provider) == ("", False, "")


async def test_the_span_tells_the_call() -> None:
    turn = a_turn("now")
    async with turn.span("stage", "run") as outer:
        await answer(a_runner(Model()), turn)
        assert turn.innermost == outer.id
    span = turn.spans[-1]
    assert (span.kind, span.name, span.status, span.parent) == ("model", "acme", "ok", outer.id)
    assert span.took >= 0
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
        await answer(a_runner(Model(Overloaded("acme: busy"))), turn)
    span = turn.spans[-1]
    assert (span.status, span.data["error"]) == ("error", {"kind": "overloaded", "message": "acme: busy"})
    assert turn.innermost == 0


async def test_who_leaves_early_ends_the_call() -> None:
    model, turn = Model(), a_turn()
    async with aclosing(a_runner(model).run(turn)) as chunks:
        async for _ in chunks:
            break
    assert model.left_early
    assert (turn.spans[-1].status, turn.innermost) == ("cancelled", 0)
