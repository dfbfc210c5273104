"""`mindbot platform`: bots and how their platforms are."""

from __future__ import annotations

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
