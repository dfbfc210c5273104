"""kill -9 at twenty points of long runs of every kind: one answer each, and no second start."""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mindbot.testing import configs, processes
from mindbot.testing.waiting import wait_for

#: Kinds of apps; what is said goes to the one it names.
KINDS = {
    "chat": "chat",
    "agent": "agent-chat",
    "chatflow": "advanced-chat",
    "workflow": "workflow",
    "completion": "completion",
}
#: One that can be found by nobody where its id was not told yet: it may be started again.
UNFINDABLE = "completion"
LONG = [{"title": "Start", "type": "start"}, {"title": "Think", "type": "code", "ms": 1500}, {}]


def config(sims: dict[str, Any], port: int) -> dict[str, Any]:
    endpoint = f"{sims['dify']['base_url']}/chat-messages"
    entries = {
        kind: {"dify_endpoint": endpoint, "dify_api_key": f"app-{kind}", "type": kind} for kind in KINDS
    }
    rules = [{"text": f"^to {kind}", "workflow": kind} for kind in KINDS]
    return processes.wecom_config(sims, port) | {"workflows": entries, "routes": rules}


def starts(sims: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = processes.get(_verb(sims, "runs"))["runs"]
    return found


def _verb(sims: dict[str, Any], verb: str) -> str:
    return f"{sims['dify']['base_url'].removesuffix('/v1')}/_sim/{verb}"


def killed_runs(folder: Path, points: list[float]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Let one user of each app ask, kill the daemon so many seconds after the first run began, and start it
    again; for each point. Returns the traffic's reports and the runs that were started."""
    port = processes.free_port()
    args = ["--latency", "500", "--tokens-per-second", "10"]
    with processes.simulators("wecom", "dify", "openai", args=args) as sims:
        apps = {
            kind: {"key": f"app-{kind}", "mode": mode, **({"nodes": LONG} if "flow" in kind else {})}
            for kind, mode in KINDS.items()
        }
        processes.post(_verb(sims, "apps"), {"apps": apps}, method="PUT")
        daemon = processes.Daemon(folder, config(sims, port))
        daemon.start()
        reports: list[dict[str, Any]] = []
        try:
            for n, point in enumerate(points):
                plan = {
                    "callback": configs.callback("wecom", port),
                    "messages": len(KINDS),
                    "users": len(KINDS),
                    "texts": [f"to {kind}: go" for kind in KINDS],
                    "user_prefix": f"point{n}-",
                    "persistent": 120,
                    "quiet": 60,
                    "settle": 1,
                }
                before = len(starts(sims))
                url = f"{sims['wecom']['base_url']}/_sim/traffic"
                talk = threading.Thread(
                    target=lambda url=url, plan=plan: reports.append(processes.post(url, plan))
                )
                talk.start()
                wait_for(lambda before=before: len(starts(sims)) > before)
                time.sleep(point)  # the point itself, not a wait for anything
                daemon.kill()
                daemon.start()
                talk.join(300)
        finally:
            daemon.stop()
        return reports, starts(sims)


def check(reports: list[dict[str, Any]], runs: list[dict[str, Any]], points: list[float]) -> None:
    asked = len(points) * len(KINDS)
    counted = ("answered", "lost", "duplicated", "other")
    sums = {key: sum(report[key] for report in reports) for key in counted}
    assert sums == {"answered": asked, "lost": 0, "duplicated": 0, "other": 0}, reports
    twice = {text: n for text, n in Counter(run["text"] for run in runs).items() if n > 1}
    print(f"runs {len(runs)}, started twice {len(twice)}: {sorted(twice)}")
    assert not [text for text in twice if not text.startswith(f"to {UNFINDABLE}")], twice
    assert all(n == 2 for n in twice.values())


@pytest.mark.full
@pytest.mark.timeout(900)
def test_kills_at_four_points_of_long_runs(tmp_path: Path) -> None:
    points = [0.0, 0.3, 1.0, 1.8]
    check(*killed_runs(tmp_path, points), points)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_kills_at_twenty_points_of_long_runs(tmp_path: Path) -> None:
    points = [n * 0.15 for n in range(20)]
    check(*killed_runs(tmp_path, points), points)
