"""The official Python SDK (PyPI anthropic) judges the simulator."""

from __future__ import annotations

from typing import Any

from referees_here import judged, referee

from mindbot.sim.anthropic.server import AnthropicSimulator
from mindbot.sim.testing import simulated

pytestmark = referee


async def sdk(far: AnthropicSimulator, what: str, *more: str) -> Any:
    return await judged("official_anthropic.py", far.base_url, far.settings.api_key, what, *more)


async def test_a_plain_answer_with_system_prompt_and_picture() -> None:
    async with simulated("anthropic", strict=True) as far:
        found = await sdk(far, "plain")
    assert found["content"][0]["text"] == "echo: look [image]"
    assert found["stop_reason"] == "end_turn"
    [seen] = far.requests
    assert seen.headers["anthropic-version"] == "2026-10-21"
    assert seen.question is not None
    assert [(u.role, u.text, u.pictures) for u in seen.question.said] == [
        ("system", "Be short.", 0),
        ("user", "look [image]", 1),
    ]
    assert found["usage"]["input_tokens"] == seen.question.tokens


async def test_a_stream_with_thinking() -> None:
    async with simulated("anthropic", strict=True) as far:
        found = await sdk(far, "stream")
    assert "".join(found["said"]) == "echo: 你好, wide world"
    assert "".join(found["thought"]) == "The user says: 你好, wide world"
    thinking, text = found["final"]["content"]
    assert (thinking["thinking"], text["text"]) == ("".join(found["thought"]), "".join(found["said"]))
    assert thinking["signature"]
    assert (
        found["final"]["usage"]["output_tokens"]
        > found["final"]["usage"]["output_tokens_details"]["thinking_tokens"]
        > 0
    )


async def test_a_stream_with_news_pings_and_bytes_apart() -> None:
    async with simulated("anthropic", fault=["odd-events", "comments", "split", "no-space"]) as far:
        found = await sdk(far, "stream")
    assert "".join(found["said"]) == "echo: 你好, wide world"


async def test_parallel_tools_and_their_results() -> None:
    async with simulated("anthropic", strict=True) as far:
        found = await sdk(far, "tools")
    first, second = found["turns"]
    assert [block["type"] for block in first["content"]] == ["thinking", "tool_use", "tool_use"]
    assert [block.get("input") for block in first["content"][1:]] == [{"a": 1, "b": "二"}, {}]
    assert (first["stop_reason"], second["stop_reason"]) == ("tool_use", "end_turn")
    assert second["content"][-1]["text"].endswith("[tool: add: {'a': 1, 'b': '二'}] [tool: now: {}]")
    assert found["whole"]["content"][0]["input"] == {}
    question = far.requests[1].question
    assert question is not None
    calls = next(u.calls for u in question.said if u.calls)
    assert tuple(u.result_of for u in question.said if u.role == "tool") == calls


async def test_counting_and_models() -> None:
    async with simulated("anthropic", strict=True) as far:
        assert await sdk(far, "other") == {"tokens": 14, "models": ["sim-1"], "window": 200_000}


async def test_refusals_become_the_classes_of_the_sdk() -> None:
    async with simulated("anthropic") as far:
        far.refused = {name: name for name in far.refusals}
        found = await sdk(far, "errors", *far.refusals)
    assert found.keys() == far.refusals.keys()
    # [base class or own class, status, the code in the details]
    plain = {name: (kind, status) for name, (_, kind, status, code) in found.items() if not code}
    assert plain == {
        "invalid_request_error": ("BadRequestError", 400),
        "prompt_too_long": ("BadRequestError", 400),
        "specified_usage_limit": ("BadRequestError", 400),
        "workspace_usage_limit": ("BadRequestError", 400),
        "credit_balance_too_low": ("BadRequestError", 400),
        "authentication_error": ("AuthenticationError", 401),
        "billing_error": ("PaymentRequiredError", 402),
        "permission_error": ("PermissionDeniedError", 403),
        "not_found_error": ("NotFoundError", 404),
        "conflict_error": ("ConflictError", 409),
        "request_too_large": ("ContentTooLargeError", 413),
        "rate_limit_error": ("RateLimitError", 429),
        "api_error": ("InternalServerError", 500),
        "timeout_error": ("GatewayTimeoutError", 504),
        "overloaded_error": ("OverloadedError", 529),
    }
    coded = {code: (base, status) for base, _, status, code in found.values() if code}
    assert coded == {
        "linked_organization_billing_unavailable": ("PaymentRequiredError", 402),
        "ramp_limit_exceeded": ("RateLimitError", 429),
        "enforced_spend_limit_reached": ("RateLimitError", 429),
        "contract_spend_limit_reached": ("RateLimitError", 429),
    }
    assert far.counters["messages"] == len(far.refusals)


async def test_an_error_in_a_stream() -> None:
    async with simulated("anthropic", fault="error-in-stream:after=2") as far:
        found = await sdk(far, "broken")
    assert "".join(found["said"]) == "echo: a "
    assert found["body"]["error"]["type"] == "overloaded_error"
