"""WeCom Customer Service under stress: kill -9 again and again while pages of all sizes are pulled."""

from __future__ import annotations

import random
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from mindbot.bench.measure import Figures, Result
from mindbot.testing import configs, processes


def kills(
    count: int = 30, messages: int = 200, customers: int = 5, pause: float = 0.4, seed: int = 7
) -> Figures:
    """Kill the daemon so often at random points; each message must be answered, and none twice."""
    chance = random.Random(seed)
    port = processes.free_port()
    reports: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder, processes.simulators("wecomcs", "openai") as sims:
        url = sims["wecomcs"]["base_url"]
        processes.post(f"{url}/_sim/rules", {"split": 7}, method="PUT")
        daemon = processes.Daemon(Path(folder), configs.wecomcs(sims, port))
        daemon.start()
        plan = {
            "callback": f"http://127.0.0.1:{port}/wecomcs/default/callback",
            "messages": messages,
            "users": customers,
            "rate": messages / (count * (pause + 1.2)),
            "quiet": 30,
            "settle": 2,
        }
        talk = threading.Thread(target=lambda: reports.append(processes.post(f"{url}/_sim/traffic", plan)))
        talk.start()
        done = 0
        try:
            while done < count:
                time.sleep(chance.uniform(0, 2 * pause))
                daemon.kill()
                daemon.start()
                done += 1
            talk.join(120)
        finally:
            daemon.stop()
        counters = processes.get(f"{url}/_sim/counters")
    (report,) = reports
    return {
        "messages": report["sent"],
        "kills": done,
        "answered": report["answered"],
        "lost": report["lost"],
        "doubled": report["duplicated"],
        "replies": counters.get("shown", 0),
        "repeats_refused": counters.get("repeats_refused", 0),
        "wall_s": report["wall_s"],
    }


def bench() -> Result:
    """Measure what kills cost: nothing."""
    return Result("wecomcs", kills(), goals={"lost": "0", "doubled": "0"}, note="kill -9 at random points")
