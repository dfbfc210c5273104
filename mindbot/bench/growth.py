"""What grows: a daemon under steady traffic of two platforms, looked at from outside every few seconds.

    python -m mindbot.bench.growth [SECONDS] [MESSAGES A SECOND]

prints the curve, one JSON line each, and what it comes to.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mindbot.api import calls
from mindbot.api.client import Client
from mindbot.testing import processes

_USERS = 200
_NEW = 10  # of each hundred messages one of these is by somebody new
_LEG = 60.0  # seconds of traffic in one plan
_SHARES = {"wecom": 0.6, "dingtalk": 0.4}


@dataclass(frozen=True, slots=True)
class Look:
    """The daemon at one moment; megabytes and milliseconds."""

    seconds: int
    rss: float
    descriptors: int
    threads: int
    tasks: int
    lag: float
    running: int
    waiting: int
    answered: int


def _look(daemon: processes.Daemon, client: Client, begun: float) -> Look:
    status = client.ask(calls.status())
    lines = Path(f"/proc/{daemon.pid}/status").read_text().splitlines()
    return Look(
        seconds=round(time.monotonic() - begun),
        rss=round(processes.rss_bytes(daemon.pid) / 1e6, 1),
        descriptors=len(list(Path(f"/proc/{daemon.pid}/fd").iterdir())),
        threads=next(int(line.split()[1]) for line in lines if line.startswith("Threads:")),
        tasks=status.tasks,
        lag=status.loop_lag_ms,
        running=status.turns.running,
        waiting=status.outbox.waiting,
        answered=status.totals.answered,
    )


def _talk(sims: Mapping[str, Any], port: int, rate: float, until: float, reports: list[Any]) -> None:
    """Send legs of traffic until then: the same users again and again, and some new ones."""
    legs = 0
    while (left := until - time.monotonic()) > 1:
        legs += 1
        threads = []
        for platform, share in _SHARES.items():
            for users, part, prefix in ((_USERS, 1 - _NEW / 100, "known"), (None, _NEW / 100, f"new{legs}-")):
                pace = rate * share * part
                messages = max(1, round(pace * min(_LEG, left)))
                plan: dict[str, Any] = {
                    "messages": messages,
                    "users": users or messages,
                    "rate": pace,
                    "quiet": 30,
                }
                plan |= {"user_prefix": prefix, "text": "steady " * 20, "settle": 0.1}
                if platform == "wecom":
                    plan["callback"] = f"http://127.0.0.1:{port}/wecom/default/callback"
                url = f"{sims[platform]['base_url']}/_sim/traffic"
                threads.append(
                    threading.Thread(target=lambda u=url, p=plan: reports.append(processes.post(u, p)))
                )
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _send(url: str, plan: Mapping[str, Any], reports: list[Any]) -> None:
    reports.append(processes.post(url, plan))


def run(seconds: float, rate: float, every: float = 10.0) -> dict[str, Any]:
    """Return the curve (`Look` each), the same at rest afterwards, and the sums of the traffic."""
    port = processes.free_port()
    reports: list[Any] = []
    with tempfile.TemporaryDirectory() as folder, processes.simulators("wecom", "dingtalk", "openai") as sims:
        keys = ("client_id", "client_secret", "api_base_url", "oapi_base_url")
        config = processes.wecom_config(sims, port) | {"dingtalk": {k: sims["dingtalk"][k] for k in keys}}
        with processes.daemon(Path(folder), config) as daemon:
            client, begun = Client(daemon.socket), time.monotonic()
            talk = threading.Thread(target=_talk, args=(sims, port, rate, begun + seconds, reports))
            talk.start()
            curve = []
            while talk.is_alive():
                talk.join(every)
                curve.append(_look(daemon, client, begun))
                print(json.dumps(asdict(curve[-1])), flush=True)
            time.sleep(35)  # connections to vendors are kept for thirty seconds
            rest = _look(daemon, client, begun)
    sums = {key: sum(r[key] for r in reports) for key in ("sent", "acked", "answered", "lost", "duplicated")}
    return {"curve": curve, "rest": rest, **sums, "ack_p999_ms": max(r["ack_p999_ms"] for r in reports)}


def growth(curve: Sequence[Look], what: str) -> float:
    """Return how much a figure's median of the last third is above that of the third before."""
    third = max(1, len(curve) // 3)
    middle, last = (
        sorted(getattr(look, what) for look in part) for part in (curve[-2 * third : -third], curve[-third:])
    )
    return float(last[len(last) // 2] - middle[len(middle) // 2])


if __name__ == "__main__":
    found = run(float((sys.argv[1:] or ["180"])[0]), float((sys.argv[2:] or ["100"])[0]))
    looks = found.pop("curve")
    print(json.dumps({**found, "rest": asdict(found["rest"])}))
    print({name: growth(looks, name) for name in ("rss", "descriptors", "threads", "tasks")})
