"""`mindbot trace`."""

from __future__ import annotations

from typing import Annotated

import typer

from mindbot.api import calls, trace_calls
from mindbot.api.folding import folded
from mindbot.cli import completing
from mindbot.cli.connect import connect
from mindbot.cli.output import JsonOption, print_json, wants_json
from mindbot.cli.requests import print_request, print_requests
from mindbot.cli.tree import tree

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(name="trace")
def trace_turn(
    ctx: typer.Context,
    turn: Annotated[
        str,
        typer.Argument(metavar="TURN", autocompletion=completing.turns, help="Its id, from `mindbot turns`."),
    ],
    every: Annotated[
        bool, typer.Option("--all", help="Show every step, also the stages that only hold others.")
    ] = False,
    requests: Annotated[
        bool, typer.Option("--requests", help="List what models and workflows were asked, by its origins.")
    ] = False,
    request: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Print the Nth request as it was sent.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show a turn's steps as a tree with their times; as JSON one object, the turn with all its steps.

    With --requests it shows what models and workflows were asked instead, and where each part of the prompt
    is from; tokens with a ~ are estimated.
    """
    client = connect(ctx)
    if request is not None or requests:
        asked = client.ask(trace_calls.requests(turn))
        if request is not None:
            print_request(asked, request)
        else:
            print_requests(asked, as_json=wants_json(as_json))
        return
    found = client.ask(calls.turn(turn))
    spans = client.ask(calls.spans(turn))
    if wants_json(as_json):
        print_json(found.to_json() | {"spans": [span.to_json() for span in spans]})
        return
    for line in tree(found, spans if every else folded(spans)):
        print(line)
