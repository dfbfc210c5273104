"""What starting costs: exec to READY, with and without a database, with six workflows, ``--help``; and memory
at rest."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mindbot.bench.measure import Figures, Result, interleaved
from mindbot.testing import configs
from mindbot.testing.processes import Daemon, rss_bytes


def _daemon(config: Mapping[str, Any]) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        daemon = Daemon(Path(folder), config)
        daemon.start()  # makes the database
        first = daemon.ready_cpu
        daemon.stop()
        daemon.start()
        try:
            time.sleep(3)  # what loads behind READY is in the figure too
            rss = rss_bytes(daemon.pid)
        finally:
            daemon.stop()
    ready = {"first_cpu_s": first, "ready_cpu_s": daemon.ready_cpu, "ready_wall_s": daemon.ready_wall}
    return {**ready, "idle_rss_mb": rss / 2**20}


def _cpu_of(*command: str) -> float:
    before = os.times()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _help() -> Figures:
    return {"help_cpu_s": _cpu_of(sys.executable, "-m", "mindbot.cli.main", "--help")}


def _floor() -> Figures:
    return {"help_cpu_s": _cpu_of(sys.executable, "-c", "import typer")}


def bench(rounds: int = 3) -> Result:
    """Measure in fresh processes."""
    apps = configs.workflows({"dify": {"base_url": "http://127.0.0.1:9/v1"}})  # nobody is asked by a start
    daemon, routing, helped, floor = interleaved(
        rounds, lambda: _daemon({}), lambda: _daemon(apps), _help, _floor
    )
    six = {f"six_apps_{key}": routing[key] for key in ("ready_cpu_s", "idle_rss_mb")}
    goals = {"first_cpu_s": "< 1.2", "ready_cpu_s": "< 1.5", "help_cpu_s": "< 0.3", "idle_rss_mb": "< 120"}
    goals |= {key: goals[key.removeprefix("six_apps_")] for key in six}
    return Result("start", {**daemon, **six, **helped}, floor, goals)
