"""Embeddings, transcription and reranking against servers that answer as servers do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from mindbot.domain.chat import Attachment
from mindbot.domain.errors import AuthFailed, Overloaded, Rejected
from mindbot.domain.message import Json
from mindbot.domain.ports.answering import Embedder, Lists, Rank, Reranker, Transcriber
from mindbot.http.client import HttpClient
from mindbot.providers.openai import OpenAIProvider

pytestmark = pytest.mark.anyio
Answer = Callable[[Any], Any]


@asynccontextmanager
async def answering(answer: Answer, asked: list[Any]) -> AsyncIterator[OpenAIProvider]:
    """A server whose every answer is made of what it is asked; a number is a status."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if request.content_type == "multipart/form-data":
            form = await request.post()
            body: Any = {name: form[name] for name in form}
            if isinstance(body["file"], web.FileField):
                file = body["file"]
                body["file"] = (file.filename, file.content_type, file.file.read())
        else:
            body = await request.json() if request.can_read_body else {}
        asked.append((request.path, body))
        said = answer(body)
        if isinstance(said, tuple):
            return web.json_response(said[1], status=said[0])
        return web.json_response(said)

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        async with HttpClient() as http:
            url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
            yield OpenAIProvider("acme", http=http, base_url=url, api_key="sk-x", timeout=10)
    finally:
        await runner.cleanup()


def vector(text: str, width: int = 3) -> list[float]:
    return [float(len(text)), 0.5, *[1.0] * (width - 2)]


def answered(texts: list[str], **more: Any) -> Json:
    data = [{"object": "embedding", "index": at, "embedding": vector(t)} for at, t in enumerate(texts)]
    return {"object": "list", "data": data, "usage": {"prompt_tokens": len(texts)}, **more}


async def test_vectors_come_in_the_order_of_the_texts() -> None:
    def backwards(body: Json) -> Json:
        doc = answered(body["input"])
        return {**doc, "data": doc["data"][::-1]}

    asked: list[Any] = []
    async with answering(backwards, asked) as provider:
        assert isinstance(provider, Lists)
        embedder: Embedder = provider
        found = await embedder.embed(["a", "bb", "ccc"], model="e1")
        assert (await embedder.embed([])).vectors == []
    assert [each[0] for each in found.vectors] == [1.0, 2.0, 3.0]
    assert found.usage is not None
    assert found.usage.input_tokens == 3
    assert asked == [
        ("/v1/embeddings", {"model": "e1", "input": ["a", "bb", "ccc"], "encoding_format": "float"})
    ]


async def test_dimensions_are_sent_when_they_are_set_and_then_they_hold() -> None:
    asked: list[Any] = []
    async with answering(lambda body: answered(body["input"]), asked) as provider:
        await provider.embed(["a"], dimensions=3)
        with pytest.raises(Rejected, match="3 numbers instead of 4"):
            await provider.embed(["a"], dimensions=4)
    assert [body["dimensions"] for _, body in asked] == [3, 4]


@pytest.mark.parametrize(
    "few",
    [
        lambda texts: answered(texts[:2]),
        lambda texts: (
            (400, {"error": {"message": "input batch size 5 > maximum allowed batch size 2"}})
            if len(texts) > 2
            else answered(texts)
        ),
        lambda texts: (413, {"error": {"message": "too large"}}) if len(texts) > 2 else answered(texts),
    ],
)
async def test_a_batch_that_is_too_large_is_halved(few: Callable[[list[str]], Any]) -> None:
    asked: list[Any] = []
    texts = ["a" * n for n in range(1, 8)]
    async with answering(lambda body: few(body["input"]), asked) as provider:
        found = await provider.embed(texts)
    assert [each[0] for each in found.vectors] == [float(len(text)) for text in texts]
    assert found.usage is not None
    assert found.usage.input_tokens == 7


@pytest.mark.parametrize("bad", [[0.0, 0.0], [], [1.0, None], "zzz", [True, 1.0]])
async def test_what_is_no_vector_fails_the_call(bad: object) -> None:
    def broken(body: Json) -> Json:
        data = [
            {"index": at, "embedding": bad if text == "bad" else [1.0, 2.0]}
            for at, text in enumerate(body["input"])
        ]
        return {"data": data}

    asked: list[Any] = []
    async with answering(broken, asked) as provider:
        with pytest.raises(Rejected, match="vector"):
            await provider.embed(["a", "bad", "c", "d"])
    assert 1 < len(asked) < 5


async def test_vectors_of_two_widths_fail_the_call() -> None:
    def wide(body: Json) -> Json:
        return {"data": [{"index": 0, "embedding": vector("x", 3 if body["input"] == ["a"] else 4)}]}

    async with answering(wide, []) as provider:
        with pytest.raises(Rejected, match="3 and 4 numbers"):
            await provider.embed(["a", "b"])


async def test_another_refusal_is_no_reason_to_halve() -> None:
    asked: list[Any] = []
    refused = {"error": {"message": "Incorrect API key", "code": "invalid_api_key"}}
    async with answering(lambda body: (401, refused), asked) as provider:
        with pytest.raises(AuthFailed):
            await provider.embed(["a", "b"])
    assert len(asked) == 1


async def test_speech_becomes_text() -> None:
    asked: list[Any] = []
    sound = Attachment("audio", "audio/mpeg", data=b"ID3")
    async with answering(lambda body: {"text": "good morning"}, asked) as provider:
        speech: Transcriber = provider
        assert await speech.transcribe(sound, model="whisper-1", language="en") == "good morning"
        with pytest.raises(Rejected, match="the recording"):
            await speech.transcribe(Attachment("audio", "audio/mpeg", path="/nowhere/at/all.mp3"))
    path, body = asked[0]
    assert path == "/v1/audio/transcriptions"
    assert body == {
        "model": "whisper-1",
        "response_format": "json",
        "language": "en",
        "file": ("audio.mp3", "audio/mpeg", b"ID3"),
    }
    assert len(asked) == 1


async def test_texts_are_ranked_each_once() -> None:
    asked: list[Any] = []
    results = [
        {"index": 1, "relevance_score": 0.2},
        {"index": 0, "relevance_score": 0.9},
        {"index": 0, "relevance_score": 0.1},
        {"index": 7, "relevance_score": 1.0},
        {"index": 2, "relevance_score": None},
        "stray",
    ]
    async with answering(lambda body: {"results": results}, asked) as provider:
        rank: Reranker = provider
        assert await rank.rerank("q", ["a", "b", "c"], model="r") == [Rank(0, 0.9), Rank(1, 0.2)]
        assert await rank.rerank("q", ["a", "b", "c"], most=1) == [Rank(0, 0.9)]
        assert await rank.rerank("q", []) == []
    assert (asked[0][0], asked[1][1]["top_n"]) == ("/v1/rerank", 1)


@pytest.mark.parametrize("said", [{"nothing": 1}, {"data": 5}, []])
async def test_other_answers_are_named(said: Any) -> None:
    async with answering(lambda body: said, []) as provider:
        with pytest.raises(Overloaded, match="no transcription"):
            await provider.transcribe(Attachment("audio", "audio/wav", data=b"x"))
        with pytest.raises(Overloaded, match="no ranking"):
            await provider.rerank("q", ["a"])
        if said != []:
            with pytest.raises(Overloaded, match="no list of models"):
                await provider.list_models()


async def test_models_are_listed() -> None:
    models = {"data": [{"id": "a"}, {"id": 5}, "stray", {"id": "b"}]}
    async with answering(lambda body: models, []) as provider:
        assert await provider.list_models() == ["a", "b"]
