"""A model in a process of its own: answers, crashes, hangs, leaves, and starts again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import anyio
import pytest

from mindbot.domain.chat import ChatMessage, ChatRequest, Chunk
from mindbot.domain.errors import ConfigError, NetworkFailed, Overloaded, TimedOut
from mindbot.providers.local.provider import LocalProvider
from mindbot.providers.local.settings import LocalSettings
from mindbot.testing.waiting import PATIENCE

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@asynccontextmanager
async def a_model(**settings: object) -> AsyncIterator[LocalProvider]:
    told = {"backend": "mindbot.testing.local_backends:EchoBackend", "model_path": "m.gguf", **settings}
    provider = LocalProvider.build("acme", LocalSettings.model_validate(told), None, None)
    try:
        with anyio.fail_after(PATIENCE):
            yield provider
    finally:
        await provider.aclose()


def ask(text: str, deadline: float = 0.0) -> ChatRequest:
    return ChatRequest([ChatMessage("system", "Be kind."), ChatMessage("user", text)], deadline=deadline)


async def collect(provider: LocalProvider, text: str, deadline: float = 0.0) -> list[Chunk]:
    async with aclosing(provider.chat(ask(text, deadline))) as chunks:
        return [chunk async for chunk in chunks]


def text_of(chunks: list[Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


async def test_it_answers_again_and_again_in_the_same_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_DAEMON", "not-for-models")
    async with a_model() as provider:
        first = await collect(provider, "good morning")
        assert text_of(first).strip() == "echo: good morning" and len(first) > 3
        last = first[-1]
        assert last.finish == "stop" and last.usage is not None and last.usage.output_tokens == 3
        assert text_of(await collect(provider, "path")).strip() == "m.gguf"
        assert "SECRET_OF_THE_DAEMON" not in text_of(await collect(provider, "environment"))


async def test_questions_wait_for_each_other() -> None:
    answers: dict[int, str] = {}

    async def one(n: int) -> None:
        answers[n] = text_of(await collect(provider, f"question {n}")).strip()

    async with a_model() as provider, anyio.create_task_group() as tasks:
        for n in range(5):
            tasks.start_soon(one, n)
    assert answers == {n: f"echo: question {n}" for n in range(5)}


async def test_a_crash_costs_one_answer() -> None:
    async with a_model() as provider:
        with pytest.raises(NetworkFailed, match="memory"):
            await collect(provider, "die")
        assert "echo" in text_of(await collect(provider, "and now?"))


async def test_a_failure_costs_one_answer_and_no_process() -> None:
    async with a_model() as provider:
        with pytest.raises(Overloaded, match="out of ink"):
            await collect(provider, "fail")
        assert "echo" in text_of(await collect(provider, "and now?"))


async def test_one_that_hangs_is_killed_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mindbot.providers.local.process._PARTING", 0.1)
    async with a_model() as provider:
        assert "echo" in text_of(await collect(provider, "hello"))
        with pytest.raises(NetworkFailed):
            await collect(provider, "hang", anyio.current_time() + 0.2)
        assert "echo" in text_of(await collect(provider, "and now?"))


async def test_who_leaves_stops_the_model_and_not_the_process() -> None:
    async with a_model() as provider:
        async with aclosing(provider.chat(ask("talk"))) as chunks:
            async for chunk in chunks:
                assert chunk.text
                break
        assert "echo" in text_of(await collect(provider, "and now?"))


async def test_an_answer_without_end_is_cut() -> None:
    async with a_model(answer_bytes=1000) as provider:
        chunks = await collect(provider, "talk")
    assert chunks[-1].finish == "length" and len(text_of(chunks)) <= 1000


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"options": {"refuse": True}}, "no such model"),
        ({"backend": "llama_cpp"}, "local-llama"),
        ({"backend": "abacus"}, "abacus"),
    ],
)
async def test_a_model_that_cannot_be_loaded_says_why(settings: dict[str, object], why: str) -> None:
    async with a_model(**settings) as provider:
        with pytest.raises(ConfigError, match=why):
            await collect(provider, "hello")


async def test_an_idle_one_ends_and_comes_back() -> None:
    async with a_model(keep_alive=0.05) as provider:
        await collect(provider, "hello")
        process = provider._worker._process
        assert process is not None and await process.wait() == 0
        assert "echo" in text_of(await collect(provider, "and now?"))


async def test_a_deadline_that_has_passed_starts_nothing() -> None:
    async with a_model() as provider:
        with pytest.raises(TimedOut):
            await collect(provider, "hello", anyio.current_time() - 1)
