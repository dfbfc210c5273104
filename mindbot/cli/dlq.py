"""`mindbot dlq`: dead letters, until somebody decides."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from mindbot.api import calls, models
from mindbot.cli.connect import connect
from mindbot.cli.output import Column, JsonOption, clock, plain, print_json, print_list, wants_json
from mindbot.domain.errors import NotFound

app = typer.Typer(
    help="Dead letters: deliveries and turns given up on.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)

Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="From `mindbot dlq list`.")]
_MOST = 1000

COLUMNS: list[Column[models.DeadLetter]] = [
    Column("ID", lambda d: d.id),
    Column("SINCE", lambda d: clock(d.created or d.received)),
    Column("KIND", lambda d: d.kind),
    Column("BOT", lambda d: f"{d.platform}/{d.bot}"),
    Column("TRIES", lambda d: str(d.attempts or ""), right=True),
    Column("TEXT", lambda d: d.text),
    Column("WHY", lambda d: d.error or d.reason, below=True),
]


@app.command(name="list")
def list_dead_letters(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="How many.")] = 100,
    as_json: JsonOption = False,
) -> None:
    """List dead letters, newest first."""
    found = connect(ctx).ask(calls.dead_letters(limit))
    print_list(found, COLUMNS, "no dead letters", as_json=as_json)


@app.command()
def show(
    ctx: typer.Context,
    id: Annotated[str, typer.Argument(metavar="ID", help="From `mindbot dlq list`.")],
    as_json: JsonOption = False,
) -> None:
    """Show one dead letter whole."""
    found = next((d for d in connect(ctx).ask(calls.dead_letters(_MOST)) if d.id == id), None)
    if found is None:
        raise NotFound(f"no dead letter {id!r}", hint="see: mindbot dlq list")
    if wants_json(as_json):
        print_json(found.to_json())
        return
    for name, value in found.to_json().items():
        print(f"{name:12} {plain(str(value))}")


@app.command()
def retry(ctx: typer.Context, ids: Ids) -> None:
    """Send a delivery, or run a turn, again."""
    _settle(ctx, ids, "retry")


@app.command()
def discard(ctx: typer.Context, ids: Ids) -> None:
    """Put dead letters away for good."""
    _settle(ctx, ids, "discard")


def _settle(ctx: typer.Context, ids: list[str], action: Literal["retry", "discard"]) -> None:
    """One after the other; the first that fails ends it, and the message names it."""
    client = connect(ctx)
    for id in ids:
        client.ask(calls.settle_dead_letter(id, action))
