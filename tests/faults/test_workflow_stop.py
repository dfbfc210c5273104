"""A daemon that is told to stop in the middle of long runs: the next one takes them up, as they are."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from mindbot.testing import configs, processes
from mindbot.testing.waiting import wait_for

NODES = [{"title": "Start", "type": "start"}, {"title": "Think", "type": "code", "ms": 6000}, {}]
APPS = {
    "chat": {"key": "app-chat", "mode": "chat"},
    "chatflow": {"key": "app-chatflow", "mode": "advanced-chat", "nodes": NODES},
    "workflow": {"key": "app-workflow", "mode": "workflow", "nodes": NODES},
}


def config(sims: dict[str, Any], port: int) -> dict[str, Any]:
    dify, coze = sims["dify"], sims["coze"]
    entries: dict[str, Any] = {
        kind: {"dify_endpoint": dify["base_url"], "dify_api_key": f"app-{kind}", "type": kind}
        for kind in APPS
    }
    entries["coze"] = {
        "type": "coze",
        "base_url": coze["base_url"],
        "api_key": coze["api_key"],
        "bot_id": coze["bot_id"],
    }
    rules = [{"text": f"^to {name}:", "workflow": name} for name in entries]
    more = {"workflows": entries, "routes": rules, "dispatcher": {"drain_timeout": 1}}
    return processes.wecom_config(sims, port) | more


def sim_verb(sim: dict[str, Any], verb: str) -> str:
    return f"{sim['base_url'].removesuffix('/v1').rstrip('/')}/_sim/{verb}"


def coze_chats(sims: dict[str, Any]) -> list[str]:
    chats = processes.get(sim_verb(sims["coze"], "runs"))["chats"]
    return [chat["status"] for chat in chats]


def dify_starts(sims: dict[str, Any]) -> list[str]:
    return [run["text"] for run in processes.get(sim_verb(sims["dify"], "runs"))["runs"]]


@pytest.mark.full
@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", ["the time to end runs out", "a second signal", "killed meanwhile"])
def test_what_runs_at_the_vendor_is_taken_up_by_the_next_process(tmp_path: Path, how: str) -> None:
    port = processes.free_port()
    slow = ["--tokens-per-second", "2"]
    with processes.simulators("wecom", "dify", "coze", "openai", args=slow) as sims:
        processes.post(sim_verb(sims["dify"], "apps"), {"apps": APPS}, method="PUT")
        daemon = processes.Daemon(tmp_path, config(sims, port))
        daemon.start()
        texts = [f"to {name}: a story that takes its time, word by word" for name in (*APPS, "coze")]
        plan = {
            "callback": configs.callback("wecom", port),
            "messages": len(texts),
            "users": len(texts),
            "texts": texts,
            "persistent": 120,
            "quiet": 60,
        }
        reports: list[dict[str, Any]] = []
        url = sim_verb(sims["wecom"], "traffic")
        talk = threading.Thread(target=lambda: reports.append(processes.post(url, plan)))
        try:
            talk.start()
            wait_for(lambda: len(dify_starts(sims)) == len(APPS) and coze_chats(sims), daemon.log)
            daemon.begin_stop()
            if how == "the time to end runs out":
                assert daemon.stop(30) == 0, daemon.log()
            else:
                wait_for(lambda: "daemon.draining" in daemon.log(), daemon.log)
                assert daemon.process is not None
                second = signal.SIGTERM if how == "a second signal" else signal.SIGKILL
                threading.Event().wait(0.4)  # one that follows at once counts as the same signal
                daemon.process.send_signal(second)
                daemon.process.wait(30)
            daemon.start()
            talk.join(200)
            assert len(dify_starts(sims)) == len(APPS), "each run was started once"
            assert not processes.get(sim_verb(sims["dify"], "stopped"))["stopped"]
            assert coze_chats(sims) == ["completed"]
        finally:
            daemon.stop()
        (report,) = reports
        sums = {key: report[key] for key in ("answered", "lost", "duplicated", "other")}
        assert sums == {"answered": len(texts), "lost": 0, "duplicated": 0, "other": 0}, report
