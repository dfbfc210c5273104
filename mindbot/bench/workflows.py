"""Messages to six apps through the whole runtime: what the route, the run and the answer cost.

The daemon is measured from outside, with a bot of WeCom's and six chat apps of Dify's that all are simulated;
then again with a bare model in place of the apps. The floor asks the same apps the same texts by aiohttp
alone: the least that anybody pays for a run.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mindbot.bench import measure
from mindbot.bench.measure import Figures, Result, interleaved
from mindbot.bench.wire import measured
from mindbot.testing import configs, processes

#: What is said to whom; the seventh text is nobody's own, so that each user says different ones.
_TEXTS = (
    "good morning to you",
    "debug this function",
    "summarize the pdf",
    "draw a chart from the csv",
    "a slogan please",
    "which studies are there",
    "hello again",
)
_AT_ONCE = 32
_COUNTED = ("answered", "lost", "duplicated", "misordered")


def bench(messages: int = 600, users: int = 60, latency: float = 0, rounds: int = 3) -> Result:
    """Return CPU a message with apps, beside that with a bare model, and the floor's. ``latency``: ms."""
    plan = {"messages": messages, "users": users, "texts": _TEXTS}
    mine, floor = interleaved(rounds, lambda: _both(plan, latency), lambda: _floor(messages, users, latency))
    mine["of_floor_cpu"] = mine["cpu_ms"] / floor["cpu_ms"]
    goals = {"lost": "0", "duplicated": "0", "cpu_ms": "≤ 4"}
    return Result("workflows", mine, floor, goals, f"{messages} messages of {users} users over six apps")


def _both(plan: Mapping[str, Any], latency: float) -> Figures:
    figures = _run(plan, latency, apps=True)
    bare = _run(plan, latency, apps=False)
    kept = {key: figures[key] for key in (*_COUNTED, "replies_per_s", "cpu_ms", "rss_mb")}
    return {**kept, "bare_model_cpu_ms": bare["cpu_ms"], "bare_model_rss_mb": bare["rss_mb"]}


def _run(plan: Mapping[str, Any], latency: float, *, apps: bool) -> Figures:
    port = processes.free_port()
    with (
        tempfile.TemporaryDirectory() as folder,
        processes.simulators("wecom", "dify", "openai", args=["--latency", str(latency)]) as sims,
    ):
        config = processes.wecom_config(sims, port) | (configs.workflows(sims) if apps else {})
        with processes.daemon(Path(folder), config) as daemon:
            return measured(sims, port, plan, daemon.pid)


def _floor(messages: int, users: int, latency: float) -> Figures:
    with processes.simulators("dify", args=["--latency", str(latency)]) as sims:
        plan = {"base": sims["dify"]["base_url"], "apps": list(configs.PATTERNS), "texts": _TEXTS}
        plan |= {"messages": messages, "users": users, "at_once": _AT_ONCE}
        return measure.module("mindbot.bench.floors.workflows", json.dumps(plan))
