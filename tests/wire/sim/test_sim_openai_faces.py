"""OpenAI's wire as other vendors and servers speak it: errors, reasoning, usage, comments, keys and paths."""

from typing import Any

import orjson
import pytest
from aiohttp import ClientSession

from mindbot.domain.errors import ConfigError
from mindbot.sim.models.conversation import Scripted
from mindbot.sim.openai.faces import FACES
from mindbot.sim.openai.server import OpenAISimulator
from mindbot.sim.testing import simulated

pytestmark = pytest.mark.anyio
Json = dict[str, Any]
SAID = [{"role": "user", "content": "hello"}]


def key_of(sim: OpenAISimulator) -> dict[str, str]:
    if sim.face_name == "azure":
        return {"api-key": sim.settings.api_key}
    return {"Authorization": f"Bearer {sim.settings.api_key}"}


async def post(
    http: ClientSession, sim: OpenAISimulator, headers: dict[str, str] | None = None, **more: Any
) -> tuple[int, Any]:
    query = {"api-version": "2024-10-21"} if sim.face_name == "azure" else {}
    body = {"model": "sim-1", "messages": SAID, **more}
    url = f"{sim.base_url}/chat/completions"
    async with http.post(
        url, json=body, params=query, headers=key_of(sim) if headers is None else headers
    ) as response:
        text = await response.text()
        return response.status, orjson.loads(text) if not text.startswith((":", "data:")) else text


async def stream(http: ClientSession, sim: OpenAISimulator, **more: Any) -> tuple[str, list[Json]]:
    _, text = await post(http, sim, stream=True, **more)
    events = [line[6:] for line in text.splitlines() if line.startswith("data: {")]
    return text, [orjson.loads(event) for event in events]


@pytest.mark.parametrize("face", FACES)
async def test_every_face_answers_whole_and_streamed(http: ClientSession, face: str) -> None:
    async with simulated("openai", face=face, strict=True) as sim:
        sim.script(Scripted("forty-two", reasoning="six times seven", times=2))
        status, whole = await post(http, sim)
        message = whole["choices"][0]["message"]
        assert (status, message["content"]) == (200, "forty-two")
        text, chunks = await stream(http, sim)
        deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
        assert "".join(delta.get("content") or "" for delta in deltas) == "forty-two"
        assert text.endswith("data: [DONE]\n\n")
        for name in sim.face.reasoning[:1]:
            assert message[name] == "".join(d.get(name) or "" for d in deltas) == "six times seven"
        if not sim.face.reasoning:
            assert "reasoning_content" not in message


@pytest.mark.parametrize(
    ("face", "name", "status", "part"),
    [
        ("openrouter", "insufficient_quota", 402, {"code": 402}),
        ("openrouter", "invalid_api_key", 401, {"code": 401}),
        ("openrouter", "content_filter", 403, {"code": 403}),
        ("openrouter", "conflict", 409, {"code": 409}),
        ("deepseek", "insufficient_quota", 402, {"message": "Insufficient Balance"}),
        ("deepseek", "content_filter", 400, {"message": "Content Exists Risk"}),
        ("moonshot", "insufficient_quota", 429, {"type": "exceeded_current_quota_error"}),
        ("moonshot", "overloaded", 429, {"type": "engine_overloaded_error"}),
        ("moonshot", "unsupported_value", 400, {"type": "invalid_request_error"}),
        ("azure", "model_not_found", 404, {"code": "DeploymentNotFound"}),
        ("azure", "rate_limit_exceeded", 429, {"code": "429"}),
        ("azure", "content_filter", 400, {"code": "content_filter", "status": 400}),
        ("vllm", "context_length_exceeded", 400, {"code": 400, "param": "input_tokens"}),
        ("vllm", "unsupported_value", 400, {"code": 400, "type": "BadRequestError"}),
        ("llamacpp", "context_length_exceeded", 400, {"type": "exceed_context_size_error", "n_ctx": 8192}),
        ("llamacpp", "overloaded", 503, {"message": "Loading model", "code": 503}),
        ("ollama", "overloaded", 503, {"type": "api_error"}),
    ],
)
async def test_refusals_in_their_words(
    http: ClientSession, face: str, name: str, status: int, part: Json
) -> None:
    async with simulated("openai", face=face, fault=name) as sim:
        found, answer = await post(http, sim)
        assert found == status
        assert part.items() <= answer["error"].items()


@pytest.mark.parametrize(
    ("name", "status", "body"),
    [
        ("invalid_api_key", 401, "Invalid token"),
        (
            "insufficient_quota",
            403,
            {"code": 30001, "message": "Sorry, your account balance is insufficient"},
        ),
        (
            "model_not_found",
            400,
            {"code": 20012, "message": "Model does not exist. Please check it carefully."},
        ),
        ("overloaded", 503, {"code": 50505}),
        ("unsupported_value", 400, {"code": 20015}),
        ("server_error", 500, {"code": 50501}),
    ],
)
async def test_siliconflow_writes_errors_flat(http: ClientSession, name: str, status: int, body: Any) -> None:
    async with simulated("openai", face="siliconflow", fault=name) as sim:
        found, answer = await post(http, sim)
        assert found == status
        assert answer == body if isinstance(body, str) else body.items() <= answer.items()


async def test_where_the_usage_stands(http: ClientSession) -> None:
    found = {}
    for face in FACES:
        async with simulated("openai", face=face) as sim:
            _, chunks = await stream(http, sim)
            with_usage = [chunk for chunk in chunks if chunk.get("usage")]
            in_choice = [c for chunk in chunks for c in chunk["choices"] if c.get("usage")]
            found[face] = (len(with_usage) > 2, [c["choices"] == [] for c in with_usage[-1:]], len(in_choice))
    nowhere, last_alone, with_reason = (False, [], 0), (False, [True], 0), (False, [False], 0)
    assert found == {
        "openai": nowhere,
        "azure": nowhere,
        "vllm": nowhere,
        "llamacpp": nowhere,
        "ollama": nowhere,
        "openrouter": last_alone,
        "deepseek": with_reason,
        "siliconflow": (True, [False], 0),
        "moonshot": (False, [], 1),
    }
    async with simulated("openai", face="vllm") as sim:
        wanted = {"include_usage": True, "continuous_usage_stats": True}
        _, chunks = await stream(http, sim, stream_options=wanted)
        assert all(chunk["usage"] for chunk in chunks)


async def test_what_is_told_besides(http: ClientSession) -> None:
    async with simulated("openai", face="openrouter") as sim:
        text, chunks = await stream(http, sim)
        assert text.startswith(": OPENROUTER PROCESSING\n\n")
        assert chunks[-1]["usage"]["cost"] > 0 and chunks[0]["provider"]
        assert chunks[-2]["choices"][0]["native_finish_reason"] == "stop"
    async with simulated("openai", face="deepseek") as sim:
        text, chunks = await stream(http, sim)
        assert text.startswith(": keep-alive\n\n")
        assert chunks[-1]["usage"]["prompt_cache_miss_tokens"] > 0
    async with simulated("openai", face="llamacpp", strict=True) as sim:
        status, answer = await post(http, sim, model="whatever")
        assert status == 200 and answer["timings"]["predicted_n"] > 0
        async with http.get(f"{sim.origin}/health") as response:
            assert await response.json() == {"status": "ok"}
            assert "x-ratelimit-limit-requests" not in response.headers
    async with simulated("openai", face="vllm", auto_tools=False) as sim:
        tools = [{"type": "function", "function": {"name": "add"}}]
        status, answer = await post(http, sim, tools=tools)
        assert status == 400 and "--enable-auto-tool-choice" in answer["error"]["message"]


async def test_failures_in_the_middle(http: ClientSession) -> None:
    async with simulated("openai", face="openrouter", fault="error-in-stream:after=1") as sim:
        _, chunks = await stream(http, sim)
        assert chunks[-1]["choices"][0]["finish_reason"] == "error"
        assert chunks[-1]["error"] == {"code": 502, "message": "Provider returned error"}
    async with simulated("openai", face="vllm", fault="error-in-stream:after=1") as sim:
        text, chunks = await stream(http, sim)
        assert chunks[-1]["error"]["code"] == 500 and text.endswith("data: [DONE]\n\n")


async def test_azure_wants_a_deployment_a_version_and_its_own_header(http: ClientSession) -> None:
    async with simulated("openai", face="azure", strict=True) as sim:
        assert sim.details()["base_url"].endswith("/openai/deployments/sim-1")
        url, body = f"{sim.base_url}/chat/completions", {"messages": SAID}
        version = {"api-version": sim.details()["api_version"]}
        key = {"api-key": sim.settings.api_key}
        for headers, query, where, status, code in (
            (key, version, url, 200, ""),
            ({"Authorization": f"Bearer {sim.settings.api_key}"}, version, url, 200, ""),
            ({}, version, url, 401, "401"),
            (key, {}, url, 404, "404"),
            (key, version, url.replace("sim-1", "other"), 404, "DeploymentNotFound"),
            (key, {}, f"{sim.origin}/openai/v1/chat/completions", 200, ""),
        ):
            async with http.post(where, json=body, headers=headers, params=query) as response:
                answer = await response.json()
                assert (response.status, answer.get("error", {}).get("code", "")) == (status, code)
        _, chunks = await stream(http, sim)
        assert chunks[0]["choices"] == [] and chunks[0]["prompt_filter_results"]


async def test_a_face_is_put_on_while_it_runs(http: ClientSession) -> None:
    async with simulated("openai") as sim:
        async with http.put(f"{sim.origin}/_sim/face", json={"face": "moonshot"}) as response:
            assert (await response.json())["face"] == "moonshot"
        sim.faults.set(["429"])
        assert (await post(http, sim))[1]["error"]["type"] == "rate_limit_reached_error"
        async with http.put(f"{sim.origin}/_sim/face", json={"face": "nobody"}) as response:
            assert response.status == 400
    with pytest.raises(ConfigError, match="nobody"):
        simulated("openai", face="nobody")
