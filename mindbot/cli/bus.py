"""`mindbot bus`: what happens inside the daemon, and who listens."""

from __future__ import annotations

import typer

from mindbot.api import instrument_calls
from mindbot.api.instrument_models import BusRow
from mindbot.cli.connect import connect
from mindbot.cli.output import Column, JsonOption, print_list

app = typer.Typer(add_completion=False, rich_markup_mode=None)

COLUMNS: list[Column[BusRow]] = [
    Column("KIND", lambda r: r.kind),
    Column("NAME", lambda r: r.name),
    Column("EVENTS", lambda r: f"{r.events:,}" if r.kind == "topic" else "", right=True),
    Column("WAIT", lambda r: f"{r.waiting:,}" if r.kind != "topic" else "", right=True),
    Column("LOST", lambda r: f"{r.lost:,}" if r.lost else "", right=True),
    Column("FAILED", lambda r: f"{r.failed:,}" if r.failed else "", right=True),
    Column("TOPICS", lambda r: " ".join(r.topics) if r.kind != "topic" else ""),
    Column("FILTER", lambda r: r.filter, below=True),
]


@app.command()
def bus(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """Show the topics of the event bus, and who takes their events."""
    print_list(connect(ctx).ask(instrument_calls.bus()).rows, COLUMNS, "nothing yet", as_json=as_json)
