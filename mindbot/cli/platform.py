"""`mindbot platform`: bots and how their platforms are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mindbot.api import calls, models
from mindbot.api.client import Client
from mindbot.cli.connect import connect
from mindbot.cli.output import Column, JsonOption, clock, print_json, print_table, wants_json
from mindbot.domain.errors import NotFound

app = typer.Typer(
    help="Bots and how their platforms are.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)

Bot = Annotated[str, typer.Argument(metavar="BOT", help="PLATFORM/NAME, or a platform with one bot.")]

COLUMNS: list[Column[models.PlatformView]] = [
    Column("BOT", lambda p: f"{p.platform}/{p.bot}"),
    Column("STATE", lambda p: p.state),
    Column("SINCE", lambda p: clock(p.since)),
    Column("CALLED BACK ON", lambda p: f"{p.listen}{p.callback}"),
    Column("REASON", lambda p: p.reason),
]


@app.command(name="list")
def list_platforms(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """List bots, their state, and where vendors call them back."""
    found = connect(ctx).ask(calls.platforms())
    if wants_json(as_json):
        for each in found:
            print_json(each.to_json())
    else:
        print_table(found, COLUMNS, "no bots are configured")


@app.command()
def show(ctx: typer.Context, bot: Bot, as_json: JsonOption = False) -> None:
    """Show one bot."""
    client = connect(ctx)
    found = client.ask(calls.platform(*_name(client, bot)))
    if wants_json(as_json):
        print_json(found.to_json())
        return
    for name, value in found.to_json().items():
        print(f"{name:12} {clock(value) if name == 'since' else value}")


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


CHECKS: list[Column[models.PlatformCheck]] = [
    Column("STEP", lambda c: c.name),
    Column("STATE", lambda c: c.state),
    Column("DETAIL", lambda c: c.detail),
    Column("MEND", lambda c: c.mend),
]


@app.command()
def test(ctx: typer.Context, bot: Bot, as_json: JsonOption = False) -> None:
    """Prove that a bot works, in a real round trip with its platform; exits 1 when a step failed."""
    client = connect(ctx)
    found = client.ask(calls.test_platform(*_name(client, bot)))
    if wants_json(as_json):
        for each in found:
            print_json(each.to_json())
    else:
        print_table(found, CHECKS, "nothing to test")
    raise typer.Exit(1 if any(each.state == "failed" for each in found) else 0)


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
    as_json: JsonOption = False,
) -> None:
    """Let a bot say something of its own accord."""
    from mindbot.cli.send import outcome

    client = connect(ctx)
    ids = [client.ask(calls.upload(each)).id for each in file or ()]
    order = models.Push(text=text, user=user, group=group, files=ids)
    turn = client.ask(calls.push(*_name(client, bot), order))
    if wants_json(as_json):
        print_json(outcome(turn))
    else:
        why = f": {turn.reason}" if turn.reason else ""
        print(f"turn {turn.id} {turn.state}{why}")
    raise typer.Exit(0 if turn.state == "answered" else 1)


def _name(client: Client, text: str) -> tuple[str, str]:
    """Read ``wecom/sales``, or find the only bot of a platform."""
    platform, slash, bot = text.partition("/")
    if slash:
        return platform, bot
    bots = client.ask(calls.platforms())
    mine = [each.bot for each in bots if each.platform == platform]
    if len(mine) == 1:
        return platform, mine[0]
    known = ", ".join(f"{each.platform}/{each.bot}" for each in bots) or "none"
    raise NotFound(f"which bot of {platform}?" if mine else f"no bot {text!r}", hint=f"bots: {known}")
