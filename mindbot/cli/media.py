"""`mindbot media`: files that came with messages, or went out with them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mindbot.api import calls
from mindbot.api.saved import new_file
from mindbot.cli.connect import connect
from mindbot.cli.output import JsonOption, plain, print_json, wants_json
from mindbot.domain.names import saved_name

app = typer.Typer(
    help="Files that came with messages.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def group() -> None:
    """Files that came with messages, or went out with them. `mindbot trace TURN --json` tells their ids."""


@app.command()
def save(
    ctx: typer.Context,
    id: Annotated[
        str, typer.Argument(metavar="ID", help="The file's id, or so much of it as no other begins with.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A new file; else it is called as its sender called it."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Save a file of the media store here, for you alone; no file is overwritten."""
    daemon = connect(ctx)
    file = daemon.ask(calls.media_facts(id))
    path = output or Path(saved_name(file.name, file.id))
    with new_file(path, file.id) as out:
        daemon.save(calls.media_content(file.id), out)
    if wants_json(as_json):
        print_json(file.to_json() | {"path": str(path)})
    else:
        print(f"saved {plain(str(path))}  {plain(file.type)}  {file.size:,} bytes")
