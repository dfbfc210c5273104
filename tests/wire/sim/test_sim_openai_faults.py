"""Every way the OpenAI simulator can fail."""

from typing import Any

import orjson
import pytest
from aiohttp import ClientError, ClientPayloadError, ClientResponse, ClientSession, ClientTimeout

from mindbot.sim.openai.server import OpenAISimulator
from mindbot.sim.testing import simulated

pytestmark = pytest.mark.anyio


def post(http: ClientSession, openai: OpenAISimulator, stream: bool = False, **options: Any) -> Any:
    content = "你好 " * 10
    body = {"model": "m", "messages": [{"role": "user", "content": content}], "stream": stream}
    return http.post(f"{openai.base_url}/chat/completions", json=body, **options)


def spoken(raw: bytes) -> list[str]:
    """Return the content chunks in a stream's bytes."""
    events = [line[6:] for line in raw.splitlines() if line.startswith(b"data: {")]
    deltas = [event["choices"][0]["delta"] for event in map(orjson.loads, events) if "choices" in event]
    return [delta["content"] for delta in deltas if delta.get("content")]


async def received(response: ClientResponse) -> tuple[bytes, bool]:
    """Return what arrived, and whether the answer ended well formed."""
    raw = b""
    try:
        async for data in response.content.iter_any():
            raw += data
    except ClientPayloadError:
        return raw, False
    return raw, True


@pytest.mark.parametrize(
    ("fault", "status", "type_", "code"),
    [
        ("429", 429, "requests", "rate_limit_exceeded"),
        ("429:code=insufficient_quota", 429, "insufficient_quota", "insufficient_quota"),
        ("400:code=context_length_exceeded", 400, "invalid_request_error", "context_length_exceeded"),
        ("401", 401, "invalid_request_error", "invalid_api_key"),
        ("403", 403, "request_forbidden", "unsupported_country_region_territory"),
        ("500", 500, "server_error", None),
        ("503", 503, "server_error", None),
        ("418:code=teapot", 418, "server_error", "teapot"),
    ],
)
async def test_statuses(http: ClientSession, fault: str, status: int, type_: str, code: str | None) -> None:
    async with simulated("openai", fault=fault) as openai, post(http, openai) as response:
        error = (await response.json())["error"]
        assert (response.status, error["type"], error["code"]) == (status, type_, code)
        assert openai.counters[f"fault.{status}"] == 1


@pytest.mark.parametrize(
    ("option", "header", "value"),
    [
        ("retry-after=7", "retry-after", "7"),
        ("retry-after-ms=250", "retry-after-ms", "250"),
        ("retry-after-date=60", "retry-after", " GMT"),
    ],
)
async def test_when_to_come_back(http: ClientSession, option: str, header: str, value: str) -> None:
    async with simulated("openai", fault=f"429:{option}") as openai, post(http, openai) as response:
        assert response.headers[header].endswith(value)


async def test_bodies_of_a_proxy(http: ClientSession) -> None:
    async with simulated("openai", fault=["502:body=html:n=1", "504:body=empty"]) as openai:
        async with post(http, openai) as response:
            assert (response.status, response.content_type) == (502, "text/html")
        async with post(http, openai) as response:
            assert (response.status, await response.read()) == (504, b"")


async def test_only_the_named_path_fails(http: ClientSession) -> None:
    async with simulated("openai", fault="500@embeddings") as openai:
        async with post(http, openai) as response:
            assert response.status == 200
        async with http.post(f"{openai.base_url}/embeddings", json={"model": "m", "input": "x"}) as response:
            assert response.status == 500


async def test_no_answer_at_all(http: ClientSession) -> None:
    async with simulated("openai", fault=["drop:n=1", "hang"]) as openai:
        with pytest.raises(ClientError):
            await post(http, openai)
        with pytest.raises(TimeoutError):
            await post(http, openai, timeout=ClientTimeout(total=0.05))


async def test_a_cut_stream(http: ClientSession) -> None:
    async with simulated("openai", fault="cut-stream:after=3") as openai:
        async with post(http, openai, stream=True) as response:
            raw, whole = await received(response)
        assert (len(spoken(raw)), whole) == (3, False)
        assert b"[DONE]" not in raw
        async with post(http, openai) as response:  # no stream, no fault
            assert response.status == 200


async def test_a_stream_cut_later_than_it_is_long_never_finishes(http: ClientSession) -> None:
    async with simulated("openai", fault="cut-stream:after=1000") as openai:
        async with post(http, openai, stream=True) as response:
            raw, whole = await received(response)
        assert ("".join(spoken(raw)), whole) == ("echo: " + "你好 " * 10, False)
        assert b'"stop"' not in raw


async def test_a_stream_that_ends_early_looks_well(http: ClientSession) -> None:
    async with simulated("openai", fault="end-early:after=2") as openai:
        async with post(http, openai, stream=True) as response:
            raw, whole = await received(response)
        assert (len(spoken(raw)), whole) == (2, True)
        assert b"[DONE]" not in raw
        assert b'"stop"' not in raw


async def test_a_stream_that_stalls(http: ClientSession) -> None:
    async with simulated("openai", fault="stall:after=2") as openai:
        async with post(http, openai, stream=True, timeout=ClientTimeout(sock_read=0.1)) as response:
            raw = b""
            with pytest.raises(TimeoutError):
                async for data in response.content.iter_any():
                    raw += data
        assert len(spoken(raw)) == 2


async def test_an_error_in_the_stream(http: ClientSession) -> None:
    async with simulated("openai", fault="error-in-stream:after=1:code=content_filter") as openai:
        async with post(http, openai, stream=True) as response:
            raw, whole = await received(response)
        assert (len(spoken(raw)), whole) == (1, True)
        assert orjson.loads(raw.strip().rsplit(b"data: ", 1)[1])["error"]["code"] == "content_filter"


async def test_a_stream_without_its_end_marker(http: ClientSession) -> None:
    async with simulated("openai", fault="no-done") as openai, post(http, openai, stream=True) as response:
        raw, whole = await received(response)
        assert whole
        assert b'"stop"' in raw
        assert b"[DONE]" not in raw


async def test_awkward_but_legal_framing(http: ClientSession) -> None:
    async with simulated("openai", fault=["split", "comments", "crlf"]) as openai:
        async with post(http, openai, stream=True) as response:
            pieces = [piece async for piece in response.content.iter_any()]
        raw = b"".join(pieces)
        assert len(pieces) > 10
        assert b": keep-alive\r\n\r\n" in raw
        assert b"\n\n" not in raw
        assert "".join(spoken(raw)) == "echo: " + "你好 " * 10


async def test_latency_and_pace(http: ClientSession) -> None:
    async with simulated("openai", latency=0.01, tokens_per_second=10_000) as openai:
        async with post(http, openai) as response:
            assert response.headers["openai-processing-ms"] == "10"
        async with post(http, openai, stream=True) as response:
            raw, whole = await received(response)
        assert (whole, "".join(spoken(raw))) == (True, "echo: " + "你好 " * 10)
