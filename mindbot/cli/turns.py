"""`mindbot turns`."""

from __future__ import annotations

from typing import Annotated

import typer

from mindbot.api import models
from mindbot.api.shown_turns import state, who, why
from mindbot.cli import completing
from mindbot.cli.connect import connect
from mindbot.cli.looking import TurnSearch
from mindbot.cli.output import Column, JsonOption, clock, milliseconds, print_json, print_table, wants_json

turns = typer.Typer(add_completion=False, rich_markup_mode=None)


def _text(turn: models.TurnSummary) -> str:
    """Return what was said, and what was answered."""
    return " → ".join(filter(None, (turn.text, turn.reply)))


COLUMNS: list[Column[models.TurnSummary]] = [
    Column("TURN", lambda t: t.id),
    Column("RECEIVED", lambda t: clock(t.received)),
    Column("STATE", state),
    Column("BOT", lambda t: f"{t.platform}/{t.bot}", lesser=1),
    Column("USER", who),
    Column("TOOK", lambda t: milliseconds(t.took_ms), right=True, lesser=2),
    Column("TEXT", _text),
    Column("WHY", why, below=True),
]


@turns.command(name="turns")
def list_turns(
    ctx: typer.Context,
    filter: Annotated[
        str, typer.Argument(metavar="[FILTER]", help="E.g. 'platform == \"wecom\" and took > 5s'.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 20,
    before: Annotated[
        str, typer.Option(metavar="TURN", autocompletion=completing.turns, help="Go on from this turn.")
    ] = "",
    seconds: Annotated[
        float, typer.Option(min=0, max=86400, help="How long to look, where few turns match.")
    ] = 60.0,
    as_json: JsonOption = False,
) -> None:
    """List turns, newest first. Exit code 4: time was over before all were looked at."""
    search = TurnSearch(filter, limit, before, seconds)
    found: list[models.TurnSummary] = []
    for page in search.pages(connect(ctx)):
        if wants_json(as_json):
            for turn in page:
                print_json(turn.to_json())
        found += page
    if not wants_json(as_json) and (found or not search.before):
        print_table(found, COLUMNS, "no turns match" if filter else "no turns yet")
    search.complete()
