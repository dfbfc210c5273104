"""`mindbot export`."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from mindbot.api import calls
from mindbot.api.exported import exported
from mindbot.api.redacting import redacted
from mindbot.cli import completing
from mindbot.cli.connect import connect
from mindbot.cli.output import plain
from mindbot.domain.errors import Invalid

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(name="export")
def export_turn(
    ctx: typer.Context,
    turn: Annotated[
        str,
        typer.Argument(metavar="TURN", autocompletion=completing.turns, help="Its id, from `mindbot turns`."),
    ],
    form: Annotated[
        Literal["json", "curl", "markdown", "otlp"],
        typer.Option(
            "--as", help="json: all that is known; curl: its calls; markdown: a report; otlp: a trace."
        ),
    ] = "json",
    redact: Annotated[
        bool, typer.Option("--redact", help="Without words and names: shapes of texts, hashes of ids.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A new file; else it is printed.")
    ] = None,
) -> None:
    """Take a turn elsewhere: JSON, curl commands ($API_KEY stands for the key), Markdown, OpenTelemetry."""
    found = connect(ctx).ask(calls.turn(turn))
    text = exported(redacted(found) if redact else found, form)
    if output is None:
        print(plain(text), end="")
        return
    try:
        opener = partial(os.open, mode=0o600)  # people's words are nobody else's
        with open(output, "x", encoding="utf-8", errors="backslashreplace", opener=opener) as file:
            file.write(text)
    except FileExistsError as error:
        raise Invalid(f"{output} exists already", hint="give another name") from error
    except OSError as error:
        raise Invalid(f"cannot write {output}: {error.strerror}") from error
    print(f"saved {plain(str(output))}")
