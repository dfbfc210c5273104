"""`mindbot metrics`: how long things take."""

from __future__ import annotations

from typing import Annotated

import typer

from mindbot.api import instrument_calls
from mindbot.api.instrument_models import TimesView
from mindbot.api.quantiles import quantile
from mindbot.cli.connect import connect
from mindbot.cli.output import Column, JsonOption, milliseconds, print_list

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def metrics(
    ctx: typer.Context,
    what: Annotated[
        str, typer.Argument(metavar="WHAT", help="Only turn, stage, model, workflow or send.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Show how long turns, stages, models, workflows and sends took since the daemon's start."""
    found = connect(ctx).ask(instrument_calls.metric_times())

    def of(q: float) -> Column[TimesView]:
        def cell(row: TimesView) -> str:
            at = quantile(q, found.bounds, row.counts)
            return "" if at is None else milliseconds(at * 1000)

        return Column(f"P{q * 100:.0f}", cell, right=True)

    columns: list[Column[TimesView]] = [
        Column("WHAT", lambda t: t.what),
        Column("NAME", lambda t: t.name),
        Column("COUNT", lambda t: f"{sum(t.counts):,}", right=True),
        Column("MEAN", lambda t: milliseconds(t.sum * 1000 / max(sum(t.counts), 1)), right=True),
        of(0.5),
        of(0.95),
        of(0.99),
    ]
    rows = [each for each in found.times if what in ("", each.what)]
    print_list(rows, columns, "nothing was measured yet", as_json=as_json)
