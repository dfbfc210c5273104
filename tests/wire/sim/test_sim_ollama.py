"""The Ollama simulator: lines of JSON, tools, thinking, models in memory, embeddings, refusals."""

import base64
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession

from mindbot.sim.models.conversation import Scripted
from mindbot.sim.ollama.library import seconds
from mindbot.sim.ollama.server import OllamaSimulator
from mindbot.sim.testing import simulated

pytestmark = pytest.mark.anyio
Json = dict[str, Any]
ADD = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(8)).decode()


def said(text: str, **more: Any) -> list[Json]:
    return [{"role": "user", "content": text, **more}]


async def post(http: ClientSession, sim: OllamaSimulator, path: str, body: Any) -> tuple[int, list[Json]]:
    async with http.post(f"{sim.base_url}/api/{path}", json=body) as response:
        return response.status, [orjson.loads(line) for line in (await response.read()).splitlines()]


async def chat(http: ClientSession, sim: OllamaSimulator, text: str = "hello", **more: Any) -> list[Json]:
    status, lines = await post(http, sim, "chat", {"model": "sim-1", "messages": said(text), **more})
    assert status == 200, lines
    return lines


async def test_a_chat_is_streamed_unless_it_is_told_not_to_be(http: ClientSession) -> None:
    async with simulated("ollama") as ollama:
        *lines, last = await chat(http, ollama, "你好, world")
        assert "".join(line["message"]["content"] for line in lines) == "echo: 你好, world"
        assert not any(line["done"] for line in lines) and "eval_count" not in lines[0]
        assert (last["done"], last["done_reason"], last["message"]["content"]) == (True, "stop", "")
        [whole] = await chat(http, ollama, "你好, world", stream=False)
        assert whole["message"] == {"role": "assistant", "content": "echo: 你好, world"}
        assert whole["eval_count"] == last["eval_count"] == 4
        assert whole["prompt_eval_count"] == last["prompt_eval_count"]
        assert ollama.counters["chat"] == 2


async def test_tool_calls_have_objects_for_arguments_and_stop_as_reason(http: ClientSession) -> None:
    async with simulated("ollama") as ollama:
        asked = 'call add({"a": 1}) and call add({"a": 2})'
        *_, calls, last = await chat(http, ollama, asked, tools=[ADD])
        found = calls["message"]["tool_calls"]
        assert [call["function"]["arguments"] for call in found] == [{"a": 1}, {"a": 2}]
        assert [call["function"]["index"] for call in found] == [0, 1] and len({c["id"] for c in found}) == 2
        assert (calls["done"], last["done_reason"]) == (False, "stop")
        history = [*said(asked), calls["message"]]
        results = [{"role": "tool", "tool_name": "add", "content": str(n)} for n in (1, 2)]
        [whole] = await chat(http, ollama, messages=[*history, *results], tools=[ADD], stream=False)
        assert whole["message"]["content"].endswith("[tool: 1] [tool: 2]")
    async with simulated("ollama", call_ids=False) as older:
        *_, calls, _ = await chat(http, older, 'call add({"a": 1})', tools=[ADD])
        assert calls["message"]["tool_calls"] == [{"function": {"name": "add", "arguments": {"a": 1}}}]


async def test_thinking_comes_first_and_when_asked_for(http: ClientSession) -> None:
    async with simulated("ollama") as ollama:
        *lines, _ = await chat(http, ollama, think="high")
        thought = [line for line in lines if line["message"].get("thinking")]
        assert lines[: len(thought)] == thought and thought
        [whole] = await chat(http, ollama, think=True, stream=False)
        assert whole["message"]["thinking"] == "".join(line["message"]["thinking"] for line in thought)
        [plain] = await chat(http, ollama, stream=False)
        assert "thinking" not in plain["message"]


async def test_a_limit_and_a_cached_prompt(http: ClientSession) -> None:
    async with simulated("ollama") as ollama:
        ollama.script(Scripted("a long story", cached=5))
        last = (await chat(http, ollama, options={"num_predict": 2}))[-1]
        assert last["done_reason"] == "length" and "prompt_eval_count" not in last
        [whole] = await chat(http, ollama, "one two", options={"stop": [" two"]}, stream=False)
        assert whole["message"]["content"] == "echo: one"


async def test_a_history_that_does_not_fit_loses_its_oldest_words_silently(http: ClientSession) -> None:
    async with simulated("ollama") as ollama:
        history = [{"role": "system", "content": "Be brief."}, *said("x" * 400), *said("the last")]
        [whole] = await chat(http, ollama, messages=history, stream=False, options={"num_ctx": 60})
        assert whole["message"]["content"] == "echo: the last" and whole["prompt_eval_count"] <= 60
        assert [u.role for u in ollama.requests[-1].question.said] == ["system", "user"]  # type: ignore[union-attr]
        body = {"model": "m", "messages": history, "truncate": False, "options": {"num_ctx": 60}}
        assert await post(http, ollama, "chat", body) == (
            400,
            [{"error": "the input length exceeds the context length"}],
        )


async def test_models_are_loaded_and_leave_memory(http: ClientSession) -> None:
    now = [1000.0]
    async with simulated("ollama", load=0.01, clock=lambda: now[0]) as ollama:
        assert (await post(http, ollama, "chat", {"model": "sim-1"}))[1][0]["done_reason"] == "load"
        [warm] = await chat(http, ollama, stream=False, keep_alive="10m")
        assert warm["load_duration"] < 10_000_000 and ollama.counters["loaded"] == 1
        now[0] += 599
        async with http.get(f"{ollama.base_url}/api/ps") as response:
            [running] = (await response.json())["models"]
            assert running["name"] == "sim-1" and running["expires_at"].startswith("1970-01-01T00:26:40")
        now[0] += 2
        [cold] = await chat(http, ollama, stream=False)
        assert cold["load_duration"] > 10_000_000
        body = {"model": "sim-1", "keep_alive": 0}
        assert (await post(http, ollama, "chat", body))[1][0]["done_reason"] == "unload"
        async with http.get(f"{ollama.base_url}/api/ps") as response:
            assert await response.json() == {"models": []}


async def test_what_there_is(http: ClientSession) -> None:
    async with simulated("ollama", strict=True) as ollama:
        async with http.get(f"{ollama.base_url}/api/tags") as response:
            models = (await response.json())["models"]
        assert [model["name"] for model in models] == ["sim-1", "sim-embedding-1"]
        _, [shown] = await post(http, ollama, "show", {"model": "sim-1:latest"})
        assert shown["capabilities"] == ["completion", "tools", "vision", "thinking"]
        assert shown["model_info"]["llama.context_length"] == 131_072
        async with http.get(f"{ollama.base_url}/api/version") as response:
            assert (await response.json())["version"]
        async with http.get(ollama.base_url) as response:
            assert await response.text() == "Ollama is running"
        async with http.get(f"{ollama.base_url}/api/nothing") as response:
            assert response.status == 404


async def test_embeddings(http: ClientSession) -> None:
    async with simulated("ollama", strict=True) as ollama:
        body = {"model": "sim-embedding-1", "input": ["one", "two"]}
        _, [answer] = await post(http, ollama, "embed", body)
        assert [len(vector) for vector in answer["embeddings"]] == [256, 256]
        _, [small] = await post(http, ollama, "embed", {**body, "input": "one", "dimensions": 8})
        assert len(small["embeddings"][0]) == 8
        assert (await post(http, ollama, "embed", {**body, "model": "sim-1"}))[0] == 400
        assert (await post(http, ollama, "embed", {**body, "input": 7}))[1] == [
            {"error": "invalid input type"}
        ]


@pytest.mark.parametrize(
    ("body", "status", "part"),
    [
        ({}, 400, "model is required"),
        ({"model": "other", "messages": []}, 404, "model 'other' not found"),
        ({"model": "sim-1", "messages": "hi"}, 400, "cannot unmarshal"),
        ({"model": "sim-1", "messages": said("x"), "think": "deeply"}, 400, "invalid think value"),
        ({"model": "sim-1", "messages": said("x", images=["?"])}, 400, "illegal base64"),
        ({"model": "sim-1", "messages": said("x"), "keep_alive": "soon"}, 400, 'invalid duration "soon"'),
        (
            {"model": "sim-1", "messages": said("x"), "options": {"num_ctx": "4k"}},
            400,
            "must be of another type",
        ),
        (["no object"], 400, "invalid character"),
    ],
)
async def test_bad_chats(http: ClientSession, body: Any, status: int, part: str) -> None:
    async with simulated("ollama", strict=True) as ollama:
        found, [error] = await post(http, ollama, "chat", body)
        assert (found, list(error)) == (status, ["error"]) and part in error["error"]


@pytest.mark.parametrize(
    ("more", "part"),
    [
        ({"tools": [ADD]}, '"sim-1" does not support tools'),
        ({"think": True}, '"sim-1" does not support thinking'),
        ({"messages": said("x", images=[PNG])}, "missing data required for image input"),
    ],
)
async def test_what_a_model_cannot_do(http: ClientSession, more: Json, part: str) -> None:
    async with simulated("ollama", capabilities=("completion",)) as ollama:
        body = {"model": "sim-1", "messages": said("x"), **more}
        status, [error] = await post(http, ollama, "chat", body)
        assert status == 400 and part in error["error"]
    async with simulated("ollama") as ollama:
        assert (await post(http, ollama, "chat", body))[0] == 200


@pytest.mark.parametrize(
    ("fault", "status", "part"),
    [
        ("busy", 503, "maximum pending requests exceeded"),
        ("memory", 500, "more system memory"),
        ("not-pulled", 404, "try pulling it first"),
        ("503", 503, "server busy"),
        ("400:code=context", 400, "exceeds the context length"),
    ],
)
async def test_refusals_by_name(http: ClientSession, fault: str, status: int, part: str) -> None:
    async with simulated("ollama", fault=fault) as ollama:
        found, [error] = await post(http, ollama, "chat", {"model": "m", "messages": said("x")})
        assert found == status and part in error["error"]


async def test_streams_that_fail(http: ClientSession) -> None:
    async with simulated("ollama", fault="error-in-stream:after=2") as ollama:
        lines = await chat(http, ollama)
        assert list(lines[-1]) == ["error"] and len(lines) == 3
    async with simulated("ollama", fault="end-early:after=1") as ollama:
        assert [line["done"] for line in await chat(http, ollama)] == [False]
    async with simulated("ollama", fault=["split", "crlf"]) as ollama:
        *lines, last = await chat(http, ollama)
        assert "".join(line["message"]["content"] for line in lines) == "echo: hello" and last["done"]


async def test_the_cloud_asks_for_a_key(http: ClientSession) -> None:
    async with simulated("ollama", strict=True, cloud=True) as ollama:
        assert (await post(http, ollama, "chat", {"model": "sim-1", "messages": said("x")}))[0] == 401
        http.headers["Authorization"] = f"Bearer {ollama.settings.api_key}"
        assert (await post(http, ollama, "chat", {"model": "sim-1", "messages": said("x")}))[0] == 200


def test_durations() -> None:
    assert [seconds(value) for value in (None, 0, -1, 30, "1h30m", "-1s", "250ms")] == [
        *(300, 0, -1, 30, 5400, -1, 0.25)
    ]
