"""`mindbot session rollback` and `restore`: the last exchanges of a conversation, forgotten and again."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from mindbot.api import rollback_calls, rollback_models
from mindbot.cli import completing
from mindbot.cli.connect import connect
from mindbot.cli.output import JsonOption, clock, cut, one_line, print_json, wants_json

_SAID = 70  # terminal columns of what was said

SessionArgument = Annotated[
    str,
    typer.Argument(metavar="SESSION", autocompletion=completing.sessions, help="As `session list` shows it."),
]


def rollback(
    ctx: typer.Context,
    session: SessionArgument,
    exchanges: Annotated[
        int, typer.Argument(metavar="N", min=1, max=100, help="How many exchanges, from the last one back.")
    ] = 1,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show them, and do nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Let the bot forget the last exchanges; the turns stay to be seen.

    No model is shown them any more. Dify and Coze keep what was said themselves: their conversations begin
    anew. `mindbot session restore` takes it back.
    """
    client = connect(ctx)
    turns: list[str] = []
    if dry_run or not yes:
        order = rollback_models.RollBack(exchanges=exchanges, dry_run=True)
        found = client.ask(rollback_calls.roll_back(session, order))
        if dry_run:
            _tell(found, "these would be forgotten", as_json=as_json)
            return
        if not sys.stdin.isatty():
            raise typer.BadParameter("say it where nobody can be asked, or --dry-run", param_hint="--yes")
        _show(found.exchanges)
        typer.confirm("Let the bot forget these?", abort=True)
        turns = [each.turn for each in found.exchanges]
    order = rollback_models.RollBack(exchanges=exchanges, turns=turns)
    _tell(client.ask(rollback_calls.roll_back(session, order)), "forgotten", as_json=as_json)


def restore(ctx: typer.Context, session: SessionArgument, as_json: JsonOption = False) -> None:
    """Let the bot remember again what the last `rollback` let it forget."""
    found = connect(ctx).ask(rollback_calls.restore(session))
    _tell(found, "remembered again", as_json=as_json)


def _tell(found: rollback_models.RolledBackView, done: str, *, as_json: bool) -> None:
    if wants_json(as_json):
        print_json(found.to_json())
        return
    _show(found.exchanges)
    for each in found.conversations:
        name = f"{each.workflow}/{each.replica}" if each.replica else each.workflow
        print(one_line(f"{name}: {each.why or 'its conversation is another one from now on'}"))
    count = len(found.exchanges)
    print(one_line(f"{done}: {count} exchange{'' if count == 1 else 's'} of {found.session}"))


def _show(exchanges: Sequence[rollback_models.ExchangeView]) -> None:
    for each in exchanges:
        print(one_line(f"{clock(each.received)}  {each.turn}  {each.user}"))
        print(f"  › {cut(one_line(each.text), _SAID)}")
        print(f"  ‹ {cut(one_line(each.reply), _SAID)}")
