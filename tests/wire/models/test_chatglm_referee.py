"""The official Python SDK of Z.ai (PyPI zai-sdk) judges the simulator."""

from __future__ import annotations

from typing import Any

from referees_here import judged, referee

from mindbot.sim.chatglm.server import ChatGLMSimulator
from mindbot.sim.testing import simulated

pytestmark = referee


async def sdk(far: ChatGLMSimulator, what: str, *more: str) -> Any:
    return await judged("official_chatglm.py", far.base_url, far.settings.api_key, what, *more)


async def test_chatglm_plain_with_a_picture_and_both_kinds_of_keys() -> None:
    async with simulated("chatglm", strict=True) as far:
        found = await sdk(far, "plain")
    for answer in found:
        assert answer["choices"][0]["message"]["content"] == "echo: look [image_url]"
        assert answer["request_id"] == "mine-1" and answer["usage"]["prompt_tokens"] > 256
    assert (far.counters["key.plain"], far.counters["key.jwt"]) == (1, 1)
    question = far.requests[0].question
    assert question is not None and question.said[0].pictures == 1


async def test_chatglm_stream_with_reasoning() -> None:
    async with simulated("chatglm", strict=True) as far:
        found = await sdk(far, "stream")
    assert (found["said"], found["reason"]) == ("echo: 你好, wide world", "stop")
    assert found["thought"] == "The user says: 你好, wide world"
    assert found["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0


async def test_chatglm_tools() -> None:
    async with simulated("chatglm", strict=True) as far:
        found = await sdk(far, "tools")
    assert found["streams"] == [[["add", '{"a":1,"b":"二"}']]] * 2
    assert found["answer"].endswith("[tool: 3]")


async def test_chatglm_vectors() -> None:
    async with simulated("chatglm", strict=True) as far:
        assert await sdk(far, "vectors") == [256, 256]


async def test_chatglm_refusals_become_the_classes_of_the_sdk() -> None:
    async with simulated("chatglm") as far:
        far.refused = {code: code for code in far.refusals}
        found = await sdk(far, "errors", *far.refusals)
    assert {key: code for key, (_, _, code) in found.items()} == {code: code for code in far.refusals}
    assert found["1113"][:2] == ["APIReachLimitError", 429]
    assert found["1002"][:2] == ["APIAuthenticationError", 401]


async def test_chatglm_error_in_a_stream() -> None:
    async with simulated("chatglm", fault="error-in-stream:after=2:code=1305") as far:
        said, error = await sdk(far, "broken")
    assert said == "echo: a " and error["code"] == "1305"
