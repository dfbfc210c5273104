"""The official Python client of Ollama (PyPI ollama) judges the simulator."""

from __future__ import annotations

from typing import Any

import pytest
from referees_here import judged, referee

from mindbot.sim.ollama.server import OllamaSimulator
from mindbot.sim.testing import simulated

pytestmark = referee


async def client(far: OllamaSimulator, what: str, *more: str) -> Any:
    return await judged("official_ollama.py", far.base_url, far.settings.api_key, what, *more)


async def test_ollama_plain_with_a_picture() -> None:
    async with simulated("ollama", strict=True, cloud=True) as far:
        found = await client(far, "plain")
    assert found["message"]["content"] == "echo: look"
    question = far.requests[0].question
    assert question is not None and question.said[0].pictures == 1
    assert (found["prompt_eval_count"], found["done_reason"]) == (question.tokens, "stop")


async def test_ollama_stream_with_thinking() -> None:
    async with simulated("ollama", strict=True) as far:
        found = await client(far, "stream")
    assert found["said"] == "echo: 你好, wide world"
    assert found["thought"] == "The user says: 你好, wide world"
    assert found["last"]["done"] and found["last"]["eval_count"] > 0


@pytest.mark.parametrize("call_ids", [True, False])
async def test_ollama_tools_and_their_results(call_ids: bool) -> None:
    async with simulated("ollama", strict=True, call_ids=call_ids) as far:
        found = await client(far, "tools")
    first, second = found["turns"]
    assert [call["function"]["arguments"] for call in first["calls"]] == [{"a": 1}, {"a": 2}]
    assert (first["reason"], second["calls"]) == ("stop", [])
    assert second["said"].endswith("[tool: 1] [tool: 2]")
    assert found["whole"]["tool_calls"][0]["function"] == {"name": "add", "arguments": {"a": 3}}


async def test_ollama_models_and_vectors() -> None:
    async with simulated("ollama", strict=True) as far:
        found = await client(far, "other")
    assert found == {
        "models": ["sim-1", "sim-embedding-1"],
        "running": ["sim-embedding-1"],
        "vectors": [8, 8],
        "can": ["completion", "tools", "vision", "thinking"],
        "context": 131_072,
    }


async def test_ollama_refusals_and_a_line_of_error() -> None:
    async with simulated("ollama", fault="busy") as far:
        status, said = await client(far, "error")
    assert status == 503 and "maximum pending requests" in said
    async with simulated("ollama", fault="error-in-stream:after=2") as far:
        said, error = await client(far, "broken")
    assert said == "echo: a " and "terminated" in error
