"""`mindbot turns` and `mindbot trace`."""

from __future__ import annotations

from typing import Annotated

import typer

from mindbot.api import calls, models
from mindbot.cli.connect import connect
from mindbot.cli.output import Column, JsonOption, clock, milliseconds, print_json, print_list, wants_json
from mindbot.cli.tree import tree

turns = typer.Typer(add_completion=False, rich_markup_mode=None)
trace = typer.Typer(add_completion=False, rich_markup_mode=None)


def _came_of(turn: models.TurnSummary) -> str:
    """Return the reply, behind what is to be said of it (that it was cut), or why there is none."""
    if not turn.reply or not turn.reason or turn.state != "answered":
        return turn.reply or turn.reason
    return f"({turn.reason.partition(':')[0]}) {turn.reply}"


COLUMNS: list[Column[models.TurnSummary]] = [
    Column("TURN", lambda t: t.id),
    Column("RECEIVED", lambda t: clock(t.received)),
    Column("STATE", lambda t: t.state),
    Column("BOT", lambda t: f"{t.platform}/{t.bot}"),
    Column("USER", lambda t: t.user),
    Column("TOOK", lambda t: milliseconds(t.took_ms), right=True),
    Column("TEXT", lambda t: " → ".join(filter(None, (t.text, _came_of(t))))),
]


@turns.command(name="turns")
def list_turns(
    ctx: typer.Context,
    filter: Annotated[
        str, typer.Argument(metavar="[FILTER]", help="E.g. 'platform == \"wecom\" and took > 5s'.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 20,
    before: Annotated[str, typer.Option(metavar="TURN", help="Go on from this turn.")] = "",
    as_json: JsonOption = False,
) -> None:
    """List turns, newest first."""
    found = connect(ctx).ask(calls.turns(filter, limit, before))
    print_list(found, COLUMNS, "no turns match" if filter else "no turns yet", as_json=as_json)


@trace.command(name="trace")
def trace_turn(
    ctx: typer.Context,
    turn: Annotated[str, typer.Argument(metavar="TURN", help="Its id, from `mindbot turns`.")],
    as_json: JsonOption = False,
) -> None:
    """Show a turn's steps as a tree with their times."""
    client = connect(ctx)
    spans = client.ask(calls.spans(turn))
    if wants_json(as_json):
        for span in spans:
            print_json(span.to_json())
        return
    for line in tree(client.ask(calls.turn(turn)), spans):
        print(line)
