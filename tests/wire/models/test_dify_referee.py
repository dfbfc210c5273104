"""A Python client of Dify (PyPI dify-client-python) judges the simulator."""

from __future__ import annotations

from typing import Any

import pytest
from referees_here import judged, referee

from mindbot.sim.dify.rules import DifyServerRules
from mindbot.sim.dify.server import DifySimulator
from mindbot.sim.testing import simulated

pytestmark = referee
NODES = [
    {"title": "Start", "type": "start"},
    {"title": "Look up", "type": "tool", "retries": 1, "outputs": {"found": 3}},
    {"title": "Each", "type": "iteration", "each": [{"title": "Inner", "type": "code"}], "times": 2},
    {"title": "LLM"},
]


async def client(far: DifySimulator, what: str, key: str = "") -> Any:
    return await judged("official_dify.py", far.base_url, key or far.settings.api_key, what)


def said(events: list[Any]) -> str:
    pieces = [event.get("answer") or (event.get("data") or {}).get("text", "") for event in events]
    return "".join(pieces)


@pytest.mark.parametrize("ids", [False, True])
async def test_dify_chat_with_a_picture_in_a_conversation(ids: bool) -> None:
    rules = DifyServerRules(event_ids=ids)
    apps = {"a": {"mode": "advanced-chat", "nodes": NODES, "suggested": ["and then?"]}}
    async with simulated("dify", apps=apps, server=rules) as far:
        found = await client(far, "chat", "app-a")
        assert found["file"]["mime_type"] == "image/png"
        assert (said(found["first"]), said(found["second"])) == ("a: 你好, wide world", "a: and more")
        names = [event["event"] for event in found["first"]]
        assert names[0] == "workflow_started" and names[-2:] == ["message_end", "workflow_finished"]
        assert {"node_retry", "iteration_next", "iteration_completed"} <= set(names)
        assert found["first"][-2]["metadata"]["usage"]["total_tokens"] > 0
        assert (found["whole"]["answer"], found["rated"]) == ("a: whole", "success")
        assert found["suggested"] == ["and then?"]
        talks = [run.conversation for run in far.runs.values()]
        assert talks[0] == talks[1] != talks[2]


async def test_dify_agents_think_and_use_tools() -> None:
    tools = [{"tool": "weather", "tool_input": "{}", "observation": "rain"}]
    apps = {"a": {"mode": "agent-chat", "tools": tools, "pictures": ["https://example.com/a.png"]}}
    async with simulated("dify", apps=apps) as far:
        events = await client(far, "agent", "app-a")
    names = [event["event"] for event in events]
    assert names[0] == "agent_thought" and names[-1] == "message_end"
    assert "message_file" in names
    thoughts = [event for event in events if event["event"] == "agent_thought"]
    assert [t["observation"] for t in thoughts if t["tool"]] == ["", "rain"]
    assert said([event for event in events if event["event"] == "agent_message"]) == "a: hello"


async def test_dify_workflows_streamed_and_whole() -> None:
    apps = {"a": {"mode": "workflow", "nodes": NODES}}
    async with simulated("dify", apps=apps, strict=True) as far:
        found = await client(far, "workflow", "app-a")
    assert said(found["events"]) == "a: 你好, wide world"
    finished = found["events"][-1]["data"]
    assert (finished["status"], finished["outputs"]) == ("succeeded", {"answer": "a: 你好, wide world"})
    assert found["whole"]["data"]["status"] == "succeeded"


async def test_dify_completions_streamed_and_whole() -> None:
    async with simulated("dify", apps={"a": {"mode": "completion"}}) as far:
        found = await client(far, "completion", "app-a")
    assert (said(found["events"]), found["whole"]["answer"]) == ("a: hello", "a: hello")


async def test_dify_stop_ends_a_run() -> None:
    async with simulated("dify", tokens_per_second=20) as far:
        names = await client(far, "stopped")
        assert names[-1] == "message_end" and len(names) < 40
        assert len(far.stopped) == 1


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        ("provider_quota_exceeded", ["raised", 400, "provider_quota_exceeded"]),
        ("401", ["raised", 401, "unauthorized"]),
        ("run-failed:code=completion_request_error", ["error", 400, "completion_request_error"]),
    ],
)
async def test_dify_refusals_before_and_in_a_stream(fault: str, wanted: list[Any]) -> None:
    async with simulated("dify", fault=fault) as far:
        assert await client(far, "refused") == wanted
