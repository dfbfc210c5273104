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
from mindbot.cli.output import one_line
from mindbot.domain.message import Json
from mindbot.domain.turn import DONE_STATES
from mindbot.testing import configs, processes
from mindbot_daemon.children import with_us
from mindbot_daemon.demo_scenes import SCENES, Stage, play, play_on

_LOOK_EVERY = 0.1  # seconds
#: Whose users write, and what the first of them are called.
_PLATFORMS = {"wecom": "zhang", "dingtalk": "chen", "wecomcs": "wm-customer", "wecombot": "liu"}
_CONNECTED = {"dingtalk", "wecombot"}  # their bots connect to them, nobody is called back
#: The first of them fails at first, so that the others answer for it; the last is slow.
_MODELS = ("openai", "anthropic", "gemini", "ollama")
#: Of six apps of Dify's one fails too, and the one for everything else answers for it.
_FAILS = ["--fault", "openai/503:n=2", "--fault", "dify/503@#code_analysis", "--fault", "ollama/slow:1500ms"]
#: A show is to be watched: models think, and speak as fast as people read.
_AT_EASE = ["--latency", "600", "--tokens-per-second", "8"]
#: What is said, in turn: for each workflow, in two languages, for two of them, and for none.
_TEXTS = (
    "good morning, MindBot",
    "这段 python 代码为什么报错？",
    "summarize the pdf on travel costs",
    "帮我用上个月的 csv 画一张图表",
    "a slogan for our new kettle",
    "which studies are there on sleep?",
    "早上好",
    "debug this python function, please",
    "写一首关于秋天的诗",
    "帮我总结这份合同文档",
    "what is for lunch?",
)


def demo(messages: int = 32, users: int = 8, rate: float = 8.0, *, console: bool = False) -> int:
    """Let ``users`` write ``messages`` (so many a second) to bots on four platforms, and print what is said.

    Beside them scenes are played (`mindbot_daemon.demo_scenes`). Everything lives in a temporary folder and
    ends with this call. The last line on stdout is one JSON object; returns 0 only when every message was
    answered exactly once and every scene ended as it should. With ``console`` traffic and scenes go on, shown
    live in the console, until that is left.
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
    well = summary["answered"] == summary["sent"] and not summary["duplicated"]
    return 0 if well and all(summary["scenes"].values()) else 1


def _run(folder: Path, messages: int, users: int, rate: float) -> Json:
    _say("starting simulators of four platforms, of four models and six Dify apps …")
    _say("OpenAI's fails at first: Anthropic's, Google's and Ollama's (a slow one) answer for it")
    _say("code_analysis fails on purpose: general_chat answers for it")
    _say(f"scenes beside the traffic: {', '.join(SCENES)}")
    # The pool is the outermost: when the simulators are gone, so is the request that its thread waits for.
    with (
        ThreadPoolExecutor(len(_PLATFORMS) + 1) as pool,
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
            scenes = pool.submit(play, Stage(sims, port, client, folder))
            _print_conversations(client, lambda: all(each.done() for each in (*traffic, scenes)), messages)
            providers = client.ask(calls.providers())
            for each in providers:
                _say(f"{each.name:10} {each.state:9} answered {each.calls_today}")
            answered_by = {each.name: each.calls_today for each in providers}
            workflows = _by_workflow(client, messages)
            for name, count in workflows.items():
                _say(f"{name:20} answered {count}")
            summary = summary_of([each.result() for each in traffic])
            return summary | {"answered_by": answered_by, "workflows": workflows, "scenes": scenes.result()}
        finally:
            daemon.stop()


def _show(folder: Path, users: int) -> None:
    """Open the console on a demo whose users write until it is left."""
    from mindbot_tui.start import start

    _say("starting simulators and a daemon …")
    with (
        ThreadPoolExecutor(len(_PLATFORMS) + 1) as pool,
        processes.simulators(
            *_PLATFORMS, *_MODELS, "dify", args=[*_AT_EASE, *_FAILS], popen=with_us()
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
                for name, plan in _plans(100_000, users, 2.0).items()
            ]
            stage = Stage(sims, port, Client(daemon.socket), folder)
            show = pool.submit(play_on, stage)
            try:
                start(str(daemon.socket))
            finally:
                stage.over.set()
        finally:
            daemon.stop()
    show.exception()
    for talk in talks:
        talk.exception()  # the request that ended with its server


def _config(sims: Json, port: int) -> Json:
    """Return bots on four platforms; customers are answered by models, everybody else by workflows."""
    service = {"name": "customers", "platform": "wecomcs", "runner": "chat"}
    bots = configs.three(sims, port) | configs.wecombot(sims)
    return bots | configs.models(sims) | configs.workflows(sims) | {"routes": [service]}


def _plans(messages: int, users: int, rate: float) -> dict[str, Json]:
    """Return who writes how much on each platform; nobody says what the others just say."""
    share = len(_PLATFORMS)
    plans: dict[str, Json] = {}
    for n, (name, prefix) in enumerate(_PLATFORMS.items()):
        if count := messages // share + (n < messages % share):
            begin = 3 * n % len(_TEXTS)
            plans[name] = {
                "messages": count,
                "users": max(1, users // share),
                "rate": rate / share,
                "user_prefix": prefix,
                "texts": _TEXTS[begin:] + _TEXTS[:begin],
            }
    return plans


def _talk(sims: Json, name: str, port: int, plan: Json) -> Json:
    plan |= {
        "callback": "" if name in _CONNECTED else configs.callback(name, port),
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
    print(f"{turn.platform:8}  {turn.user:8} › {one_line(turn.text)}")
    answer = one_line(turn.reply) or f"({turn.state}: {turn.reason})"
    who = turn.workflow or turn.provider or turn.runner
    print(f"{'':8}  {'bot':8} ‹ {answer}   {who}, {turn.took_ms:.0f} ms", flush=True)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
