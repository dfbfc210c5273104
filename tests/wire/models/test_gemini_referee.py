"""The official Python SDK (PyPI google-genai) judges the simulator."""

from __future__ import annotations

from typing import Any

from referees_here import judged, referee

from mindbot.sim.gemini.server import GeminiSimulator
from mindbot.sim.models.conversation import Scripted
from mindbot.sim.testing import simulated

pytestmark = referee


async def sdk(far: GeminiSimulator, what: str, *more: str) -> Any:
    return await judged("official_gemini.py", far.base_url, far.settings.api_key, what, *more)


async def test_a_plain_answer_with_system_prompt_and_picture() -> None:
    async with simulated("gemini", strict=True) as far:
        found = await sdk(far, "plain")
    assert found["text"] == "echo: look [image]"
    assert found["answer"]["candidates"][0]["finish_reason"] == "STOP"
    [seen] = far.requests
    assert seen.question is not None
    assert [(u.role, u.text, u.pictures) for u in seen.question.said] == [
        ("system", "Be short.", 0),
        ("user", "look [image]", 1),
    ]
    assert found["answer"]["usage_metadata"]["prompt_token_count"] == seen.question.tokens


async def test_a_stream_with_thinking() -> None:
    async with simulated("gemini", strict=True) as far:
        chunks = await sdk(far, "stream")
    parts = [part for chunk in chunks for part in chunk["candidates"][0]["content"]["parts"]]
    assert "".join(p["text"] for p in parts if not p.get("thought")) == "echo: 你好, wide world"
    assert "".join(p["text"] for p in parts if p.get("thought")) == "The user says: 你好, wide world"
    assert parts[-1]["thought_signature"]
    totals = [chunk["usage_metadata"]["total_token_count"] for chunk in chunks]
    assert totals == sorted(totals)
    assert chunks[-1]["usage_metadata"]["thoughts_token_count"] > 0
    finishes = [chunk["candidates"][0].get("finish_reason") for chunk in chunks]
    assert finishes == [None] * (len(chunks) - 1) + ["STOP"]


async def test_a_stream_with_news_and_bytes_apart() -> None:
    async with simulated("gemini", fault=["odd-events", "split"]) as far:
        chunks = await sdk(far, "stream")
    assert sum("content" in chunk.get("candidates", [{}])[0] for chunk in chunks) > 7


async def test_parallel_tools_their_signature_and_results() -> None:
    async with simulated("gemini", strict=True) as far:
        found = await sdk(far, "tools")
    calls = [part for part in found["turns"][0] if "function_call" in part]
    assert [(p["function_call"]["name"], p["function_call"]["args"]) for p in calls] == [
        ("add", {"a": 1}),
        ("now", {}),
    ]
    assert [bool(part.get("thought_signature")) for part in calls] == [True, False]
    said = "".join(part.get("text", "") for part in found["turns"][1])
    assert said.endswith(" [tool: done] [tool: done]")
    assert [call["name"] for call in found["calls"]] == ["now"]
    assert found["whole"]["candidates"][0]["finish_reason"] == "STOP"
    question = far.requests[1].question
    assert question is not None
    ids = next(u.calls for u in question.said if u.calls)
    assert tuple(u.result_of for u in question.said if u.role == "tool") == ids


async def test_counting_embedding_and_models() -> None:
    async with simulated("gemini", strict=True) as far:
        assert await sdk(far, "other") == {
            "tokens": 14,
            "lengths": [8, 8],
            "models": ["models/sim-1", "models/sim-embedding-1"],
            "window": 1_048_576,
        }


async def test_a_blocked_request_has_no_candidates() -> None:
    async with simulated("gemini") as far:
        far.script(Scripted(blocked="PROHIBITED_CONTENT"))
        found = await sdk(far, "blocked")
    assert found["prompt_feedback"]["block_reason"] == "PROHIBITED_CONTENT"
    assert "candidates" not in found


async def test_refusals_become_the_classes_of_the_sdk() -> None:
    async with simulated("gemini") as far:
        far.refused = {name: name for name in far.refusals}
        found = await sdk(far, "errors", *far.refusals)
    assert found == {
        "INVALID_ARGUMENT": ["ClientError", 400, "INVALID_ARGUMENT", 400],
        "API_KEY_INVALID": ["ClientError", 400, "INVALID_ARGUMENT", 400],
        "FAILED_PRECONDITION": ["ClientError", 400, "FAILED_PRECONDITION", 400],
        "input_too_long": ["ClientError", 400, "INVALID_ARGUMENT", 400],
        "UNAUTHENTICATED": ["ClientError", 401, "UNAUTHENTICATED", 401],
        "prepayment_depleted": ["ClientError", 402, "RESOURCE_EXHAUSTED", 402],
        "PERMISSION_DENIED": ["ClientError", 403, "PERMISSION_DENIED", 403],
        "NOT_FOUND": ["ClientError", 404, "NOT_FOUND", 404],
        "prepayment_depleted_429": ["ClientError", 429, "RESOURCE_EXHAUSTED", 429],
        "quota_per_minute": ["ClientError", 429, "RESOURCE_EXHAUSTED", 429],
        "quota_per_day": ["ClientError", 429, "RESOURCE_EXHAUSTED", 429],
        "quota_limit_zero": ["ClientError", 429, "RESOURCE_EXHAUSTED", 429],
        "CANCELLED": ["ClientError", 499, "CANCELLED", 499],
        "INTERNAL": ["ServerError", 500, "INTERNAL", 500],
        "UNAVAILABLE": ["ServerError", 503, "UNAVAILABLE", 503],
        "DEADLINE_EXCEEDED": ["ServerError", 504, "DEADLINE_EXCEEDED", 504],
    }
