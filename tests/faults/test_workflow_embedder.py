"""The embedder dies in the middle of traffic: messages go on finding their workflow, and health says how."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from mindbot.testing import configs, processes
from mindbot.testing.processes import Daemon
from mindbot.testing.waiting import wait_for

pytestmark = [pytest.mark.full, pytest.mark.timeout(300)]
TEXTS = [
    "debug this function",
    "draw a chart from the csv",
    "which studies are there on sleep",
    "good morning",
]
MEANT = dict(zip(TEXTS, ["code_analysis", "data_analysis", "research", "general_chat"], strict=True))


def decided(daemon: Daemon, text: str) -> dict[str, Any]:
    explained = daemon.run("route", "explain", text, "--json")
    assert explained.returncode == 0, explained.stderr
    found: dict[str, Any] = json.loads(explained.stdout)
    return found


def router(daemon: Daemon) -> dict[str, Any]:
    told = daemon.run("daemon", "status", "--json")
    ill = json.loads(told.stdout)["not_ok"]
    return next((each for each in ill if each["component"] == "router"), {})


def test_an_embedder_that_dies_costs_no_answer_and_is_told(tmp_path: Path) -> None:
    port = processes.free_port()
    with processes.simulators("wecom", "dify") as sims, processes.simulators("openai") as embeds:
        config = processes.wecom_config({**sims, **embeds}, port) | configs.workflows(sims)
        config["router"] = {"embedder": "openai", "embedding_model": embeds["openai"]["embedding_model"]}
        with processes.daemon(tmp_path, config) as daemon:
            wait_for(lambda: decided(daemon, TEXTS[0])["mode"] == "full", lambda: decided(daemon, TEXTS[0]))
            assert not router(daemon)
            plan = {"callback": configs.callback("wecom", port), "messages": 200, "users": 20}
            plan |= {"texts": TEXTS, "rate": 40, "persistent": 60, "quiet": 60}
            reports: list[dict[str, Any]] = []
            url = f"{sims['wecom']['base_url']}/_sim/traffic"
            talk = threading.Thread(target=lambda: reports.append(processes.post(url, plan)))
            talk.start()
            began = f"{sims['dify']['base_url'].removesuffix('/v1')}/_sim/starts"
            wait_for(lambda: processes.get(began)["all"] > 50)
            os.kill(embeds["pid"], signal.SIGKILL)
            talk.join(200)
            (report,) = reports
            counted = ("answered", "lost", "duplicated", "misordered")
            assert [report[key] for key in counted] == [200, 0, 0, 0], report
            found = decided(daemon, TEXTS[0])
            assert (found["workflow"], found["mode"]) == ("code_analysis", "hashed")
            assert router(daemon)["state"] == "degraded"
            runs = processes.get(f"{sims['dify']['base_url'].removesuffix('/v1')}/_sim/runs")["runs"]
    strayed = [run for run in runs if run["app"] != MEANT[run["text"].partition(" #")[0]]]
    assert not strayed
    assert len(runs) == 200
