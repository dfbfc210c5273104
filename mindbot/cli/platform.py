"""`mindbot platform`: bots and how their platforms are."""

from __future__ import annotations

import typer

from mindbot.api import calls, models
from mindbot.cli.connect import connect
from mindbot.cli.output import Column, JsonOption, clock, print_json, print_table, wants_json

app = typer.Typer(
    help="Bots and how their platforms are.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)

COLUMNS: list[Column[models.PlatformView]] = [
    Column("BOT", lambda p: f"{p.platform}/{p.bot}"),
    Column("STATE", lambda p: p.state),
    Column("SINCE", lambda p: clock(p.since)),
    Column("CALLED BACK ON", lambda p: f"{p.listen}{p.callback}"),
    Column("REASON", lambda p: p.reason),
]


@app.callback()
def group() -> None:
    """Bots and how their platforms are."""


@app.command(name="list")
def list_platforms(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """List bots, their state, and where vendors call them back."""
    found = connect(ctx).ask(calls.platforms())
    if wants_json(as_json):
        for each in found:
            print_json(each.to_json())
    else:
        print_table(found, COLUMNS, "no bots are configured")
