"""The sample configurations of providers, as operators have them, against simulators of the vendors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mindbot.api import calls
from mindbot.api.client import Client
from mindbot.api.models import SendMessage
from mindbot.testing import processes

pytestmark = [pytest.mark.full, pytest.mark.timeout(300)]
SAMPLES = Path(__file__).parents[1] / "data" / "config"
#: Names of the sample's entries, and the simulator of each vendor.
VENDORS = {
    "openai": "openai",
    "dify": "dify",
    "coze": "coze",
    "chatglm": "chatglm",
    "anthropic": "anthropic",
    "google": "gemini",
}


@pytest.fixture(scope="module")
def sims() -> Iterator[dict[str, Any]]:
    with processes.simulators(*VENDORS.values()) as running:
        yield running


def configured(sims: dict[str, Any], sample: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a sample with the simulators' addresses, and the environment with their keys; no more."""
    config = yaml.safe_load((SAMPLES / sample).read_text(encoding="utf-8"))
    entries = config["providers"] if "providers" in config else config["agent"]["providers"]
    keys = {}
    for name, sim in VENDORS.items():
        entries[name]["base_url"] = sims[sim]["base_url"]
        keys[entries[name]["api_key"].strip("${}")] = sims[sim]["api_key"]
    return config, keys


@pytest.mark.parametrize("sample", ["05-providers.yaml", "07-agent.yaml"])
def test_every_provider_of_the_sample_answers(sims: dict[str, Any], sample: str, tmp_path: Path) -> None:
    config, keys = configured(sims, sample)
    workflows = config.get("agent", {}).get("workflows", {}).get("workflows", {})
    for each in workflows.values():
        keys[each["dify_api_key"].strip("${}")] = sims["dify"]["api_key"]
    with processes.daemon(tmp_path, config, keys) as daemon:
        client = Client(daemon.socket)
        rows = client.ask(calls.providers())
        assert {row.name: row.state for row in rows} == dict.fromkeys(VENDORS, "ok")
        for name in VENDORS:
            steps = {step.name: step for step in client.ask(calls.test_provider(name))}
            assert steps["answer"].state == steps["stream"].state == "ok", (name, steps)
            assert steps["tools"].state != "failed", (name, steps["tools"].detail)


def test_answers_go_round_and_a_dead_one_costs_none(sims: dict[str, Any], tmp_path: Path) -> None:
    config, keys = configured(sims, "05-providers.yaml")
    config["providers"]["openai"]["base_url"] = f"http://127.0.0.1:{processes.free_port()}/v1"
    with processes.daemon(tmp_path, config, keys) as daemon:
        client = Client(daemon.socket)
        for n in range(12):
            turn = client.ask(calls.send(SendMessage(text=f"question {n}")))
            assert turn.state == "answered" and f"question {n}" in turn.reply
        rows = {row.name: row for row in client.ask(calls.providers())}
    assert rows["openai"].calls_today == 0 and rows["openai"].state != "ok"
    assert all(rows[name].calls_today for name in VENDORS if name != "openai")
