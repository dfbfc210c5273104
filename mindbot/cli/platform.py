"""`mindbot platform`: bots and how their platforms are."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from mindbot.api import calls, models
from mindbot.api.client import Client
from mindbot.api.shown import ago, facts, links
from mindbot.cli import completing
from mindbot.cli.connect import connect
from mindbot.cli.fates import exit_code, fates, wrapped
from mindbot.cli.output import Column, JsonOption, one_line, print_json, print_list, wants_json
from mindbot.config.keys import guess
from mindbot.domain.errors import NotFound

app = typer.Typer(
    help="Bots and how their platforms are.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)

Bot = Annotated[
    str,
    typer.Argument(
        metavar="BOT", autocompletion=completing.bots, help="PLATFORM/NAME, or a platform with one bot."
    ),
]

_LABEL = 14  # columns of a fact's name


def _ago(seconds: float) -> str:
    return ago(time.time() - seconds) if seconds else "-"


COLUMNS: list[Column[models.PlatformView]] = [
    Column("BOT", lambda p: f"{p.platform}/{p.bot}"),
    Column("STATE", lambda p: p.state),
    Column("FOR", lambda p: _ago(p.since), right=True),
    Column("UP", links),
    Column("IN", lambda p: str(p.traffic.received), right=True),
    Column("LAST", lambda p: _ago(p.traffic.last_message), right=True),
    Column("OUT", lambda p: str(p.traffic.sent), right=True),
    Column("LAST", lambda p: _ago(p.traffic.last_sent), right=True),
    Column("REASON, OR CALLBACK", lambda p: p.reason or f"{p.listen}{p.callback}"),
]


@app.command(name="list")
def list_platforms(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """List bots: their state, what came in and went out, and where vendors call them back."""
    found = connect(ctx).ask(calls.platforms())
    print_list(found, COLUMNS, "no bots are configured", as_json=as_json)


@app.command()
def show(ctx: typer.Context, bot: Bot, as_json: JsonOption = False) -> None:
    """Show one bot: its state and why, its connections, and what came in and went out."""
    client = connect(ctx)
    found = client.ask(calls.platform(*_name(client, bot)))
    if wants_json(as_json):
        print_json(found.to_json())
        return
    print(f"{found.platform}/{found.bot}")
    for name, text in facts(found, time.time()):
        for line in wrapped(f"  {name:{_LABEL}}", one_line(text)):
            print(line)


@app.command()
def restart(ctx: typer.Context, bot: Bot) -> None:
    """Stop a bot's adapter and start it again, e.g. after a secret was mended."""
    client = connect(ctx)
    client.ask(calls.restart_platform(*_name(client, bot)))


@app.command()
def start(ctx: typer.Context, bot: Bot) -> None:
    """Start a bot that was stopped."""
    client = connect(ctx)
    client.ask(calls.start_platform(*_name(client, bot)))


@app.command()
def stop(ctx: typer.Context, bot: Bot) -> None:
    """Stop a bot until it is started again or the daemon is; what it has to send waits on disk."""
    client = connect(ctx)
    client.ask(calls.stop_platform(*_name(client, bot)))


@app.command()
def test(ctx: typer.Context, bot: Bot, as_json: JsonOption = False) -> None:
    """Prove that a bot works, in a real round trip with its platform; exits 1 when a step failed."""
    client = connect(ctx)
    found = client.ask(calls.test_platform(*_name(client, bot)))
    if wants_json(as_json):
        for each in found:
            print_json(each.to_json())
    else:
        for line in _checks(found):
            print(line)
    raise typer.Exit(1 if any(each.state == "failed" for each in found) else 0)


def _checks(found: Iterable[models.PlatformCheck]) -> Iterator[str]:
    for each in found:
        detail = f": {one_line(each.detail)}" if each.detail else ""
        yield from wrapped(f"{each.state:8}", f"{one_line(each.name)}{detail}")
        if each.mend:
            yield from wrapped(f"{'':8}mend: ", one_line(each.mend))


@app.command()
def push(
    ctx: typer.Context,
    bot: Bot,
    text: Annotated[str, typer.Argument(metavar="[TEXT]", help="What the bot says.")] = "",
    user: Annotated[str, typer.Option(help="To whom, by the platform's user id.")] = "",
    group: Annotated[str, typer.Option(help="To which group, by the platform's id.")] = "",
    file: Annotated[
        list[Path] | None, typer.Option(exists=True, dir_okay=False, help="Send a file too; repeatable.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds to wait for it.")] = 30.0,
    as_json: JsonOption = False,
) -> None:
    """Let a bot say something of its own accord; exits 1 when it did not reach everybody, 4 when it waits."""
    from mindbot.cli.orders import order, uploaded
    from mindbot.cli.send import outcome

    if bool(user) == bool(group):
        raise typer.BadParameter("name one of them", param_hint="--user, --group")
    files = file or []
    wanted = order(models.Push, files, text=text, user=user, group=group, timeout=timeout)
    client = connect(ctx)
    name = _name(client, bot)
    turn = client.ask(calls.push(*name, uploaded(client, wanted, files)))
    if wants_json(as_json):
        print_json({**outcome(turn), "deliveries": turn.deliveries})
    else:
        for line in fates(turn):
            print(line)
    raise typer.Exit(exit_code(turn))


@app.command(name="take-back")
def take_back(
    ctx: typer.Context,
    turn: Annotated[
        str,
        typer.Argument(metavar="TURN", autocompletion=completing.turns, help="As `mindbot turns` shows it."),
    ],
    as_json: JsonOption = False,
) -> None:
    """Take what a turn sent off the screens again; exits 1 when some of it stays."""
    found = connect(ctx).ask(calls.take_back(turn))
    for each in found:
        if wants_json(as_json):
            print_json(each.to_json())
            continue
        why = f": {one_line(each.why)}" if each.why else ""
        for line in wrapped(f"{'gone' if each.taken_back else 'stays':8}", f"{each.id}{why}"):
            print(line)
    raise typer.Exit(0 if all(each.taken_back for each in found) else 1)


def _name(client: Client, text: str) -> tuple[str, str]:
    """Read ``wecom/sales``, or find the only bot of a platform; raises NotFound for anything else."""
    platform, slash, bot = text.partition("/")
    if slash and platform and bot and "/" not in bot:
        return platform, bot
    bots = client.ask(calls.platforms())
    mine = [each.bot for each in bots if each.platform == platform and not slash]
    if len(mine) == 1:
        return platform, mine[0]
    known = f"bots: {', '.join(f'{each.platform}/{each.bot}' for each in bots) or 'none'}"
    if mine:
        raise NotFound(f"which bot of {platform}?", hint=known)
    meant = "" if slash else guess(text, [each.platform for each in bots])
    raise NotFound(f"no bot {text!r}", hint=f"did you mean {meant}? {known}" if meant else known)
