"""The OpenAI simulator: shapes, echo, scripts, streams, embeddings, errors."""

import base64
import struct
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession

from mindbot.sim.models.conversation import Scripted
from mindbot.sim.openai.server import OpenAISimulator
from mindbot.sim.testing import simulated

pytestmark = pytest.mark.anyio
Json = dict[str, Any]


def user(text: Any) -> list[Json]:
    return [{"role": "system", "content": "Be short."}, {"role": "user", "content": text}]


async def chat(
    http: ClientSession, openai: OpenAISimulator, messages: Any, status: int = 200, **extra: Any
) -> Json:
    body = {"model": "any", "messages": messages, **extra}
    async with http.post(f"{openai.base_url}/chat/completions", json=body) as response:
        assert response.status == status, await response.text()
        return await response.json()


async def events(http: ClientSession, openai: OpenAISimulator, messages: Any, **extra: Any) -> list[Any]:
    """Read a stream as raw lines; the last item is the text of the last event."""
    body = {"model": "any", "messages": messages, "stream": True, **extra}
    async with http.post(f"{openai.base_url}/chat/completions", json=body) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        raw = await response.read()
    assert raw.endswith(b"\n\n")
    found = raw.decode().split("\n\n")[:-1]
    assert all(event.startswith("data: ") and "\n" not in event for event in found)
    return [orjson.loads(event[6:]) if event[6] == "{" else event[6:] for event in found]


async def test_the_echo(http: ClientSession) -> None:
    async with simulated("openai") as openai:
        assert openai.base_url.endswith("/v1")
        answer = await chat(http, openai, user("你好, world"))
        [choice] = answer["choices"]
        assert choice["message"] == {
            "role": "assistant",
            "content": "echo: 你好, world",
            "refusal": None,
            "annotations": [],
        }
        assert (choice["finish_reason"], answer["object"], answer["model"]) == (
            "stop",
            "chat.completion",
            "any",
        )
        assert answer["usage"]["completion_tokens"] == 4
        assert answer["usage"]["total_tokens"] == answer["usage"]["prompt_tokens"] + 4
        assert openai.counters["chat/completions"] == 1


async def test_the_last_user_message_is_echoed(http: ClientSession) -> None:
    async with simulated("openai") as openai:
        history = [*user("first"), {"role": "assistant", "content": "echo: first"}, *user("second")]
        assert (await chat(http, openai, history))["choices"][0]["message"]["content"] == "echo: second"
        parts = [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "https://x"}}]
        answer = await chat(http, openai, user(parts))
        assert answer["choices"][0]["message"]["content"] == "echo: look [image_url]"


async def test_headers_of_every_answer(http: ClientSession) -> None:
    async with simulated("openai") as openai:
        ids = set()
        for path in ("models", "models/sim-1", "nothing"):
            async with http.get(f"{openai.base_url}/{path}") as response:
                ids.add(response.headers["x-request-id"])
                assert response.headers["x-ratelimit-limit-requests"] == "10000"
                assert response.headers["x-ratelimit-reset-requests"].endswith("s")
        assert len(ids) == 3


async def test_a_stream(http: ClientSession) -> None:
    async with simulated("openai") as openai:
        *chunks, done = await events(http, openai, user("你好, wide world"))
        assert done == "[DONE]"
        assert all(chunk["object"] == "chat.completion.chunk" for chunk in chunks)
        assert len({chunk["id"] for chunk in chunks}) == 1
        assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
        text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
        assert text == "echo: 你好, wide world"
        finishes = [chunk["choices"][0]["finish_reason"] for chunk in chunks]
        assert finishes == [None] * (len(chunks) - 1) + ["stop"]
        assert all("usage" not in chunk for chunk in chunks)


async def test_a_stream_with_usage(http: ClientSession) -> None:
    async with simulated("openai", tokens_per_second=5000) as openai:
        *chunks, usage, _ = await events(http, openai, user("hello"), stream_options={"include_usage": True})
        assert all(chunk["usage"] is None for chunk in chunks)
        assert usage["choices"] == []
        whole = await chat(http, openai, user("hello"))
        assert usage["usage"] == whole["usage"]


async def test_scripted_tool_calls_and_their_results(http: ClientSession) -> None:
    async with simulated("openai") as openai:
        calls = [{"name": "add", "arguments": {"a": 1, "b": 2}}, {"name": "now", "arguments": "{broken"}]
        openai.script(Scripted(tool_calls=calls, match="sum"))
        assert (await chat(http, openai, user("other")))["choices"][0]["message"]["content"] == "echo: other"
        answer = await chat(http, openai, user("the sum"))
        [choice] = answer["choices"]
        assert (choice["finish_reason"], choice["message"]["content"]) == ("tool_calls", None)
        [add, now] = choice["message"]["tool_calls"]
        assert add["function"] == {"name": "add", "arguments": '{"a":1,"b":2}'}
        assert now["function"]["arguments"] == "{broken"

        asked = [*user("the sum"), choice["message"]]
        refused = await chat(http, openai, [*asked, *user("well?")], status=400)
        assert add["id"] in refused["error"]["message"]
        results = [{"role": "tool", "tool_call_id": call["id"], "content": "3"} for call in (add, now)]
        answer = await chat(http, openai, [*asked, *results])
        assert answer["choices"][0]["message"]["content"] == "echo: the sum [tool: 3] [tool: 3]"
        refused = await chat(http, openai, [*user("x"), results[0]], status=400)
        assert "preceeding" in refused["error"]["message"]


async def test_scripted_tool_calls_in_a_stream(http: ClientSession) -> None:
    async with simulated("openai") as openai:
        calls = [{"name": "add", "arguments": {"a": 1, "b": 2}}, {"name": "now"}]
        openai.script(Scripted(text="Let me see.", tool_calls=calls, reasoning="hmm"))
        *chunks, _ = await events(http, openai, user("sum"))
        joined: dict[int, Json] = {}
        for chunk in chunks:
            for call in chunk["choices"][0]["delta"].get("tool_calls", ()):
                mine = joined.setdefault(call["index"], {"name": "", "arguments": ""})
                mine["name"] += call["function"].get("name", "")
                mine["arguments"] += call["function"]["arguments"]
        assert joined == {
            0: {"name": "add", "arguments": '{"a":1,"b":2}'},
            1: {"name": "now", "arguments": "{}"},
        }
        assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"
        assert chunks[1]["choices"][0]["delta"] == {"reasoning_content": "hmm"}


async def test_scripts_over_control_and_how_often(http: ClientSession) -> None:
    async with simulated("openai") as openai:
        replies = [{"text": "twice", "times": 2}, {"text": "for ever", "times": 0}]
        async with http.post(f"{openai.origin}/_sim/script", json={"replies": replies}) as response:
            assert await response.json() == {"waiting": 2}
        said = [(await chat(http, openai, user("x")))["choices"][0]["message"]["content"] for _ in range(4)]
        assert said == ["twice", "twice", "for ever", "for ever"]
        async with http.get(f"{openai.origin}/_sim/requests") as response:
            requests = (await response.json())["requests"]
        assert [request["body"]["messages"][-1]["content"] for request in requests] == ["x"] * 4
        openai.reset()
        assert (await chat(http, openai, user("x")))["choices"][0]["message"]["content"] == "echo: x"


async def test_a_limit_cuts_the_answer(http: ClientSession) -> None:
    async with simulated("openai") as openai:
        for name in ("max_tokens", "max_completion_tokens"):
            [choice] = (await chat(http, openai, user("a long story"), **{name: 2}))["choices"]
            assert (choice["message"]["content"], choice["finish_reason"]) == ("echo: a ", "length")


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"messages": user("x")}, None, None),
        ({"model": "m"}, "messages", "missing_required_parameter"),
        ({"model": "m", "messages": []}, "messages", "empty_array"),
        ({"model": "m", "messages": "hi"}, "messages", "invalid_type"),
        ({"model": "m", "messages": [{"role": "robot", "content": ""}]}, "messages[0].role", "invalid_value"),
        ({"model": "m", "messages": user("x"), "n": 2}, "n", "unsupported_value"),
        ({"model": "m", "messages": user("x" * 500)}, "messages", "context_length_exceeded"),
        (["no object"], None, None),
    ],
)
async def test_bad_requests(http: ClientSession, body: Any, param: str | None, code: str | None) -> None:
    async with (
        simulated("openai", context_tokens=100) as openai,
        http.post(f"{openai.base_url}/chat/completions", json=body) as response,
    ):
        assert response.status == 400
        error = (await response.json())["error"]
    assert sorted(error) == ["code", "message", "param", "type"]
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)


async def test_strict_checks_key_and_model(http: ClientSession) -> None:
    async with simulated("openai", strict=True) as openai:
        url, body = f"{openai.base_url}/chat/completions", {"model": "sim-1", "messages": user("x")}
        key = {"Authorization": f"Bearer {openai.settings.api_key}"}
        async with http.post(url, json=body) as response:
            assert (response.status, (await response.json())["error"]["code"]) == (401, None)
        async with http.post(url, json=body, headers={"Authorization": "Bearer wrong"}) as response:
            assert (response.status, (await response.json())["error"]["code"]) == (401, "invalid_api_key")
        async with http.post(url, json={**body, "model": "gpt-9"}, headers=key) as response:
            assert (response.status, (await response.json())["error"]["code"]) == (404, "model_not_found")
        async with http.post(url, json=body, headers=key) as response:
            assert response.status == 200


async def test_models_and_wrong_paths(http: ClientSession) -> None:
    async with simulated("openai") as openai:
        async with http.get(f"{openai.base_url}/models") as response:
            models = [m["id"] for m in (await response.json())["data"]]
            assert models == ["sim-1", "sim-embedding-1", "sim-rerank-1", "sim-speech-1"]
        async with http.get(f"{openai.base_url}/chat/completions") as response:
            assert response.status == 405
        async with http.post(f"{openai.base_url}/responses", json={}) as response:
            assert response.status == 404
            assert (await response.json())["error"]["message"] == "Invalid URL (POST /v1/responses)"


async def test_embeddings_are_deterministic_and_mean_something(http: ClientSession) -> None:
    async with simulated("openai") as openai:

        async def embed(**body: Any) -> Json:
            async with http.post(f"{openai.base_url}/embeddings", json={"model": "e", **body}) as response:
                return await response.json()

        texts = ["refund my order", "please refund the order", "weather in Paris"]
        answer = await embed(input=texts)
        vectors = [item["embedding"] for item in answer["data"]]
        assert [item["index"] for item in answer["data"]] == [0, 1, 2]
        assert {len(v) for v in vectors} == {256}
        near, far = (sum(a * b for a, b in zip(vectors[0], v, strict=True)) for v in vectors[1:])
        assert near > far
        assert (await embed(input=texts[0]))["data"][0]["embedding"] == vectors[0]
        coded = (await embed(input=texts[0], encoding_format="base64", dimensions=8))["data"][0]["embedding"]
        assert len(struct.unpack("<8f", base64.b64decode(coded))) == 8
        assert answer["usage"]["total_tokens"] > 0
        for bad in ([], "", [""], 7, ["x" * 40_000]):
            assert (await embed(input=bad))["error"]["type"] == "invalid_request_error"
