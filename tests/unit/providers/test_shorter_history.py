"""A conversation that a model refuses: what is asked instead, and what the next question begins with."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import anyio
import anyio.abc
import pytest
from pydantic import SecretStr

from mindbot.config.parts import read
from mindbot.domain.chat import ChatMessage, ChatRequest
from mindbot.domain.conversation import size
from mindbot.domain.errors import ContextOverflow, HistoryRefused
from mindbot.domain.message import Json
from mindbot.http.client import HttpClient
from mindbot.providers.management.shorter import Ask, Refusals
from mindbot.providers.manager import ProviderManager

pytestmark = pytest.mark.anyio

Takes = Callable[[list[Json]], str]  # why these lines are refused; empty when they are not


class Vault:
    async def aget(self, value: SecretStr) -> str:
        return value.get_secret_value()


class Model:
    """An OpenAI-shaped model that refuses what ``takes`` says, in its words."""

    def __init__(self, takes: Takes) -> None:
        self.asked: list[list[Json]] = []
        self.base_url = ""
        self._takes = takes

    async def _serve(self, stream: anyio.abc.SocketStream) -> None:
        async with stream:
            data = b""
            while b"\r\n\r\n" not in data:
                data += await stream.receive()
            head, _, body = data.partition(b"\r\n\r\n")
            length = next(
                int(v.split(b":")[1]) for v in head.split(b"\r\n") if v.lower().startswith(b"content-l")
            )
            while len(body) < length:
                body += await stream.receive()
            lines = json.loads(body)["messages"]
            self.asked.append(lines)
            if why := self._takes(lines):
                status, answer = (
                    "400 Bad Request",
                    {"error": {"message": why, "type": "invalid_request_error"}},
                )
            else:
                choice = {"message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}
                status, answer = "200 OK", {"choices": [choice]}  # type: ignore[dict-item]
            text = json.dumps(answer).encode()
            told = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n"
            await stream.send(f"{told}Content-Length: {len(text)}\r\n\r\n".encode() + text)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Model]:
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        self.base_url = f"http://127.0.0.1:{port}/v1"
        async with listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, self._serve)
            yield self
            tasks.cancel_scope.cancel()

    @asynccontextmanager
    async def managed(self, *others: Model) -> AsyncIterator[ProviderManager]:
        entries = {
            name: {"type": "openai", "base_url": model.base_url, "api_key": "k", "models": ["m"]}
            for name, model in zip(("first", "second"), (self, *others), strict=False)
        }
        selection = {"fallback_order": list(entries)}
        config = read({"providers": entries, "provider_selection": selection})
        http = HttpClient()
        for entry in entries.values():
            http.allow(str(entry["base_url"]))
        try:
            yield ProviderManager(config, http, Vault())
        finally:
            await http.aclose()


def talk(exchanges: int, words: int = 40, question: str = "and now?", **more: Any) -> ChatRequest:
    lines = [ChatMessage("system", "Be kind.")]
    for n in range(exchanges):
        lines += [ChatMessage("user", f"{n}".ljust(words, "?")), ChatMessage("assistant", "a" * words)]
    return ChatRequest([*lines, ChatMessage("user", question)], conversation="c", **more)


async def ask(manager: ProviderManager, request: ChatRequest) -> Json:
    notes: Json = {}
    async with aclosing(manager.chat(request, notes=notes)) as chunks:
        assert "".join([chunk.text async for chunk in chunks]) == "yes"
    return notes


def up_to(characters: int) -> Takes:
    def takes(lines: list[Json]) -> str:
        long = sum(len(line["content"]) for line in lines) > characters
        return "This model's maximum context length is 9 tokens" if long else ""

    return takes


async def test_a_history_that_is_too_long_loses_its_oldest_and_the_next_question_begins_shorter() -> None:
    async with Model(up_to(300)).running() as model, model.managed() as manager:
        notes = await ask(manager, talk(10))
        sizes = [sum(len(line["content"]) for line in lines) for lines in model.asked]
        assert sizes == sorted(sizes, reverse=True) and 2 <= len(sizes) <= 4 and sizes[-1] <= 300
        assert model.asked[-1][-2:] == model.asked[0][-2:], "what was said last is still there"
        assert model.asked[-1][1]["role"] == "user"
        assert "maximum context" in notes["left_out"]["why"] and notes["left_out"]["lines"] > 0
        calls = len(model.asked)
        notes = await ask(manager, talk(10, question="one more?"))
        assert len(model.asked) == calls + 1 and notes["left_out"]["lines"] > 0
        assert "left_out" not in await ask(manager, talk(1))


async def test_one_long_exchange_is_left_out_and_does_not_keep_out_short_ones_later() -> None:
    async with Model(up_to(300)).running() as model, model.managed() as manager:
        await ask(manager, talk(1, 2000, question="?"))
        assert [line["role"] for line in model.asked[-1]] == ["system", "user"]
        calls = len(model.asked)
        assert "left_out" not in await ask(manager, talk(2, 20))
        assert len(model.asked) == calls + 1


async def test_a_question_that_is_too_long_by_itself_is_refused_after_few_calls() -> None:
    async with Model(up_to(300)).running() as model, model.managed() as manager:
        with pytest.raises(ContextOverflow):
            await ask(manager, talk(100, question="w" * 400))
        assert len(model.asked) <= 5


async def test_another_provider_that_takes_the_whole_goes_before_a_shorter_history() -> None:
    async with (
        Model(up_to(300)).running() as small,
        Model(up_to(9000)).running() as large,
        small.managed(large) as manager,
    ):
        notes = await ask(manager, talk(10))
        assert notes["provider"] == "second" and "left_out" not in notes
        assert (len(small.asked), len(large.asked)) == (1, 1)


async def test_refused_roles_are_tried_without_history_and_remembered() -> None:
    def single(lines: list[Json]) -> str:
        roles = [line["role"] for line in lines]
        return "Conversation roles must alternate user/assistant" if roles != ["user"] else ""

    async with Model(single).running() as model, model.managed() as manager:
        notes = await ask(manager, talk(3))
        assert [len(lines) for lines in model.asked] == [8, 2, 1]
        assert model.asked[-1][0]["content"].startswith("Be kind.")
        assert notes["left_out"]["lines"] == 6 and notes["left_out"]["system"]
        await ask(manager, talk(4))
        assert len(model.asked) == 4


def test_a_vendor_without_system_role_keeps_the_history() -> None:
    whole = talk(2)
    less = Ask(whole).after(HistoryRefused("System role not supported"))
    assert less is not None and len(less.request.messages) == 5
    assert less.request.messages[0].content.startswith("Be kind.")
    last = less.after(HistoryRefused("roles"))
    assert last is not None and [m.content for m in last.request.messages] == ["Be kind.\n\nand now?"]
    assert last.after(HistoryRefused("roles")) is None


def test_what_was_learnt_is_forgotten_after_an_hour_and_is_bounded() -> None:
    now = [0.0]
    refusals, whole = Refusals(lambda: now[0]), talk(4)
    took = Ask(whole, history=90, why="too long", too_long=size(whole.messages))
    refusals.learn(took, "p", "m")
    assert refusals.first(whole, "p", "m").request.messages != whole.messages
    assert refusals.first(whole, "p", "other").request == whole
    now[0] = 3601.0
    assert refusals.first(whole, "p", "m").request == whole


@pytest.mark.parametrize("behind", [[], [ChatMessage("user", "is anybody there? " * 20)]])
async def test_what_the_bot_said_unasked_is_left_out_like_all_that_was_said(
    behind: list[ChatMessage],
) -> None:
    pushes = [ChatMessage("assistant", f"reminder {n} " + "r" * 200) for n in range(4)]
    instructions, question = ChatMessage("system", "Be kind."), ChatMessage("user", "and now?")
    async with Model(up_to(300)).running() as model, model.managed() as manager:
        notes = await ask(manager, ChatRequest([instructions, *pushes, *behind, question], conversation="c"))
        assert sum(len(line["content"]) for line in model.asked[-1]) <= 300
        assert model.asked[-1][0]["content"].startswith("Be kind.")
        assert model.asked[-1][-1] == {"role": "user", "content": "and now?"}
        assert notes["left_out"]["lines"] > 0
