"""The sample configurations of workflows and the agent, as operators have them, against simulated vendors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mindbot.config import source, tree
from mindbot.testing import processes
from mindbot.testing.processes import Daemon

pytestmark = [pytest.mark.full, pytest.mark.timeout(300)]
SAMPLES = Path(__file__).parents[1] / "data" / "config"
VENDORS = {
    "openai": "openai",
    "dify": "dify",
    "coze": "coze",
    "chatglm": "chatglm",
    "anthropic": "anthropic",
    "google": "gemini",
}
#: What employees say to each of the six.
SAID = {
    "general_chat": ("good morning!", "你好，在吗"),
    "code_analysis": ("my python function has a bug", "这段 Java 代码报错了"),
    "document_processing": ("summarize this pdf for me", "帮我提取这份合同文档的要点"),
    "data_analysis": ("draw a chart of the sales statistics", "统计一下这份 Excel 里每月的销售额"),
    "creative_writing": ("write a story about a dragon", "写一首关于春天的诗"),
    "research": ("research recent studies on sleep and name sources", "帮我调研一下竞争对手的公开资料"),
}


@pytest.fixture(scope="module")
def sims() -> Iterator[dict[str, Any]]:
    with processes.simulators(*VENDORS.values()) as running:
        yield running


def sample(number: str) -> dict[str, Any]:
    """Return a sample as MindBot reads it: one has escapes that YAML does not know."""
    (file,) = SAMPLES.glob(f"{number}-*.yaml")
    read = source.read(file)
    assert not read.problems
    plain: dict[str, Any] = tree.to_plain(read.root)
    return plain


def pointed(config: dict[str, Any], sims: dict[str, Any]) -> dict[str, str]:
    """Give a sample the simulators' addresses; returns the environment with their keys. No more."""
    keys: dict[str, str] = {}
    agent = config.get("agent", {})
    for name, entry in {**config.get("providers", {}), **agent.get("providers", {})}.items():
        entry["base_url"] = sims[VENDORS[name]]["base_url"]
        keys[entry["api_key"].strip("${}")] = sims[VENDORS[name]]["api_key"]
    own = config.get("workflows", {})
    for name, entry in {**own, **agent.get("workflows", {}).get("workflows", {})}.items():
        entry["dify_endpoint"] = f"{sims['dify']['base_url']}/chat-messages"
        keys[entry["dify_api_key"].strip("${}")] = f"app-{name}"
    return keys


def asked(daemon: Daemon, text: str, user: str = "mei") -> dict[str, Any]:
    """Send a message as a user, to its end."""
    sent = daemon.run("send", text, "--json", "--user", user)
    assert sent.returncode == 0, (text, sent.stdout, sent.stderr)
    turn: dict[str, Any] = json.loads(sent.stdout.splitlines()[-1])
    return turn


def route_of(daemon: Daemon, turn: dict[str, Any]) -> dict[str, Any]:
    steps = daemon.steps(turn["turn"])
    (step,) = [span for span in steps if span["name"] == "classify" and span["kind"] == "rule"]
    data: dict[str, Any] = step["data"]
    return data


def test_each_of_the_six_workflows_gets_what_is_meant_for_it(sims: dict[str, Any], tmp_path: Path) -> None:
    config = sample("06")
    with processes.daemon(tmp_path, config, pointed(config, sims)) as daemon:
        for name, texts in SAID.items():
            for text in texts:
                turn = asked(daemon, text)
                assert turn["reply"] == f"{name}: {text}", route_of(daemon, turn)["why"]


def test_what_belongs_to_none_is_answered_by_general_chat(sims: dict[str, Any], tmp_path: Path) -> None:
    config = sample("06")
    with processes.daemon(tmp_path, config, pointed(config, sims)) as daemon:
        turn = asked(daemon, "book me a flight to Oslo")
        assert turn["reply"].startswith("general_chat: ")
        decided = route_of(daemon, turn)
        assert decided["workflow"] is None and decided["answers"] == "general_chat"


def test_a_conversation_goes_on_at_the_app_and_is_its_users_alone(
    sims: dict[str, Any], tmp_path: Path
) -> None:
    config = sample("06")
    talks_at = f"{sims['dify']['base_url'].removesuffix('/v1')}/_sim/conversations"
    before = len(processes.get(talks_at)["conversations"])
    with processes.daemon(tmp_path, config, pointed(config, sims)) as daemon:
        for user in ("ann", "bo"):
            for text in ("my python function has a bug", "debug this python class as well"):
                asked(daemon, text, user)
    talks = processes.get(talks_at)["conversations"][before:]
    assert len(talks) == 2 and len({talk["user"] for talk in talks}) == 2
    assert {talk["messages"] for talk in talks} == {2}


def test_the_agents_sample_routes_to_its_workflows_and_falls_back_to_a_model(
    sims: dict[str, Any], tmp_path: Path
) -> None:
    config = sample("07")
    keys = pointed(config, sims)
    with processes.daemon(tmp_path, config, keys) as daemon:
        assert asked(daemon, "my python function has a bug")["reply"].startswith("code_analysis: ")
        assert asked(daemon, "good morning!")["reply"].startswith("general_chat: ")
    for entry in config["agent"]["workflows"]["workflows"].values():
        entry["dify_endpoint"] = f"http://127.0.0.1:{processes.free_port()}/v1/chat-messages"
        entry["max_retries"] = 0
    (tmp_path / "again").mkdir()
    with processes.daemon(tmp_path / "again", config, keys) as daemon:
        turn = asked(daemon, "my python function has a bug")
        assert turn["reply"].startswith("echo: "), "a model of a provider answers in its place"


def test_the_integrated_sample_works_on_top_of_providers_and_workflows(
    sims: dict[str, Any], tmp_path: Path
) -> None:
    config = {**sample("05"), **sample("06"), **sample("08")}
    with processes.daemon(tmp_path, config, pointed(config, sims)) as daemon:
        checked = daemon.run("config", "check")
        assert checked.returncode == 0, checked.stdout
        for name in ("code_analysis", "creative_writing"):
            text = SAID[name][0]
            assert asked(daemon, text)["reply"] == f"{name}: {text}"


def test_without_a_provider_the_chain_ends_in_words(sims: dict[str, Any], tmp_path: Path) -> None:
    config = sample("06")
    keys = pointed(config, sims)
    for entry in config["workflows"].values():
        entry["dify_endpoint"] = f"http://127.0.0.1:{processes.free_port()}/v1/chat-messages"
        entry["max_retries"] = 0
    with processes.daemon(tmp_path, config, keys) as daemon:
        sent = daemon.run("send", "my python function has a bug", "--json")
        turn = json.loads(sent.stdout.splitlines()[-1])
        assert turn["state"] == "failed" and turn["reply"].strip()
