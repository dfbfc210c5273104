"""A message over the real wire: encrypted callback, durable, HTTP model call, ``message/send``.

Generator and simulators are one other process; the daemon, or its floor, is measured from outside. It runs
with the settings an operator's has, the log too, but for WeCom's own limits: no member may write so much.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mindbot.bench.measure import Figures, Result, interleaved
from mindbot.testing import processes
from mindbot.testing.processes import Daemon, cpu_seconds, free_port, rss_bytes


@contextmanager
def floor_server(sims: Mapping[str, Any], port: int) -> Iterator[int]:
    """Run the floor for the length of the block; yields its pid."""
    keys = ("corpid", "secret", "token", "EncodingAESKey", "api_base_url", "agent_id")
    plan = {k: sims["wecom"][k] for k in keys}
    plan |= {k: sims["openai"][k] for k in ("base_url", "api_key", "model")} | {"port": port}
    command = [sys.executable, "-m", "mindbot.bench.floors.wire", json.dumps(plan)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        yield process.pid
    finally:
        process.kill()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


def _traffic(sims: Mapping[str, Any], port: int, plan: Mapping[str, Any]) -> dict[str, Any]:
    url = f"http://127.0.0.1:{port}/wecom/default/callback"
    report = processes.post(f"{sims['wecom']['base_url']}/_sim/traffic", {"callback": url, **plan})
    return dict(report)


def _figures(report: Mapping[str, Any], plan: Mapping[str, Any], cpu: float) -> Figures:
    keys = ("answered", "lost", "duplicated", "misordered", "ack_p50_ms", "ack_p99_ms")
    figures = {key: float(report[key]) for key in keys}
    figures |= {"p50_ms": float(report["answer_p50_ms"]), "p99_ms": float(report["answer_p99_ms"])}
    figures["wall_s"] = float(report["wall_s"])
    figures["replies_per_s"] = figures["answered"] / figures["wall_s"]
    figures["cpu_ms"] = cpu * 1000 / float(plan["messages"])
    return figures


def measure_once(plan: Mapping[str, Any], *, floor: bool, latency: float = 0, **sections: Any) -> Figures:
    """Run one plan against a fresh daemon (or the floor) with fresh simulators. ``latency``: model's ms."""
    port = free_port()
    with (
        tempfile.TemporaryDirectory() as folder,
        processes.simulators("wecom", "openai", args=["--latency", str(latency)]) as sims,
    ):
        if floor:
            with floor_server(sims, port) as pid:
                return measured(sims, port, plan, pid)
        config = {**processes.wecom_config(sims, port), **sections}
        with processes.daemon(Path(folder), config) as daemon:
            return measured(sims, port, plan, daemon.pid)


def measured(sims: Mapping[str, Any], port: int, plan: Mapping[str, Any], pid: int) -> Figures:
    """Run a plan, after a few messages to warm up, and measure the process that answers."""
    said = {key: plan[key] for key in ("texts",) if key in plan}
    _traffic(sims, port, {"messages": 50, "users": 50, "user_prefix": "warm", **said})
    before = cpu_seconds(pid)
    report = _traffic(sims, port, plan)
    figures = _figures(report, plan, cpu_seconds(pid) - before)
    figures["rss_mb"] = rss_bytes(pid, peak=True) / 2**20
    return figures


def bench_closed(messages: int = 2000, users: int = 200, connections: int = 32, rounds: int = 3) -> Result:
    """Compare the daemon with the floor behind a vendor's gateway: callers that each wait for their ack.

    A group commit gathers no more than they bring at once.
    """
    plan = {"messages": messages, "users": users, "connections": connections}
    mine, floor = interleaved(
        rounds, lambda: measure_once(plan, floor=False), lambda: measure_once(plan, floor=True)
    )
    mine["of_floor"] = mine["replies_per_s"] / floor["replies_per_s"]
    goals = {"lost": "0", "duplicated": "0", "of_floor": "≥ 0.6", "cpu_ms": "≤ 1.3", "ack_p99_ms": "< 100"}
    note = f"{messages} messages of {users} users over {connections} connections that wait for their acks"
    return Result("wire", mine, floor, goals, note)


def bench(messages: int = 2000, users: int = 200, latency: float = 0, rounds: int = 3) -> Result:
    """Compare the daemon with the floor under the same burst."""
    plan = {"messages": messages, "users": users}
    mine, floor = interleaved(
        rounds,
        lambda: measure_once(plan, floor=False, latency=latency),
        lambda: measure_once(plan, floor=True, latency=latency),
    )
    mine["of_floor"] = mine["replies_per_s"] / floor["replies_per_s"]
    goals = {"lost": "0", "duplicated": "0"}
    if latency:
        goals |= {"wall_s": "< 2.5", "ack_p99_ms": "< 150"}
    else:
        goals |= {"of_floor": "≥ 0.6", "cpu_ms": "≤ 1.5"}
    note = f"{messages} messages of {users} users at once, model {latency:g} ms"
    return Result("wire", mine, floor, goals, note)


def bench_latency(rate: float = 200, seconds: float = 10, rounds: int = 2) -> Result:
    """How much later than the model an answer is, at a steady rate."""
    plan = {"messages": int(rate * seconds), "users": 200, "rate": rate}
    mine, floor = interleaved(
        rounds, lambda: measure_once(plan, floor=False), lambda: measure_once(plan, floor=True)
    )
    goals = {"p50_ms": "< 5", "p99_ms": "< 40"}
    return Result("latency", mine, floor, goals, f"{rate:g} messages/s, model answers at once")


def bench_acks(
    rate: float = 200, seconds: float = 20, latency: float = 30_000, rounds: int = 1, messages: int = 0
) -> Result:
    """How soon a callback is acknowledged while the model keeps everybody waiting.

    Each message is of another user, so most of them wait for a running turn's place, and their users are told
    that the bot is busy: that is part of the load. No message is answered before the last was sent.
    """
    count = messages or int(rate * seconds)
    plan = {"messages": count, "users": count, "rate": rate, "quiet": 0.5, "settle": 0}

    def once(floor: bool) -> Figures:
        port = free_port()
        with (
            tempfile.TemporaryDirectory() as folder,
            processes.simulators("wecom", "openai", args=["--latency", str(latency)]) as sims,
        ):
            if floor:
                with floor_server(sims, port) as pid:
                    return _acks(sims, port, plan, pid)
            config = processes.wecom_config(sims, port)
            # What nobody waits for any more need not be waited for at the end.
            config["dispatcher"] = {"drain_timeout": 0.1}
            with processes.daemon(Path(folder), config) as daemon:
                return _acks(sims, port, plan, daemon.pid)

    mine, floor = interleaved(rounds, lambda: once(False), lambda: once(True))
    goals = {"unacked": "0", "answered": "0", "ack_p99_ms": "< 50"}
    note = f"{rate:g} messages/s for {count / rate:g} s, model {latency:g} ms"
    return Result("acks", mine, floor, goals, note)


def _acks(sims: Mapping[str, Any], port: int, plan: Mapping[str, Any], pid: int) -> Figures:
    _traffic(sims, port, {"messages": 50, "users": 50, "user_prefix": "warm", "quiet": 0.1, "settle": 0})
    before = cpu_seconds(pid)
    report = _traffic(sims, port, plan)
    keys = ("acked", "unacked", "answered", "ack_p50_ms", "ack_p99_ms")
    figures = {key: float(report[key]) for key in keys}
    figures["cpu_ms"] = (cpu_seconds(pid) - before) * 1000 / float(plan["messages"])
    figures["rss_mb"] = rss_bytes(pid, peak=True) / 2**20
    return figures


def bench_users(users: int = 10_000, latency: float = 5000) -> Result:
    """Everybody writes within four seconds to a slow model: at the peak all of them wait."""
    plan = {"messages": users, "users": users, "rate": users / 4, "quiet": 60, "persistent": 60}
    figures = measure_once(
        plan,
        floor=False,
        latency=latency,
        dispatcher={"max_running": users, "max_running_per_bot": users},
        delivery={"concurrency": 64},
    )
    goals = {"answered": f"{users:,}", "rss_mb": "< 450"}
    return Result("users", figures, goals=goals, note=f"{users:,} users at once, model {latency:g} ms")


def bench_kill(messages: int = 1000, users: int = 200, kills: int = 1, seconds: float = 0.0) -> Result:
    """kill -9 under load, ``kills`` times, and start again each time."""
    return Result(
        "wire --kill",
        kill_run(messages, users, kills, seconds),
        goals={"lost": "0", "duplicated": "0", "unanswered": "0"},
        note=f"{messages} messages of {users} users, {kills} × kill -9",
    )


def kill_run(messages: int, users: int, kills: int, seconds: float = 0.0, seed: int = 0) -> Figures:
    """Spread the kills at random over about ``seconds`` (default: what the traffic needs) of traffic.

    Where starts are slow the traffic ends first: then as many messages come again.
    """
    import random

    dice = random.Random(seed or time.time_ns())
    port = free_port()
    rate = messages / seconds if seconds else 0.0
    plan = {"messages": messages, "users": users, "rate": rate, "persistent": 120, "quiet": 60, "settle": 2}
    with (
        tempfile.TemporaryDirectory() as folder,
        processes.simulators("wecom", "openai", args=["--latency", "20"]) as sims,
    ):
        daemon = Daemon(Path(folder), processes.wecom_config(sims, port))
        daemon.start()
        reports: list[dict[str, Any]] = []
        done = 0
        while done < kills or not reports:
            again = {**plan, "user_prefix": f"round{len(reports)}-"}
            traffic = threading.Thread(target=lambda again=again: reports.append(_traffic(sims, port, again)))
            traffic.start()
            while done < kills:
                traffic.join(dice.uniform(0.05, max(0.3, seconds / kills / 2)))
                if not traffic.is_alive():
                    break
                daemon.kill()
                done += 1
                daemon.start()
            traffic.join(300)
        daemon.stop()
        counted = ("answered", "lost", "duplicated", "misordered", "wall_s")
        figures = {key: float(sum(report[key] for report in reports)) for key in counted}
        figures["unanswered"] = messages * len(reports) - figures["answered"]
        figures["kills"] = done
        return figures
