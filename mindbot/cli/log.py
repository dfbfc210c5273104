"""`mindbot log`: the daemon's last log lines, and how much it says."""

from __future__ import annotations

from typing import Annotated

import typer

from mindbot.api import calls, models
from mindbot.cli import completing
from mindbot.cli.connect import connect
from mindbot.cli.output import Column, JsonOption, clock, print_json, print_list, print_table, wants_json

app = typer.Typer(
    help="The daemon's log lines and levels.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)

LINES: list[Column[models.LogLine]] = [
    Column("TIME", lambda line: clock(line.ts)),
    Column("LEVEL", lambda line: line.level),
    Column("FROM", lambda line: line.component),
    Column("WHAT", lambda line: f"{line.text}  {' '.join(f'{k}={v}' for k, v in line.fields.items())}"),
]
LEVELS: list[Column[tuple[str, str]]] = [
    Column("LOGGER", lambda pair: pair[0] or "(all others)"),
    Column("LEVEL", lambda pair: pair[1]),
]


@app.command()
def show(
    ctx: typer.Context,
    filter: Annotated[str, typer.Argument(metavar="[FILTER]", help="E.g. 'level in [warning, error]'.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=2000, help="How many.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Show the last lines; `mindbot tail --topic log` follows them."""
    found = connect(ctx).ask(calls.logs(limit, filter))
    print_list(found, LINES, "no line matches" if filter else "no lines yet", as_json=as_json)


@app.command()
def levels(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """List the loggers that have a level of their own."""
    _print_levels(connect(ctx).ask(calls.log_levels()), as_json)


@app.command(name="level")
def set_level(
    ctx: typer.Context,
    level: Annotated[
        str,
        typer.Argument(
            autocompletion=completing.levels, help="debug, info, warning, error; '' follows the parent again."
        ),
    ],
    logger: Annotated[
        str,
        typer.Argument(autocompletion=completing.loggers, help="E.g. mindbot.http; else all that have none."),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Change a level until the daemon ends."""
    if level not in completing.LEVELS and (level or not logger):
        told = "follows nobody where no logger is named" if not level else f"{level!r} is no level"
        raise typer.BadParameter(f"{told}: one of {', '.join(completing.LEVELS)}", param_hint="LEVEL")
    _print_levels(connect(ctx).ask(calls.set_log_levels({logger: level})), as_json)


def _print_levels(found: dict[str, str], as_json: bool) -> None:
    if wants_json(as_json):
        print_json(found)
    else:
        print_table(found.items(), LEVELS, "none")
