"""An AI bot in webhook mode: kill -9 while answers grow, callbacks five times over: each is answered once."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from mindbot.testing import configs, processes
from mindbot.testing.processes import Daemon


def traffic(sims: dict[str, Any], daemon: Daemon, port: int, kills: int, **plan: Any) -> dict[str, Any]:
    """Let users write while the daemon is killed now and then; returns the report and the counters."""
    url = sims["wecombot"]["base_url"]
    processes.post(f"{url}/_sim/rules", {"poll": {"every": 0.3}}, method="PUT")
    reports: list[dict[str, Any]] = []
    plan |= {"persistent": 60, "quiet": 20, "callback": configs.callback("wecombot", port)}
    talk = threading.Thread(target=lambda: reports.append(processes.post(f"{url}/_sim/traffic", plan)))
    daemon.start()
    talk.start()
    try:
        for _ in range(kills):
            time.sleep(1.3)  # somewhere in the middle
            daemon.kill()
            daemon.start()
        talk.join(150)
    finally:
        daemon.stop()
    (report,) = reports
    return {**report, **processes.get(f"{url}/_sim/counters")}


@pytest.mark.full
@pytest.mark.timeout(300)
def test_kill_9_while_answers_grow_answers_each_once(tmp_path: Path) -> None:
    args = ["--latency", "200", "--tokens-per-second", "15"]  # an answer grows for a second
    with processes.simulators("wecombot", "openai", args=args) as sims:
        port = processes.free_port()
        daemon = Daemon(tmp_path, configs.wecombot(sims, port))
        found = traffic(sims, daemon, port, 4, messages=300, users=100, rate=50)
    assert (found["answered"], found["lost"], found["unacked"]) == (300, 0, 0), found
    assert found["duplicated"] == 0, found
    assert found.get("bad_replies", 0) == 0
    assert found["stream.frames"] > 600, "they grew"


@pytest.mark.full
def test_a_callback_five_times_over_also_across_a_restart_is_answered_once(tmp_path: Path) -> None:
    with processes.simulators("wecombot", "openai", args=["--latency", "300"]) as sims:
        port = processes.free_port()
        daemon = Daemon(tmp_path, configs.wecombot(sims, port))
        found = traffic(sims, daemon, port, 1, messages=60, users=30, rate=30, copies=5)
    assert (found["answered"], found["lost"], found["duplicated"]) == (60, 0, 0), found
    assert found.get("other_stream", 0) == 0
