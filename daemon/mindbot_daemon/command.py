"""`mindbot daemon …` and `mindbot up`. What runs in the daemon's process is imported when it runs."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from mindbot.cli.connect import connect
from mindbot.cli.output import JsonOption, duration, one_line, print_json, wants_json
from mindbot.domain.errors import MindBotError

if TYPE_CHECKING:
    from mindbot.api import models
    from mindbot.api.client import Client

_MOST_DEAD = 1000  # dead letters that are looked at

daemon = typer.Typer(
    help="Run, stop, reload the daemon, or see how it is.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)
up = typer.Typer(add_completion=False, rich_markup_mode=None)


@daemon.command()
def run(
    ctx: typer.Context,
    from_now: Annotated[
        bool,
        typer.Option(
            "--from-now",
            help="Answer nothing that was said before this start; what is open becomes dead letters.",
        ),
    ] = False,
) -> None:
    """Run the daemon in the foreground until a signal."""
    from mindbot_daemon.main import run as run_daemon

    raise typer.Exit(run_daemon(ctx.obj["config"], ctx.obj["socket"], from_now=from_now))


@daemon.command()
def status(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """Say how the daemon is; exits 0 only when it is ready."""
    from mindbot.api import calls

    client = connect(ctx)
    found = client.ask(calls.status())
    ill = [c for c in client.ask(calls.ready()).components if c.state != "ok"]
    if found.phase != "starting":  # a question for the database would wait for the start's end
        ill += _given_up(client)
    if wants_json(as_json):
        print_json(found.to_json() | {"not_ok": [c.to_json() for c in ill]})
    else:
        print(f"{found.phase}, pid {found.pid}, version {found.version}, up {duration(found.uptime_s)}")
        for what in ("turns", "totals", "outbox"):
            counts = getattr(found, what).to_json()
            print(f"{what:8} " + "  ".join(f"{name} {count}" for name, count in counts.items()))
        print(f"loop lag {found.loop_lag_ms:.1f} ms  memory {found.rss_bytes / 1e6:.0f} MB")
        print(f"config   generation {found.config.generation}  {' '.join(found.config.files) or 'built in'}")
        if found.health is not None:
            print(f"health   {' · '.join(found.health.words) or 'ok'}")
        for each in ill:
            print(f"{each.state:8} {one_line(f'{each.component}: {each.reason}')}")
    raise typer.Exit(0 if found.ready else 1)


def _given_up(client: Client) -> list[models.Component]:
    """Return what is to be said of dead letters; that they cannot be read does not hide the rest."""
    from mindbot.api import calls, models

    try:
        return list(_dead(client.ask(calls.dead_letters(_MOST_DEAD))))
    except MindBotError as error:
        why = f"cannot be listed: {error}"
        return [models.Component(component="dead letters", state="degraded", reason=why, since=0.0)]


def _dead(letters: list[models.DeadLetter]) -> Iterator[models.Component]:
    """Yield one entry for each bot with dead letters: all there are now, not since the start."""
    from mindbot.api import models

    for bot, count in Counter(f"{each.platform}/{each.bot}" for each in letters).most_common():
        last = next(each for each in letters if f"{each.platform}/{each.bot}" == bot)
        many = f"{count} or more" if len(letters) == _MOST_DEAD else str(count)
        why = f"{many} given up on, the last {last.id}: {last.error or last.reason} (see: mindbot dlq list)"
        since = last.created or last.received
        yield models.Component(component=f"dead letters of {bot}", state="degraded", reason=why, since=since)


@daemon.command()
def stop(
    ctx: typer.Context,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for its end.")] = 40.0,
) -> None:
    """Ask the daemon to drain and stop, and wait until it has."""
    from mindbot.api import calls
    from mindbot.domain.errors import Forbidden, TimedOut

    pid = connect(ctx).ask(calls.ping()).pid
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        signal.pidfd_send_signal(process, signal.SIGTERM)
    except PermissionError as error:
        raise Forbidden(
            f"process {pid} is not yours to stop", hint="with systemd: systemctl stop mindbot"
        ) from error
    if not _ended(process, timeout):
        raise TimedOut(f"process {pid} still drains after {timeout:g}s", hint=f"force it with: kill {pid}")


def _ended(process: int, timeout: float) -> bool:
    import select

    return bool(select.select([process], [], [], timeout)[0])


@daemon.command()
def reload(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """Let the daemon read its configuration again; a bad one changes nothing and is explained."""
    from mindbot.api import calls

    done = connect(ctx).ask(calls.reload())
    if wants_json(as_json):
        print_json(done.to_json())
        return
    print(f"generation {done.generation} is in use")
    for warning in done.warnings:
        print(f"warning: {warning}")
    if done.restart:
        print(f"changed, but only a restart applies: {', '.join(done.restart)}")


@up.command(name="up")
def start(
    ctx: typer.Context,
    show: Annotated[
        bool, typer.Option("--demo", help="Simulators and sample traffic, then one JSON line.")
    ] = False,
) -> None:
    """Run the daemon in the foreground; on a terminal with the console on top, which ends both."""
    from mindbot_daemon.foreground import with_console
    from mindbot_tui.start import on_terminal

    if show:
        from mindbot_daemon.demo import demo

        if ctx.obj["socket"] or ctx.obj["config"]:
            print("--demo has a configuration and a socket of its own: yours are not used", file=sys.stderr)
        raise typer.Exit(demo(console=on_terminal()))
    if on_terminal():
        raise typer.Exit(with_console(ctx.obj["config"], ctx.obj["socket"]))
    run(ctx)
