"""`mindbot queue`: what waits or is under way, and what it waits for."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer

from mindbot.api import queue_calls, queue_models
from mindbot.api.shown_queue import reason
from mindbot.cli.connect import connect
from mindbot.cli.output import Column, JsonOption, clock, print_list

app = typer.Typer(
    help="What waits or is under way: turns and deliveries.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)

Id = Annotated[str, typer.Argument(metavar="ID", help="A delivery, from `mindbot queue list`.")]

COLUMNS: list[Column[queue_models.QueuedView]] = [
    Column("ID", lambda q: q.id),
    Column("SINCE", lambda q: clock(q.since)),
    Column("STATE", lambda q: q.state),
    Column("BOT", lambda q: f"{q.platform}/{q.bot}", lesser=1),
    Column("TRIES", lambda q: str(q.attempts or ""), right=True, lesser=3),
    Column("USER", lambda q: q.user, lesser=2),
    Column("WHY", lambda q: reason(q, time.time())),
    Column("TEXT", lambda q: q.text, lesser=4),
    Column("ERROR", lambda q: q.error, below=True),
]


@app.command(name="list")
def list_queue(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many of each.")] = 200,
    as_json: JsonOption = False,
) -> None:
    """List turns and deliveries that are not done, and what each waits for."""
    found = connect(ctx).ask(queue_calls.queue(limit))
    print_list(found.queued, COLUMNS, "nothing waits", as_json=as_json)
    if found.turns + found.deliveries > len(found.queued) or found.disk:
        more = ", and more turns on disk" if found.disk else ""
        print(f"there are {found.turns:,} turns and {found.deliveries:,} deliveries{more}", file=sys.stderr)


@app.command()
def hasten(ctx: typer.Context, id: Id) -> None:
    """Try a delivery that waits for its next try again now."""
    connect(ctx).ask(queue_calls.hasten(id))


@app.command()
def cancel(ctx: typer.Context, id: Id) -> None:
    """Give up a delivery that waits: it is a dead letter then."""
    connect(ctx).ask(queue_calls.cancel(id))
