"""`mindbot up --demo`: a daemon between simulators, real processes on loopback, and sample traffic."""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mindbot.api import calls
from mindbot.api.client import Client
from mindbot.api.models import TurnSummary
from mindbot.domain.message import Json
from mindbot.domain.turn import DONE_STATES
from mindbot.testing import configs, processes
from mindbot_daemon.children import with_us

_LOOK_EVERY = 0.1  # seconds
_PLATFORMS = ("wecom", "dingtalk", "wecomcs")
#: The first of them fails, so that the others answer for it.
_MODELS = ("openai", "anthropic", "gemini", "ollama")
#: Of six apps of Dify's one fails too, and the one for everything else answers for it.
_FAILS = ["--fault", "openai/503", "--fault", "dify/503@#code_analysis"]
#: What is said, in turn: a word for each workflow, one for two of them, and something for none.
_TEXTS = (
    "good morning, MindBot",
    "debug this python function, please",
    "summarize the pdf on travel costs",
    "draw a chart of the csv of last month",
    "a slogan for our new kettle",
    "which studies are there on sleep?",
    "what is for lunch?",
)


def demo(messages: int = 24, users: int = 6, rate: float = 8.0, *, console: bool = False) -> int:
    """Let ``users`` write ``messages`` (so many a second) to bots on three platforms, and print what is said.

    Everything lives in a temporary folder and ends with this call. The last line on stdout is one JSON
    object; returns 0 only when every message was answered exactly once. With ``console`` the traffic goes on,
    shown live in the console, until that is left.
    """
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, lambda number, _: sys.exit(128 + number))  # so that children are ended
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
    _say("starting simulators of DingTalk, WeCom, WeCom Customer Service, of four models and six Dify apps …")
    _say("OpenAI's fails on purpose: Anthropic's, Google's and Ollama's answer for it")
    _say("code_analysis fails on purpose: general_chat answers for it")
    # The pool is the outermost: when the simulators are gone, so is the request that its thread waits for.
    with (
        ThreadPoolExecutor(len(_PLATFORMS)) as pool,
        processes.simulators(
            *_PLATFORMS, *_MODELS, "dify", args=["--latency", "50", *_FAILS], popen=with_us()
        ) as sims,
    ):
        _say("starting the daemon …")
        port = processes.free_port()
        config = _config(sims, port)
        own_socket = {"MINDBOT_SOCKET": str(folder / "mindbot.sock")}  # whatever the caller's is
        daemon = processes.Daemon(folder, config, own_socket, with_us())
        try:
            daemon.start()
            _say(f"{users} users write {messages} messages …")
            traffic = [
                pool.submit(_talk, sims, name, port, plan)
                for name, plan in _plans(messages, users, rate).items()
            ]
            client = Client(daemon.socket)
            _print_conversations(client, lambda: all(each.done() for each in traffic), messages)
            providers = client.ask(calls.providers())
            for each in providers:
                _say(f"{each.name:10} {each.state:9} answered {each.calls_today}")
            answered_by = {each.name: each.calls_today for each in providers}
            workflows = _by_workflow(client, messages)
            for name, count in workflows.items():
                _say(f"{name:20} answered {count}")
            summary = summary_of([each.result() for each in traffic])
            return summary | {"answered_by": answered_by, "workflows": workflows}
        finally:
            daemon.stop()


def _show(folder: Path, users: int) -> None:
    """Open the console on a demo whose users write until it is left."""
    from mindbot_tui.start import start

    _say("starting simulators and a daemon …")
    with (
        ThreadPoolExecutor(len(_PLATFORMS)) as pool,
        processes.simulators(
            *_PLATFORMS, *_MODELS, "dify", args=["--latency", "400", *_FAILS], popen=with_us()
        ) as sims,
    ):
        port = processes.free_port()
        own_socket = {"MINDBOT_SOCKET": str(folder / "mindbot.sock")}
        daemon = processes.Daemon(folder, _config(sims, port), own_socket, with_us())
        try:
            daemon.start()
            # More than anybody watches; it ends with the simulators.
            talks = [
                pool.submit(_talk, sims, name, port, plan)
                for name, plan in _plans(100_000, users, 4.0).items()
            ]
            start(str(daemon.socket))
        finally:
            daemon.stop()
    for talk in talks:
        talk.exception()  # the request that ended with its server


def _config(sims: Json, port: int) -> Json:
    """Return bots on three platforms; customers are answered by models, everybody else by workflows."""
    service = {"name": "customers", "platform": "wecomcs", "runner": "chat"}
    return configs.three(sims, port) | configs.models(sims) | configs.workflows(sims) | {"routes": [service]}


def _plans(messages: int, users: int, rate: float) -> dict[str, Json]:
    """Return who writes how much on each platform."""
    share = len(_PLATFORMS)
    counts = {name: messages // share + (n < messages % share) for n, name in enumerate(_PLATFORMS)}
    return {
        name: {"messages": count, "users": max(1, users // share), "rate": rate / share}
        for name, count in counts.items()
        if count
    }


def _talk(sims: Json, name: str, port: int, plan: Json) -> Json:
    plan |= {
        "callback": configs.callback(name, port),
        "texts": _TEXTS,
        "quiet": 10.0,
        "persistent": 10,
    }
    report: Json = processes.post(f"{sims[name]['base_url']}/_sim/traffic", plan, 24 * 3600)
    return report


def summary_of(reports: list[Json]) -> Json:
    """Return the figures of the last line. What was never acknowledged counts as lost here, too."""
    total = {key: sum(report[key] for report in reports) for key in ("sent", "answered", "duplicated")}
    return {
        "sent": total["sent"],
        "answered": total["answered"],
        "lost": total["sent"] - total["answered"],
        "duplicated": total["duplicated"],
        "p50_ms": max(report["answer_p50_ms"] for report in reports),
        "p99_ms": max(report["answer_p99_ms"] for report in reports),
    }


def _by_workflow(client: Client, messages: int) -> dict[str, int]:
    """Return how many messages each workflow answered, those of others included."""
    turns = client.ask(calls.turns(limit=2 * messages))
    return dict(Counter(turn.workflow for turn in turns if turn.workflow).most_common())


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
    print(f"{turn.platform:8}  {turn.user:8} › {turn.text}")
    answer = turn.reply or f"({turn.state}: {turn.reason})"
    who = turn.workflow or turn.provider or turn.runner
    print(f"{'':8}  {'bot':8} ‹ {answer}   {who}, {turn.took_ms:.0f} ms", flush=True)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
