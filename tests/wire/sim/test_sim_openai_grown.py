"""The OpenAI simulator's tools, parts, limits, odd streams, reranking and speech; every refusal by name."""

import base64
import struct
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession, FormData

from mindbot.sim.models.conversation import Scripted
from mindbot.sim.models.quotas import QuotaRules
from mindbot.sim.openai.errors import REFUSALS
from mindbot.sim.openai.server import OpenAISimulator
from mindbot.sim.testing import simulated

pytestmark = pytest.mark.anyio
Json = dict[str, Any]
ADD = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
NOW = {"type": "function", "function": {"name": "now"}}
TWO = 'call add({"a": 1, "b": 2}) and call now()'


def data_url(kind: str, begins: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(begins + bytes(8)).decode()}"


PNG = data_url("image/png", b"\x89PNG\r\n\x1a\n")
WAV = base64.b64encode(b"RIFF" + bytes(8)).decode()


def said(content: Any) -> list[Json]:
    return [{"role": "user", "content": content}]


async def post(http: ClientSession, sim: OpenAISimulator, path: str, body: Json) -> tuple[int, Json]:
    async with http.post(f"{sim.base_url}/{path}", json=body) as response:
        return response.status, await response.json()


async def chat(http: ClientSession, sim: OpenAISimulator, content: Any = "hi", **more: Any) -> Json:
    status, answer = await post(
        http, sim, "chat/completions", {"model": "m", "messages": said(content), **more}
    )
    assert status == 200, answer
    return answer


async def refused(http: ClientSession, sim: OpenAISimulator, content: Any = "hi", **more: Any) -> Json:
    status, answer = await post(
        http, sim, "chat/completions", {"model": "m", "messages": said(content), **more}
    )
    assert status == 400, answer
    return answer["error"]


async def pieces(http: ClientSession, sim: OpenAISimulator, content: str, **more: Any) -> list[Json]:
    """Return the pieces of tool calls in a stream, and the finish reason as the last."""
    body = {"model": "m", "messages": said(content), "stream": True, "tools": [ADD, NOW], **more}
    async with http.post(f"{sim.base_url}/chat/completions", json=body) as response:
        events = [event[6:] for event in (await response.text()).split("\n\n")[:-2]]
    choices = [orjson.loads(event)["choices"][0] for event in events]
    found = [call for choice in choices for call in choice["delta"].get("tool_calls", ())]
    return [*found, {"finish": choices[-1]["finish_reason"]}]


async def test_tools_are_called_as_the_words_ask_and_the_choice_allows(http: ClientSession) -> None:
    async with simulated("openai") as openai:

        async def called(**more: Any) -> list[str]:
            answer = await chat(http, openai, TWO, tools=[ADD, NOW], **more)
            calls = answer["choices"][0]["message"].get("tool_calls", ())
            return [call["function"]["name"] for call in calls]

        assert await called() == await called(tool_choice="auto") == ["add", "now"]
        assert await called(parallel_tool_calls=False) == ["add"]
        assert await called(tool_choice="none") == []
        chosen = {"type": "function", "function": {"name": "now"}}
        answer = await chat(http, openai, "hello", tools=[ADD, NOW], tool_choice=chosen)
        [call] = answer["choices"][0]["message"]["tool_calls"]
        assert call["function"] == {"name": "now", "arguments": "{}"}
        answer = await chat(http, openai, "hello", tools=[ADD], tool_choice="required")
        assert answer["choices"][0]["finish_reason"] == "tool_calls"


async def test_tool_calls_in_odd_streams(http: ClientSession) -> None:
    async with simulated("openai") as openai:
        *usual, end = await pieces(http, openai, TWO)
        assert [p["index"] for p in usual] == sorted(p["index"] for p in usual)
        assert end == {"finish": "tool_calls"} and len(usual) > 4
        openai.faults.set(["no-index", "stop-reason"])
        *odd, end = await pieces(http, openai, TWO)
        assert not any("index" in p for p in odd) and end == {"finish": "stop"}
        openai.faults.set(["equal-index", "whole-calls"])
        *odd, _ = await pieces(http, openai, TWO)
        assert [p["index"] for p in odd] == [0, 0]
        assert orjson.loads(odd[0]["function"]["arguments"]) == {"a": 1, "b": 2}
        openai.faults.set(["mixed-calls"])
        *odd, _ = await pieces(http, openai, TWO)
        assert [p["index"] for p in odd[:3]] == [0, 1, 0]
        answer = await chat(http, openai, TWO, tools=[ADD, NOW])
        assert answer["choices"][0]["finish_reason"] == "tool_calls"
        openai.faults.set(["stop-reason"])
        answer = await chat(http, openai, TWO, tools=[ADD, NOW])
        assert (
            answer["choices"][0]["finish_reason"] == "stop" and answer["choices"][0]["message"]["tool_calls"]
        )


async def test_pictures_files_and_voices_come_in(http: ClientSession) -> None:
    async with simulated("openai", strict=True) as openai:
        http.headers["Authorization"] = f"Bearer {openai.settings.api_key}"
        pdf = {"filename": "a.pdf", "file_data": data_url("application/pdf", b"%PDF-1.7")}
        content = [
            {"type": "text", "text": "look"},
            {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
            {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}},
            {"type": "file", "file": pdf},
            {"type": "file", "file": {"file_id": "file-1"}},
        ]
        answer = await chat(http, openai, content, model="sim-1")
        assert (
            answer["choices"][0]["message"]["content"] == "echo: look [image_url] [input_audio] [file] [file]"
        )
        assert openai.requests[-1].question.said[0].pictures == 1  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,?"}}, "invalid_base64"),
        ({"type": "image_url", "image_url": {"url": "ftp://x"}}, "invalid_image_url"),
        ({"type": "image_url", "image_url": {"url": data_url("image/bmp", b"BM")}}, "invalid_image_format"),
        ({"type": "image_url", "image_url": {"url": PNG, "detail": "much"}}, "invalid_value"),
        ({"type": "image_url", "image_url": {}}, "missing_required_parameter"),
        ({"type": "input_audio", "input_audio": {"data": WAV, "format": "ogg"}}, "invalid_value"),
        ({"type": "input_audio", "input_audio": {"data": WAV, "format": "mp3"}}, "invalid_value"),
        ({"type": "file", "file": {"file_data": "x"}}, "invalid_value"),
        (
            {"type": "file", "file": {"filename": "a", "file_data": data_url("application/pdf", b"no")}},
            "invalid_file",
        ),
        ({"type": "video"}, "invalid_value"),
        ({"type": "text"}, "missing_required_parameter"),
    ],
)
async def test_bad_parts(http: ClientSession, part: Json, code: str) -> None:
    async with simulated("openai") as openai:
        assert (await refused(http, openai, [part]))["code"] == code


@pytest.mark.parametrize(
    ("more", "param", "code"),
    [
        ({"temperature": 3}, "temperature", "decimal_above_max_value"),
        ({"top_p": "high"}, "top_p", "invalid_type"),
        ({"max_tokens": 0}, "max_tokens", "integer_below_min_value"),
        ({"max_tokens": 1, "max_completion_tokens": 1}, "max_tokens", "invalid_parameter_combination"),
        ({"tools": []}, "tools", "empty_array"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, None, "invalid_value"),
        ({"tool_choice": "auto"}, "tool_choice", None),
        (
            {"tools": [ADD], "tool_choice": {"type": "function", "function": {"name": "x"}}},
            None,
            "invalid_value",
        ),
        ({"stop": list("abcde")}, "stop", "array_above_max_length"),
        ({"reasoning_effort": "deeply"}, "reasoning_effort", "invalid_value"),
        ({"response_format": {"type": "xml"}}, "response_format.type", "invalid_value"),
        (
            {"messages": [{"role": "tool", "tool_call_id": "x", "content": [{"type": "image_url"}]}]},
            None,
            "invalid_value",
        ),
        ({"messages": said(None)}, None, None),
        (
            {
                "messages": [
                    {"role": "assistant", "tool_calls": [{"id": "1", "function": {"arguments": {}}}]},
                ]
            },
            None,
            "invalid_type",
        ),
    ],
)
async def test_bad_parameters(http: ClientSession, more: Json, param: str | None, code: str | None) -> None:
    async with simulated("openai") as openai:
        error = await refused(http, openai, **more)
        assert error["code"] == code and (param is None or error["param"] == param)


async def test_models_that_reason_are_stricter(http: ClientSession) -> None:
    async with simulated("openai", reasons=True) as openai:
        assert (await refused(http, openai, max_tokens=5))["code"] == "unsupported_parameter"
        assert (await refused(http, openai, temperature=0.5))["code"] == "unsupported_value"
        messages = [{"role": "developer", "content": "Be short."}, *said("hello")]
        answer = await chat(
            http, openai, messages=messages, max_completion_tokens=50, temperature=1, reasoning_effort="low"
        )
        details = answer["usage"]["completion_tokens_details"]
        assert details["reasoning_tokens"] > 0
        assert openai.requests[-1].question.said[0].role == "system"  # type: ignore[union-attr]


async def test_usage_tells_what_was_cached(http: ClientSession) -> None:
    async with simulated("openai") as openai:
        openai.script(Scripted("x", cached=3))
        assert (await chat(http, openai))["usage"]["prompt_tokens_details"]["cached_tokens"] == 3
        openai.script(Scripted(blocked="yes"))
        assert (await refused(http, openai))["code"] == "content_filter"


async def test_rate_headers_follow_the_quotas(http: ClientSession) -> None:
    rules = QuotaRules(requests_per_minute=2, tokens_per_minute=1000)
    async with simulated("openai", quotas=rules) as openai:
        url, body = f"{openai.base_url}/chat/completions", {"model": "m", "messages": said("hi")}
        left = []
        for _ in range(3):
            async with http.post(url, json=body) as response:
                assert response.headers["x-ratelimit-limit-requests"] == "2"
                left.append((response.status, response.headers["x-ratelimit-remaining-requests"]))
        assert left == [(200, "1"), (200, "0"), (429, "0")]
        assert 0 < int(response.headers["retry-after"]) <= 60


async def test_every_refusal_by_its_name(http: ClientSession) -> None:
    async with simulated("openai") as openai:
        for name in REFUSALS:
            openai.faults.set([f"{name}:n=1"])
            status, answer = await post(
                http, openai, "chat/completions", {"model": "m", "messages": said("x")}
            )
            assert status >= 400 and sorted(answer["error"]) == ["code", "message", "param", "type"]
        for name in ("credit_balance_exhausted", "project_spend_limit_exceeded"):
            openai.refused = {"poor": name}
            http.headers["Authorization"] = "Bearer poor"
            status, answer = await post(
                http, openai, "chat/completions", {"model": "m", "messages": said("x")}
            )
            assert (status, answer["error"]["code"]) == (429, name)


async def test_embeddings_of_tokens_their_dimensions_and_limits(http: ClientSession) -> None:
    async with simulated("openai") as openai:
        _, answer = await post(http, openai, "embeddings", {"model": "e", "input": [1, 2, 3]})
        assert len(answer["data"]) == 1 and answer["usage"]["prompt_tokens"] == 3
        _, answer = await post(http, openai, "embeddings", {"model": "e", "input": [[1, 2], [3]]})
        assert len(answer["data"]) == 2
        body = {"model": "e", "input": "x", "encoding_format": "base64", "dimensions": 4}
        _, answer = await post(http, openai, "embeddings", body)
        assert len(struct.unpack("<4f", base64.b64decode(answer["data"][0]["embedding"]))) == 4
        for more, code in (
            ({"dimensions": 257}, "invalid_value"),
            ({"dimensions": 0}, "integer_below_min_value"),
            ({"encoding_format": "hex"}, "invalid_value"),
            ({"input": ["x"] * 2049}, "array_above_max_length"),
            ({"input": ["xxxx" * 8000] * 40}, "max_tokens_per_request"),
            ({"input": ["xxxx" * 8193]}, "context_length_exceeded"),
        ):
            status, answer = await post(http, openai, "embeddings", {"model": "e", "input": "x", **more})
            assert (status, answer["error"]["code"]) == (400, code)


async def test_documents_are_put_into_order(http: ClientSession) -> None:
    documents = ["weather in Paris", "please refund the order", {"text": "refund my order"}]
    body = {"model": "sim-rerank-1", "query": "refund my order", "documents": documents, "top_n": 2}
    async with simulated("openai") as openai:
        _, answer = await post(http, openai, "rerank", body)
        assert [result["index"] for result in answer["results"]] == [2, 1]
        assert answer["results"][0]["document"] == {"text": "refund my order"}
        assert answer["results"][0]["relevance_score"] == 1.0 and answer["usage"]["total_tokens"] > 0
        assert (await post(http, openai, "rerank", {**body, "documents": []}))[0] == 400
    async with simulated("openai", face="siliconflow") as openai:
        _, answer = await post(http, openai, "rerank", body)
        assert answer["meta"]["tokens"]["input_tokens"] > 0 and "document" not in answer["results"][0]


async def test_speech_is_heard(http: ClientSession) -> None:
    async with simulated("openai") as openai:

        async def send(name: str = "a.wav", data: bytes = b"RIFF", **fields: str) -> tuple[int, Any]:
            form = FormData({"model": "sim-speech-1", **fields})
            form.add_field("file", data, filename=name)
            async with http.post(f"{openai.base_url}/audio/transcriptions", data=form) as response:
                text = await response.text()
                return response.status, orjson.loads(text) if text.startswith("{") else text

        assert (await send())[1]["text"] == "heard: a.wav (4 bytes)"
        assert (await send(response_format="verbose_json"))[1]["segments"][0]["start"] == 0.0
        assert await send(response_format="text") == (200, "heard: a.wav (4 bytes)\n")
        assert (await send(response_format="vtt"))[1].startswith("WEBVTT")
        for bad in (await send("a.txt"), await send(data=b""), await send(response_format="doc")):
            assert bad[0] == 400
