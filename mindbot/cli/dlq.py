"""`mindbot dlq`: dead letters, until somebody decides."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from mindbot.api import calls, models
from mindbot.api.client import Client
from mindbot.cli import completing
from mindbot.cli.connect import connect
from mindbot.cli.output import Column, JsonOption, clock, plain, print_json, print_list, wants_json
from mindbot.domain.errors import Conflict
from mindbot.domain.shapes.turns import Settling

app = typer.Typer(
    help="Dead letters: deliveries and turns given up on.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)

Ids = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID", autocompletion=completing.dead_letters, help="From `mindbot dlq list`."),
]
All = Annotated[bool, typer.Option("--all", help="All there are, or all that --filter lets through.")]
Filter = Annotated[
    str | None,
    typer.Option(metavar="FILTER", help="Only these, e.g. 'platform == wecom and why =~ timeout'."),
]
_MOST = 1000
_TIMES = {"created", "received", "ended", "next_at", "acted_at"}

COLUMNS: list[Column[models.DeadLetter]] = [
    Column("ID", lambda d: d.id),
    Column("SINCE", lambda d: clock(d.created or d.received)),
    Column("KIND", lambda d: d.kind, lesser=2),
    Column("BOT", lambda d: f"{d.platform}/{d.bot}", lesser=1),
    Column("USER", lambda d: d.user),
    Column("TRIES", lambda d: str(d.attempts or ""), right=True, lesser=3),
    Column("TEXT", lambda d: d.text),
    Column("WHY", lambda d: d.error or d.reason, below=True),
]


SETTLED: list[Column[models.DeadLetter]] = [
    *COLUMNS[:1],
    Column("NOW", lambda d: f"{d.state}, {d.acted} {clock(d.acted_at)}" if d.acted else d.state),
    *COLUMNS[1:],
]


@app.command(name="list")
def list_dead_letters(
    ctx: typer.Context,
    filter: Filter = None,
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="How many.")] = 100,
    settled: Annotated[
        bool, typer.Option("--settled", help="Also those settled lately, with what came of it.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List dead letters, newest first."""
    found = connect(ctx).ask(calls.dead_letters(limit, filter or "", settled=settled))
    print_list(found, SETTLED if settled else COLUMNS, "no dead letters", as_json=as_json)
    if len(found) == limit:
        how = "--limit shows more, --filter others" if limit < _MOST else "--filter shows others"
        print(f"the newest {limit:,}; there may be more: {how}", file=sys.stderr)


@app.command()
def show(
    ctx: typer.Context,
    id: Annotated[
        str,
        typer.Argument(metavar="ID", autocompletion=completing.dead_letters, help="From `mindbot dlq list`."),
    ],
    as_json: JsonOption = False,
) -> None:
    """Show one dead letter whole."""
    found = connect(ctx).ask(calls.dead_letter(id))
    if wants_json(as_json):
        print_json(found.to_json())
        return
    for name, value in found.to_json().items():
        if value not in ("", None, 0, False, [], {}):
            print(f"{name:12} {clock(value) if name in _TIMES else plain(str(value))}")


@app.command()
def retry(ctx: typer.Context, ids: Ids = None, everything: All = False, filter: Filter = None) -> None:
    """Send deliveries, or run turns, again."""
    _settle(ctx, "retry", ids, everything, filter)


@app.command()
def discard(
    ctx: typer.Context,
    ids: Ids = None,
    everything: All = False,
    filter: Filter = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Put dead letters away: nobody will get them. `mindbot dlq restore` takes that back."""
    if not ids and (everything or filter) and not yes:
        if not sys.stdin.isatty():
            raise typer.BadParameter("say --yes where nobody can be asked", param_hint="--all")
        which = f"that match {filter!r}" if filter else "there are"
        typer.confirm(f"Discard all dead letters {which}? Nobody will get them", abort=True)
    _settle(ctx, "discard", ids, everything, filter)


@app.command()
def restore(
    ctx: typer.Context,
    ids: Annotated[
        list[str], typer.Argument(metavar="ID", autocompletion=completing.discarded, help="Discarded ones.")
    ],
) -> None:
    """Make discarded ones dead letters again."""
    _settle(ctx, "restore", ids, False, None)


def _settle(
    ctx: typer.Context, action: Settling, ids: list[str] | None, everything: bool, filter: str | None
) -> None:
    """Settle them and tell what came of each; raises NotFound or Conflict when some could not be settled."""
    if bool(ids) == (everything or filter is not None):
        raise typer.BadParameter("name some, or say --all or --filter", param_hint="ID")
    done = failed = 0
    first = ""
    for each in _settled(connect(ctx), action, ids, filter or ""):
        done += 1
        if not each.done:
            failed += 1
            first = first or each.why
        if wants_json(False):
            print_json(each.to_json())
        elif not each.done or done <= _TOLD:
            print(f"{plain(each.id)}  {_DONE[action] if each.done else plain(each.why)}")
    if not done:
        print("no dead letters", file=sys.stderr)
    if not wants_json(False) and done > _TOLD:
        print(f"{done - failed:,} of {done:,}: {_DONE[action]}")
    if failed:
        told = first if done == 1 else f"{failed:,} of {done:,} could not be settled, the first: {first}"
        raise Conflict(told, hint="see: mindbot dlq list --settled")


def _settled(
    client: Client, action: Settling, ids: list[str] | None, filter: str
) -> Iterator[models.SettledLetter]:
    """Yield what came of each, some at a time, until there are no more."""
    if ids:
        for start in range(0, len(ids), _AT_ONCE):
            yield from client.ask(calls.settle_dead_letters(action, ids[start : start + _AT_ONCE])).settled
        return
    below = ""
    while True:
        found = client.ask(calls.settle_dead_letters(action, filter=filter, below=below))
        yield from found.settled
        if not found.more or found.next in ("", below):
            return
        below = found.next  # what is dead again already is not met again


_TOLD = 10  # lines of what went well
_AT_ONCE = 100
_DONE = {"retry": "goes out again", "discard": "discarded", "restore": "is a dead letter again"}
