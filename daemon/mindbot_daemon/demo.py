"""`mindbot up --demo`: a daemon between two simulators, real processes on loopback, and sample traffic."""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mindbot.api import calls
from mindbot.api.client import Client
from mindbot.api.models import TurnSummary
from mindbot.domain.message import Json
from mindbot.domain.turn import DONE_STATES
from mindbot.testing import processes

_LOOK_EVERY = 0.1  # seconds


def demo(messages: int = 24, users: int = 6, rate: float = 8.0, *, console: bool = False) -> int:
    """Let ``users`` write ``messages`` (so many a second) to a WeCom bot, and print what is said.

    Everything lives in a temporary folder and ends with this call. The last line on stdout is one JSON
    object; returns 0 only when every message was answered exactly once. With ``console`` the traffic goes on,
    shown live in the console, until that is left.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that children are ended
    with tempfile.TemporaryDirectory(prefix="mindbot-demo-") as folder:
        try:
            if console:
                _show(Path(folder), users)
                return 0
            summary = _run(Path(folder), messages, users, rate)
        except RuntimeError as error:  # a child did not start; the message has the end of its log
            _say(f"mindbot: {error}")
            return 1
    print(json.dumps(summary), flush=True)
    return 0 if summary["answered"] == summary["sent"] and not summary["duplicated"] else 1


def _run(folder: Path, messages: int, users: int, rate: float) -> Json:
    _say("starting simulators of WeCom and of an OpenAI-compatible model …")
    # The pool is the outermost: when the simulators are gone, so is the request that its thread waits for.
    with (
        ThreadPoolExecutor(1) as pool,
        processes.simulators("wecom", "openai", args=["--latency", "50"]) as sims,
    ):
        _say("starting the daemon …")
        port = processes.free_port()
        config = processes.wecom_config(sims, port)
        own_socket = {"MINDBOT_SOCKET": str(folder / "mindbot.sock")}  # whatever the caller's is
        daemon = processes.Daemon(folder, config, own_socket)
        try:
            daemon.start()
            _say(f"{users} users write {messages} messages …")
            plan = {"messages": messages, "users": users, "rate": rate}
            traffic = pool.submit(_talk, sims, port, plan)
            _print_conversations(Client(daemon.socket), traffic.done, messages)
            return summary_of(traffic.result())
        finally:
            daemon.stop()


def _show(folder: Path, users: int) -> None:
    """Open the console on a demo whose users write until it is left."""
    from mindbot_tui.start import start

    _say("starting simulators and a daemon …")
    with (
        ThreadPoolExecutor(1) as pool,
        processes.simulators("wecom", "openai", args=["--latency", "400"]) as sims,
    ):
        port = processes.free_port()
        daemon = processes.Daemon(
            folder, processes.wecom_config(sims, port), {"MINDBOT_SOCKET": str(folder / "mindbot.sock")}
        )
        try:
            daemon.start()
            # More than anybody watches; it ends with the simulators.
            talk = pool.submit(_talk, sims, port, {"messages": 100_000, "users": users, "rate": 4.0})
            start(str(daemon.socket))
        finally:
            daemon.stop()
    talk.exception()  # the request that ended with its server


def _talk(sims: Json, port: int, plan: Json) -> Json:
    plan |= {
        "callback": f"http://127.0.0.1:{port}/wecom/default/callback",
        "text": "Hello MindBot",
        "quiet": 10.0,
    }
    report: Json = processes.post(f"{sims['wecom']['base_url']}/_sim/traffic", plan, 24 * 3600)
    return report


def summary_of(report: Json) -> Json:
    """Return the figures of the last line. What was never acknowledged counts as lost here, too."""
    return {
        "sent": report["sent"],
        "answered": report["answered"],
        "lost": report["sent"] - report["answered"],
        "duplicated": report["duplicated"],
        "p50_ms": report["answer_p50_ms"],
        "p99_ms": report["answer_p99_ms"],
    }


def _print_conversations(client: Client, over: Callable[[], bool], messages: int) -> None:
    """Print each turn as it ends, until the traffic is over."""
    shown: set[str] = set()
    while True:
        last = over()
        newest_first = client.ask(calls.turns(limit=2 * messages))
        for turn in reversed(newest_first):
            if turn.state in DONE_STATES and turn.id not in shown:
                shown.add(turn.id)
                _print_turn(turn)
        if last:
            return
        time.sleep(_LOOK_EVERY)


def _print_turn(turn: TurnSummary) -> None:
    print(f"{turn.platform}  {turn.user:8} › {turn.text}")
    answer = turn.reply or f"({turn.state}: {turn.reason})"
    print(f"{' ' * len(turn.platform)}  {'bot':8} ‹ {answer}   {turn.took_ms:.0f} ms", flush=True)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
