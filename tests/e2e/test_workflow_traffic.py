"""Many users and six apps at once, real processes: nothing lost, said twice, or given to another's app."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from mindbot.testing import configs, processes

pytestmark = [pytest.mark.full, pytest.mark.timeout(600)]
TEXTS = {
    "general_chat": "good morning to you",
    "code_analysis": "debug this function",
    "document_processing": "summarize the pdf",
    "data_analysis": "draw a chart from the csv",
    "creative_writing": "a slogan please",
    "research": "which studies are there",
}


def whole(sims: dict[str, Any], port: int, **more: Any) -> dict[str, Any]:
    return processes.wecom_config(sims, port) | configs.workflows(sims) | more


def traffic(sims: dict[str, Any], port: int, **plan: Any) -> dict[str, Any]:
    plan = {"callback": configs.callback("wecom", port), "persistent": 60, "quiet": 60, **plan}
    report: dict[str, Any] = processes.post(f"{sims['wecom']['base_url']}/_sim/traffic", plan, 500)
    return report


def dify(sims: dict[str, Any], verb: str) -> dict[str, Any]:
    found: dict[str, Any] = processes.get(f"{sims['dify']['base_url'].removesuffix('/v1')}/_sim/{verb}")
    return found


def test_a_thousand_messages_of_three_hundred_users_over_six_apps(tmp_path: Path) -> None:
    port = processes.free_port()
    texts = [*TEXTS.values(), "hello again"]  # seven, so that each user says different ones
    with (
        processes.simulators("wecom", "dify", "openai", args=["--latency", "300"]) as sims,
        processes.daemon(tmp_path, whole(sims, port)),
    ):
        report = traffic(sims, port, messages=1000, users=300, texts=texts)
        runs = dify(sims, "runs")["runs"]
    counted = ("answered", "lost", "duplicated", "misordered", "other")
    assert [report[key] for key in counted] == [1000, 0, 0, 0, 0], report
    assert max(Counter(run["text"] for run in runs).values()) == 1 and len(runs) == 1000, "one start each"
    meant = {text: name for name, text in TEXTS.items()} | {"hello again": "general_chat"}
    for run in runs:
        assert run["app"] == meant[run["text"].partition(" #")[0]], run
        assert run["said"] == f"{run['app']}: {run['text']}"
    talks: dict[str, set[str]] = defaultdict(set)
    for run in runs:
        talks[run["conversation_id"]].add(run["user"])
    assert all(len(users) == 1 for users in talks.values()), "a conversation is one person's"
    assert len({run["user"] for run in runs}) == 300


def test_a_hung_app_of_four_changes_nothing_for_the_others(tmp_path: Path) -> None:
    port = processes.free_port()
    texts = [TEXTS[name] for name in ("general_chat", "data_analysis", "research")]
    hung = {"timeout": 600, "max_retries": 0, "concurrency": 5}
    config_of = {"code_analysis": hung}
    with processes.simulators(
        "wecom", "dify", "openai", args=["--fault", "run-hangs@#code_analysis"]
    ) as sims:
        config = whole(sims, port) | configs.workflows(sims, **config_of)
        with processes.daemon(tmp_path, config) as daemon:
            for n in range(25):  # five of them have a slot, the others wait for one
                sent = daemon.run("send", f"{TEXTS['code_analysis']} {n}", "--no-wait", "--user", f"hung{n}")
                assert sent.returncode == 0, sent.stderr
            report = traffic(sims, port, messages=400, users=40, texts=texts, quiet=30)
            starts = dify(sims, "starts")["starts"]
    counted = ("answered", "lost", "duplicated", "misordered", "other")
    assert [report[key] for key in counted] == [400, 0, 0, 0, 0], report
    assert sum(starts["code_analysis"].values()) == 5
    assert sum(sum(users.values()) for name, users in starts.items() if name != "code_analysis") == 400


def test_a_gateways_504_while_the_run_goes_on_is_one_start_and_one_answer(tmp_path: Path) -> None:
    port = processes.free_port()
    kinds = {
        "general_chat": {"type": "chat"},
        "code_analysis": {"type": "agent"},
        "data_analysis": {"type": "workflow"},
        "research": {"type": "chatflow"},
    }
    args = ["--latency", "1500", "--fault", "gateway-504:500ms"]
    texts = [TEXTS[name] for name in kinds]
    with processes.simulators("wecom", "dify", "openai", args=args) as sims:
        modes = {"chat": "chat", "agent": "agent-chat", "workflow": "workflow", "chatflow": "advanced-chat"}
        apps = {name: {"key": f"app-{name}", "mode": modes[kind["type"]]} for name, kind in kinds.items()}
        base = sims["dify"]["base_url"].removesuffix("/v1")
        processes.post(f"{base}/_sim/apps", {"apps": apps}, method="PUT")
        with processes.daemon(tmp_path, whole(sims, port) | configs.workflows(sims, **kinds)):
            report = traffic(sims, port, messages=12, users=12, texts=texts)
            runs = dify(sims, "runs")["runs"]
    assert [report[key] for key in ("answered", "lost", "duplicated", "other")] == [12, 0, 0, 0], report
    assert len(runs) == 12 and {run["status"] for run in runs} == {"succeeded"}
