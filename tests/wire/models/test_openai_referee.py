"""The official Python SDK of OpenAI (PyPI openai) judges the simulator, and its faces."""

from __future__ import annotations

from typing import Any

import pytest
from referees_here import judged, referee

from mindbot.sim.models.conversation import Scripted
from mindbot.sim.openai.faces import FACES
from mindbot.sim.openai.server import OpenAISimulator
from mindbot.sim.testing import simulated

pytestmark = referee


async def sdk(far: OpenAISimulator, what: str, *more: str) -> Any:
    return await judged("official_openai.py", far.base_url, far.settings.api_key, what, *more)


async def test_openai_plain_with_developer_and_picture() -> None:
    async with simulated("openai", strict=True) as far:
        found = await sdk(far, "plain")
    [choice] = found["answer"]["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("echo: look [image_url]", "stop")
    question = far.requests[0].question
    assert question is not None
    assert [(u.role, u.text, u.pictures) for u in question.said] == [
        ("system", "Be short.", 0),
        ("user", "look [image_url]", 1),
    ]
    assert found["answer"]["usage"]["prompt_tokens"] == question.tokens
    assert found["headers"]["x-ratelimit-limit-requests"] == "10000"


@pytest.mark.parametrize("face", [name for name in FACES if name != "azure"])
async def test_openai_stream_with_every_face(face: str) -> None:
    async with simulated("openai", face=face, strict=True) as far:
        far.script(Scripted("你好, wide world", reasoning="hmm"))
        found = await sdk(far, "stream")
    assert (found["said"], found["reason"]) == ("你好, wide world", "stop")
    if "reasoning_content" in far.face.reasoning:
        assert found["thought"] == "hmm"
    if far.face.usage != "choice":
        assert found["usage"]["completion_tokens_details"]["reasoning_tokens"] == 1


@pytest.mark.parametrize("odd", ["", "whole-calls", "mixed-calls"])
async def test_openai_parallel_tools_and_their_results(odd: str) -> None:
    async with simulated("openai", strict=True, fault=[odd] if odd else []) as far:
        found = await sdk(far, "tools")
    first, second = found["turns"]
    calls = [(c["function"]["name"], c["function"]["arguments"]) for c in first["message"]["tool_calls"]]
    assert calls == [("add", '{"a":1,"b":"二"}'), ("now", "{}")]
    assert (first["finish_reason"], second["finish_reason"]) == ("tool_calls", "stop")
    assert second["message"]["content"].endswith('[tool: {"a":1,"b":"二"}] [tool: {}]')
    assert found["whole"]["message"]["tool_calls"][0]["function"]["name"] == "now"


async def test_openai_models_vectors_and_speech() -> None:
    async with simulated("openai", strict=True) as far:
        found = await sdk(far, "other")
    assert found == {
        "models": ["sim-1", "sim-embedding-1", "sim-rerank-1", "sim-speech-1"],
        "one": "sim-1",
        "vectors": [8, 8],
        "heard": "heard: a.wav (4 bytes)",
    }


async def test_azure_client() -> None:
    async with simulated("openai", face="azure", strict=True) as far:
        found = await judged("official_openai.py", far.origin, far.settings.api_key, "azure")
    assert found == {"whole": "echo: hello", "said": "echo: hello"}
    assert far.requests[0].path.startswith("/openai/deployments/sim-1/")


async def test_openai_refusals_become_the_classes_of_the_sdk() -> None:
    async with simulated("openai") as far:
        far.refused = {name: name for name in far.refusals}
        found = await sdk(far, "errors", *far.refusals)
    assert found.keys() == far.refusals.keys()
    assert found["insufficient_quota"] == ["RateLimitError", 429, "insufficient_quota"]
    assert found["invalid_api_key"] == ["AuthenticationError", 401, "invalid_api_key"]
    assert found["context_length_exceeded"] == ["BadRequestError", 400, "context_length_exceeded"]
    assert found["overloaded"][:2] == ["InternalServerError", 503]


async def test_openai_error_in_a_stream() -> None:
    async with simulated("openai", fault="error-in-stream:after=2") as far:
        found = await sdk(far, "broken")
    assert (found["said"], found["error"]) == ("echo: a ", "APIError")
    assert found["body"]["type"] == "server_error"
