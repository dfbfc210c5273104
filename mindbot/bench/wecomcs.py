"""WeCom Customer Service under stress: kill -9 again and again while pages of all sizes are pulled.

After each kill the dead daemon's database is compared with what the simulator has: of every entry up to the
cursor the message must be in the inbox (the cursor is never ahead), and of no entry behind it.
"""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from mindbot.bench.measure import Figures, Result
from mindbot.testing import configs, processes

ACCOUNT = "wkSIM1"
#: Answers to sends get lost, pages come again: what a bad network does on top of the kills.
FAULTS = ("lost-answer:0.03@kf/send_msg", "page-again:0.2@kf/sync_msg", "empty-page:0.1@kf/sync_msg")


def kills(
    count: int = 30, messages: int = 200, customers: int = 5, pause: float = 0.6, seed: int = 7
) -> Figures:
    """Kill the daemon so often at random points; each message must be answered, and none twice."""
    chance = random.Random(seed)
    port = processes.free_port()
    reports: list[dict[str, Any]] = []
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name, processes.simulators("wecomcs", "openai") as sims:
        url, folder = sims["wecomcs"]["base_url"], Path(name)
        processes.post(f"{url}/_sim/rules", {"split": 7}, method="PUT")
        processes.post(f"{url}/_sim/faults", {"faults": list(FAULTS), "seed": seed}, method="PUT")
        daemon = processes.Daemon(folder, configs.wecomcs(sims, port))
        daemon.start()
        plan = {
            "callback": f"http://127.0.0.1:{port}/wecomcs/default/callback",
            "messages": messages,
            "users": customers,
            "rate": messages / (count * (pause + 1.2)),
            "quiet": 60,  # a suspect waits half of that
            "settle": 2,
        }
        talk = threading.Thread(target=lambda: reports.append(processes.post(f"{url}/_sim/traffic", plan)))
        talk.start()
        try:
            for _ in range(count):
                time.sleep(chance.uniform(0, 2 * pause))
                daemon.kill()
                found += compare(folder, url)
                daemon.start()
            talk.join(120)
        finally:
            daemon.stop()
        last = compare(folder, url)
        found["compared"] += last["compared"]
        found["wrong_at_end"] = last["cursor_ahead"]
        handled = Counter(each["state"] for each in _turns(folder))
        counters = processes.get(f"{url}/_sim/counters")
    (report,) = reports
    return {
        "messages": report["sent"],
        "kills": count,
        "answered": report["answered"],
        "lost": report["lost"],
        "doubled": report["duplicated"],
        "misordered": report["misordered"],
        "unhandled_turns": sum(handled.values()) - handled["answered"] - handled["dropped"],
        "interrupted": found["interrupted"],
        "inbox_rows_compared": found["compared"],
        "cursor_ahead": found["cursor_ahead"] + found["wrong_at_end"],
        "cursor_behind": found["cursor_behind"],
        "replies": counters.get("shown", 0),
        "repeats_refused": counters.get("repeats_refused", 0),
        "pages_again": counters.get("fault.page-again", 0),
        "wall_s": report["wall_s"],
    }


def compare(folder: Path, url: str) -> Counter[str]:
    """Compare the cursor and the inbox that a dead daemon left with the simulator's history."""
    entries = processes.get(f"{url}/_sim/history?account={ACCOUNT}")["entries"]
    with tempfile.TemporaryDirectory() as name, closing(_copy(folder, Path(name))) as db:
        row = db.execute(
            "SELECT value FROM keep WHERE platform = 'wecomcs' AND key = ?", (f"cursor:{ACCOUNT}",)
        ).fetchone()
        inbox = {key for (key,) in db.execute("SELECT key FROM turns WHERE platform = 'wecomcs'")}
        (open_turns,) = db.execute("SELECT count(*) FROM turns WHERE state = 'queued'").fetchone()
        (unsent,) = db.execute("SELECT count(*) FROM outbox WHERE state <> 'sent'").fetchone()
    cursor = json.loads(row[0])["cursor"] if row else ""
    behind = next((n for n, entry in enumerate(entries, 1) if entry["cursor"] == cursor), 0)
    before, after = entries[:behind], entries[behind:]
    return Counter(
        compared=len(before),
        cursor_ahead=sum(entry["msgid"] not in inbox for entry in before),
        cursor_behind=sum(entry["msgid"] in inbox for entry in after),
        interrupted=open_turns + unsent,
    )


def _turns(folder: Path) -> list[dict[str, str]]:
    with tempfile.TemporaryDirectory() as name, closing(_copy(folder, Path(name))) as db:
        return [{"state": state} for (state,) in db.execute("SELECT state FROM turns")]


def _copy(folder: Path, to: Path) -> sqlite3.Connection:
    """Open a copy: the daemon itself is to find what the kill left, log and all."""
    for file in (folder / "state").glob("mindbot.db*"):
        shutil.copy(file, to / file.name)
    return sqlite3.connect(to / "mindbot.db")


def bench() -> Result:
    """Measure what kills cost: nothing."""
    nothing = ("lost", "doubled", "misordered", "unhandled_turns", "cursor_ahead", "cursor_behind")
    goals = dict.fromkeys(nothing, "0")
    return Result("wecomcs", kills(), goals=goals, note="kill -9 at random points, random pages")
