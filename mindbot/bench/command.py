"""``mindbot bench NAME``: figures beside their floors."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mindbot.bench.measure import Result

bench = typer.Typer(name="bench", help="Measure, each figure beside its floor.", add_completion=False)

NAMES = (
    "pipeline",
    "wire",
    "latency",
    "acks",
    "start",
    "users",
    "bus",
    "console",
    "keys",
    "slow-line",
    "rows",
    "text",
    "sockets",
    "llm",
    "dingtalk",
    "wecomcs",
    "rules",
    "route",
    "workflows",
    "history",
)


def _names(incomplete: str) -> list[str]:
    return ["all", *NAMES]


@bench.command(name="bench")
def run_bench(
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME", autocompletion=_names, help=f"all, or of: {', '.join(NAMES)}"),
    ],
    messages: Annotated[int, typer.Option(min=0, help="How many messages; 0 takes the benchmark's own.")] = 0,
    users: Annotated[int, typer.Option(min=0, help="How many users; 0 takes the benchmark's own.")] = 0,
    latency: Annotated[float, typer.Option(min=0, help="wire, workflows: milliseconds the model takes.")] = 0,
    connections: Annotated[
        int,
        typer.Option(min=0, help="wire: only the closed loop, of so many callers that wait for their acks."),
    ] = 0,
    kill: Annotated[bool, typer.Option("--kill", help="wire: kill -9 in the middle and restart.")] = False,
    kills: Annotated[int, typer.Option(min=1, help="wire --kill: how often.")] = 1,
    rounds: Annotated[int, typer.Option(min=0, help="Interleaved rounds; 0 takes the benchmark's own.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a benchmark.")] = False,
) -> None:
    """Run benchmarks on this machine: loopback only, bounded, in processes of their own."""
    if "all" in names:
        names = list(NAMES)
    for name in names:
        if name not in NAMES:
            raise typer.BadParameter(f"{name!r} is none of: all, {', '.join(NAMES)}", param_hint="NAME")
    for name in names:
        for run in _runs(name, messages, users, latency, connections, kill, kills, rounds):
            result = run()
            typer.echo(json.dumps(result.to_json(), ensure_ascii=False) if as_json else result.table())


def _runs(
    name: str,
    messages: int,
    users: int,
    latency: float,
    connections: int,
    kill: bool,
    kills: int,
    rounds: int,
) -> list[Callable[[], Result]]:
    """Return what a name stands for, in the order in which it is run."""
    from mindbot.bench import (
        bus,
        console,
        dingtalk,
        history,
        keys,
        llm,
        pipeline,
        route,
        rows,
        rules,
        slow_line,
        sockets,
        start,
        text,
        wecomcs,
        wire,
        workflows,
    )

    size = {k: v for k, v in (("messages", messages), ("users", users)) if v}
    turns = {"rounds": rounds} if rounds else {}
    if name == "wire" and kill:
        return [lambda: wire.bench_kill(**size, kills=kills)]
    if name == "wire":
        burst = size or ({"messages": 1000, "users": 500} if latency else {})
        callers = {"connections": connections} if connections else {}
        closed = partial(wire.bench_closed, **size, **callers, **turns)
        at_once = partial(wire.bench, latency=latency, **burst, **turns)
        return [closed] if connections else [at_once] if latency else [closed, at_once]
    if name == "users":
        return [lambda: wire.bench_users(**({"users": users} if users else {}))]
    if name == "pipeline":
        return [lambda: pipeline.bench(**size, **turns)]
    simple: dict[str, Callable[[], Result]] = {
        "latency": lambda: wire.bench_latency(**turns),
        "acks": lambda: wire.bench_acks(**turns, **({"messages": messages} if messages else {})),
        "start": lambda: start.bench(**turns),
        "bus": bus.bench,
        "console": lambda: console.bench(**({"messages": messages} if messages else {}), **turns),
        "keys": keys.bench,
        "slow-line": slow_line.bench,
        "rows": lambda: rows.bench(**turns),
        "text": lambda: text.bench(**turns),
        "sockets": sockets.bench,
        "llm": lambda: llm.bench(**({"messages": messages} if messages else {}), **turns),
        "dingtalk": dingtalk.bench,
        "wecomcs": wecomcs.bench,
        "rules": lambda: rules.bench(**turns),
        "route": lambda: route.bench(**({"messages": messages} if messages else {}), **turns),
        "history": lambda: history.bench(**({"messages": messages} if messages else {})),
        "workflows": lambda: workflows.bench(**size, latency=latency, **turns),
    }
    return [simple[name]]
