"""Stray shapes of OpenAI's wire: what gateways and older servers send beside a good answer."""

from typing import Any

import orjson
import pytest
from aiohttp import ClientSession

from mindbot.sim.models.conversation import Scripted
from mindbot.sim.openai.server import OpenAISimulator
from mindbot.sim.testing import simulated

pytestmark = pytest.mark.anyio
TEXT = "你好 😀 and 👍 more"


async def raw(http: ClientSession, sim: OpenAISimulator, **more: Any) -> tuple[int, str, bytes]:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **more}
    async with http.post(f"{sim.base_url}/chat/completions", json=body) as response:
        return response.status, response.content_type, await response.read()


async def stream(http: ClientSession, fault: str, **more: Any) -> bytes:
    async with simulated("openai", fault=fault) as sim:
        sim.script(Scripted(TEXT, reasoning="hmm"))
        status, kind, data = await raw(http, sim, stream=True, **more)
        assert (status, kind) == (200, "text/event-stream")
        return data


def chunks(data: bytes) -> list[Any]:
    return [
        orjson.loads(line[6:]) for line in data.splitlines() if line[:6] == b"data: " and line[6:7] != b"["
    ]


def written(data: bytes) -> bytes:
    """Return the words of a stream as they stand in its bytes."""
    found = [line.split(b'"content":"')[1:] for line in data.splitlines()]
    return b"".join(each[0].split(b'"')[0] for each in found if each)


def words(found: list[Any]) -> str:
    choices = [choice for chunk in found if chunk for choice in chunk["choices"] or ()]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


async def test_nothings_between_chunks(http: ClientSession) -> None:
    found = chunks(await stream(http, "null-choices"))
    assert [chunk["choices"] for chunk in found].count(None) == 2 and found[-1]["choices"] is None
    assert words(found) == TEXT
    found = chunks(await stream(http, "null-chunk"))
    assert found.count(None) == 1 and words(found) == TEXT


async def test_an_error_beside_choices_and_an_end_as_if_nothing_were(http: ClientSession) -> None:
    found = chunks(await stream(http, "error-beside"))
    assert [chunk["error"]["code"] for chunk in found if "error" in chunk] == [502]
    assert found[-1]["choices"][0]["finish_reason"] == "stop"


async def test_usage_in_another_shape(http: ClientSession) -> None:
    data = await stream(http, "odd-usage", stream_options={"include_usage": True})
    assert chunks(data)[-1]["usage"]["completion_tokens"] == "a few"


async def test_characters_in_halves(http: ClientSession) -> None:
    data = await stream(http, "half-surrogates")
    assert b"\\ud83d" in data and "😀".encode() not in data
    assert orjson.loads(f'"{written(data).decode()}"') == TEXT
    data = await stream(http, "half-bytes")
    with pytest.raises(UnicodeDecodeError):
        data.decode()
    assert written(data).decode() == TEXT


async def test_a_control_character_that_is_not_escaped(http: ClientSession) -> None:
    assert b'"content":"\x1b' in await stream(http, "raw-control")


async def test_thoughts_between_tags(http: ClientSession) -> None:
    found = chunks(await stream(http, "think-tags"))
    assert words(found) == f"<think>\nhmm\n</think>\n\n{TEXT}"


async def test_the_other_framing(http: ClientSession) -> None:
    async with simulated("openai", fault="other-framing") as sim:
        _, kind, data = await raw(http, sim, stream=True)
        assert kind == "application/json" and orjson.loads(data)["object"] == "chat.completion"
        _, kind, data = await raw(http, sim)
        assert kind == "text/event-stream" and data.endswith(b"data: [DONE]\n\n")
    async with simulated("openai", fault="json-and-done") as sim:
        _, kind, data = await raw(http, sim, stream=True)
        assert orjson.loads(data.split(b"\ndata: ")[0]) and data.endswith(b"data: [DONE]\n\n")
    async with simulated("openai", fault="error-in-200") as sim:
        status, _, data = await raw(http, sim, stream=True)
        assert (status, orjson.loads(data)["error"]["code"]) == (200, "rate_limit_exceeded")


async def test_what_older_servers_and_strict_templates_refuse(http: ClientSession) -> None:
    async with simulated("openai", fault="no-stream-options") as sim:
        status, _, data = await raw(http, sim, stream=True, stream_options={"include_usage": True})
        assert status == 400 and b"stream_options" in data
        assert (await raw(http, sim, stream=True))[0] == 200
    async with simulated("openai", fault="roles-in-turns") as sim:
        said = {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}
        for messages, status in (
            ([said[0]], 200),
            ([*said, said[0]], 200),
            ([said[0], said[0]], 400),
            ([said[1], said[0]], 400),
        ):
            found, _, data = await raw(http, sim, messages=messages)
            assert found == status and (status == 200 or b"must alternate" in data)
