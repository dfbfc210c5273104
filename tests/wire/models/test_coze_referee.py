"""The official Python SDK of Coze (PyPI cozepy) judges the simulator."""

from __future__ import annotations

from typing import Any

from referees_here import judged, referee

from mindbot.sim.coze.server import CozeSimulator
from mindbot.sim.models.conversation import Scripted
from mindbot.sim.testing import simulated

pytestmark = referee


async def sdk(far: CozeSimulator, what: str, *more: str) -> Any:
    s = far.settings
    return await judged("official_coze.py", far.base_url, s.api_key, what, s.model, *more)


async def test_coze_chat_that_is_polled_with_an_uploaded_picture() -> None:
    async with simulated("coze", strict=True) as far:
        found = await sdk(far, "plain")
    assert found["file"] == "a.png"
    assert found["chat"]["status"] == "completed" and found["chat"]["usage"]["output_count"] > 0
    [answer, verbose] = found["messages"]
    assert answer == ["answer", "echo: look [image]"] and verbose[0] == "verbose"


async def test_coze_chat_that_is_streamed_in_a_conversation() -> None:
    async with simulated("coze", strict=True) as far:
        far.script(Scripted("forty-two", reasoning="six times seven"))
        found = await sdk(far, "stream")
    assert (found["said"], found["thought"]) == ("forty-two", "six times seven")
    assert found["names"][-1] == "conversation.chat.completed"
    assert found["chat"]["status"] == "completed"
    assert found["kept"] == ["forty-two", "你好, wide world", "before"]


async def test_coze_tools_and_their_outputs() -> None:
    async with simulated("coze", strict=True, tools=("add",)) as far:
        first, second = await sdk(far, "tools")
    assert first["names"][-1] == "conversation.chat.requires_action"
    assert second["said"].endswith('[tool: {"a":1}] [tool: {"a":2}]')
    assert second["chat"]["status"] == "completed"


async def test_coze_jwt_is_exchanged() -> None:
    async with simulated("coze", strict=True) as far:
        app = far.details()
        found = await sdk(far, "jwt", app["app_id"], app["public_key_id"], app["private_key"])
        assert found["said"] == "echo: hello"
        assert far.counters["api/permission/oauth2/token"] == 1


async def test_coze_refusals_and_what_is_canceled() -> None:
    async with simulated("coze", fault="4028") as far:
        code, said, logged = await sdk(far, "error")
    assert code == 4028 and "balance" in said and logged
    async with simulated("coze", work=60) as far:
        assert await sdk(far, "canceled") == ["canceled", "in_progress"]


async def test_coze_workflows_whole_and_streamed() -> None:
    async with simulated("coze", strict=True, workflows={"75": {"notices": ["looking"]}}) as far:
        found = await sdk(far, "flow", "75")
    assert found["whole"]["data"] == '{"output":"echo: 你好, wide world"}'
    assert found["whole"]["usage"]["token_count"] > 0
    streamed = found["streamed"]
    assert streamed["said"][0] == ["Notice1", "looking"]
    assert "".join(text for node, text in streamed["said"] if node == "End") == "echo: 你好, wide world"


async def test_coze_workflow_that_asks_and_one_that_fails() -> None:
    flows = {"75": {"asks": "which?", "answer": "{text} in {told}"}, "76": {"fails": 5000}}
    async with simulated("coze", strict=True, workflows=flows) as far:
        first, second = await sdk(far, "flow_asks", "75")
        assert (await sdk(far, "flow_later", "76"))["execute_status"] == "Fail"
    assert first["said"] == [["Question", "which?"]] and first["asked"]["node_title"] == "Question"
    assert "".join(text for _, text in second["said"]) == "hi in blue"


async def test_coze_workflow_later_and_as_a_chat() -> None:
    async with simulated("coze", strict=True, workflows={"75": {"latency": 0.2}}) as far:
        row = await sdk(far, "flow_later", "75")
        chat = await sdk(far, "flow_chat", "75")
    assert (row["execute_status"], row["run_mode"]) == ("Success", 2)
    assert "echo: later" in row["output"]
    assert (chat["said"], chat["names"][-1]) == ("echo: hi", "conversation.chat.completed")
