"""SIGTERM while three platforms have answers under way: real processes, real sockets."""

from __future__ import annotations

import json
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mindbot.api import calls
from mindbot.api.client import Client
from mindbot.testing import configs, processes
from mindbot.testing.processes import Daemon
from mindbot.testing.waiting import wait_for

PLATFORMS = ("wecom", "dingtalk", "wecomcs")
TURNS = 24  # on each platform


def talk(sims: dict[str, Any], port: int, pool: ThreadPoolExecutor) -> list[Future[Any]]:
    """Let users of each platform write, again and again until they are acknowledged."""
    plan = {"messages": TURNS, "users": 8, "rate": 8, "persistent": 90, "quiet": 60}
    return [
        pool.submit(
            processes.post,
            f"{sims[name]['base_url']}/_sim/traffic",
            {**plan, "callback": configs.callback(name, port)},
        )
        for name in PLATFORMS
    ]


def at_work(daemon: Daemon) -> set[str]:
    """Wait until each platform has an answer under way and one that is done; returns the open turns."""

    def under_way() -> set[str]:
        turns = [json.loads(line) for line in daemon.cli("turns", "--limit", "200").stdout.splitlines()]
        running = {t["platform"]: t["id"] for t in turns if t["state"] == "running"}
        done = {t["platform"] for t in turns if t["state"] == "answered"}
        return set(running.values()) if len(running) == len(PLATFORMS) == len(done) else set()

    return wait_for(under_way, daemon.log)


@pytest.mark.full
@pytest.mark.parametrize("patience", [30, 1], ids=["everything ends", "what does not end goes on later"])
def test_a_stop_in_the_middle_loses_and_repeats_nothing(tmp_path: Path, patience: int) -> None:
    port = processes.free_port()
    slow = ["--latency", "1200", "--tokens-per-second", "4"]
    with (
        processes.simulators(*PLATFORMS) as sims,
        processes.simulators("openai", args=slow) as model,
        ThreadPoolExecutor(len(PLATFORMS)) as pool,
    ):
        config = configs.three(sims | model, port) | {"dispatcher": {"drain_timeout": patience}}
        daemon = Daemon(tmp_path, config)
        daemon.start()
        try:
            talking = talk(sims, port, pool)
            under_way = at_work(daemon)
            assert daemon.stop(patience + 10) == 0, daemon.log()
            daemon.start()
            kept = {
                t["id"]: t for t in map(json.loads, daemon.cli("turns", "--limit", "200").stdout.splitlines())
            }
            assert under_way <= kept.keys(), "what was under way is recorded"
            if patience == 30:
                assert {kept[id]["state"] for id in under_way} == {"answered"}
            reports = dict(zip(PLATFORMS, (each.result(120) for each in talking), strict=True))
            dead = daemon.cli("dlq", "list").stdout
        finally:
            daemon.stop()
    for name, report in reports.items():
        assert (report["answered"], report["lost"], report["duplicated"]) == (TURNS, 0, 0), (name, report)
    assert not dead


@pytest.mark.full
def test_what_reaches_a_live_connection_during_a_stop_is_answered_after_it(tmp_path: Path) -> None:
    # The long connection of AI bots has no acknowledgements: what is refused there never comes again.
    with (
        processes.simulators("wecombot") as sims,
        processes.simulators("openai", args=["--latency", "8000"]) as model,
    ):
        daemon = Daemon(tmp_path, configs.wecombot(sims | model, 0))
        daemon.start()
        url = f"{sims['wecombot']['base_url']}/_sim"

        def say(text: str) -> None:
            processes.post(f"{url}/push", {"user": "li", "text": text, "url": "connection", "persistent": 20})

        def shown(text: str) -> bool:
            inbox = processes.get(f"{url}/inbox?user=li")["messages"]
            return any(each["text"] == f"echo: {text}" for each in inbox)

        try:
            say("one")
            wait_for(lambda: Client(daemon.socket).ask(calls.turns('state == "running"')), daemon.log)
            daemon.begin_stop()
            wait_for(lambda: "daemon.draining" in daemon.log(), daemon.log)
            say("two")
            assert daemon.stop(40) == 0, daemon.log()
            assert shown("one")
            daemon.start()
            wait_for(lambda: shown("two"), daemon.log)
        finally:
            daemon.stop()
