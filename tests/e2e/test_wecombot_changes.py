"""Reloads, stops and starts under growing answers of an AI bot in webhook mode: each is shown once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mindbot.api import calls
from mindbot.api.client import Client
from mindbot.testing import configs, processes
from mindbot.testing.processes import Daemon
from mindbot.testing.waiting import wait_for

MESSAGES = 120
POLLS = 15  # seconds nobody may poll before an answer goes by its response_url


def reload(daemon: Daemon, **config: Any) -> None:
    daemon.config_file.write_text(json.dumps(daemon.config | config))
    done = daemon.run("daemon", "reload")
    assert done.returncode == 0, done.stderr


def change(daemon: Daemon) -> None:
    """Reload four times what makes the bot anew."""
    for n in range(4):
        time.sleep(0.5)  # answers are under way
        reload(daemon, wecombot={**daemon.config["wecombot"], "placeholder": f"… {n}"})


def replace(daemon: Daemon) -> None:
    """Remove the bot and add it again, twice."""
    for _ in range(2):
        time.sleep(1)
        reload(daemon, wecombot=[])
        reload(daemon)


def operate(daemon: Daemon) -> None:
    """Stop and start the bot."""
    for command in ("stop", "start", "restart") * 2:
        time.sleep(0.3)
        assert daemon.run("platform", command, "wecombot").returncode == 0


@pytest.mark.full
@pytest.mark.parametrize("change", [change, replace, operate])
def test_a_bot_that_changes_under_growing_answers_shows_each_once(
    tmp_path: Path, change: Callable[[Daemon], None]
) -> None:
    args = ["--latency", "300", "--tokens-per-second", "15"]
    with processes.simulators("wecombot", "openai", args=args) as sims, ThreadPoolExecutor(1) as pool:
        url, port = f"{sims['wecombot']['base_url']}/_sim", processes.free_port()
        processes.post(f"{url}/rules", {"poll": {"every": 0.3}}, method="PUT")
        with processes.daemon(tmp_path, configs.wecombot(sims, port, poll_timeout=POLLS)) as daemon:
            plan = {"messages": MESSAGES, "users": 40, "rate": 20, "persistent": 60, "settle": POLLS + 2}
            plan |= {"callback": configs.callback("wecombot", port)}
            talking = pool.submit(processes.post, f"{url}/traffic", plan)
            change(daemon)
            report = talking.result(150)
            counters = processes.get(f"{url}/counters")
    assert (report["answered"], report["lost"], report["duplicated"]) == (MESSAGES, 0, 0), report
    assert report["misordered"] == 0, report
    assert counters["stream.frames"] > 3 * MESSAGES, "they grew"
    # On a machine that stalls so long that nobody polls, an answer goes by its response_url, as it should.
    assert counters.get("aibot/response", 0) <= MESSAGES // 4, "and ended where they grew"


@pytest.mark.full
def test_answers_end_in_their_streams_while_the_daemon_stops(tmp_path: Path) -> None:
    slow = ["--latency", "4000", "--tokens-per-second", "10"]
    with (
        processes.simulators("wecombot") as sims,
        processes.simulators("openai", args=slow) as model,
    ):
        url, port = f"{sims['wecombot']['base_url']}/_sim", processes.free_port()
        processes.post(f"{url}/rules", {"poll": {"every": 0.2}}, method="PUT")
        # Longer than the stop may take: were nobody able to poll, the answer would wait for that in vain.
        config = configs.wecombot(sims | model, port, poll_timeout=20) | {"dispatcher": {"drain_timeout": 10}}
        daemon = Daemon(tmp_path, config)
        daemon.start()

        def say(text: str) -> None:
            callback = configs.callback("wecombot", port)
            said = processes.post(f"{url}/push", {"user": "li", "text": text, "url": callback})
            assert said["acked"], said

        def texts() -> list[str]:
            return [message["text"] for message in processes.get(f"{url}/inbox?user=li")["messages"]]

        try:
            Client(daemon.socket).ask(calls.turns())  # the first answer of an API takes longer than a turn
            say("one")
            wait_for(lambda: bool(Client(daemon.socket).ask(calls.turns('state == "running"'))), daemon.log)
            daemon.begin_stop()
            wait_for(lambda: "daemon.draining" in daemon.log(), daemon.log)
            say("two")
            assert daemon.stop(40) == 0, daemon.log()
            assert "daemon.unfinished" not in daemon.log()
            assert texts() == ["echo: one", "…"], "the second is stored"
            daemon.start()
            wait_for(lambda: texts() == ["echo: one", "echo: two"], daemon.log)
            assert "aibot/response" not in processes.get(f"{url}/counters")
        finally:
            daemon.stop()
