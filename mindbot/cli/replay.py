"""`mindbot replay`: a turn made again, or the last ones, beside what was answered then."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from mindbot.api import calls, replay_calls
from mindbot.api.replay_models import ReplayTurn, ReplayView
from mindbot.api.shown_turns import receives
from mindbot.cli import completing
from mindbot.cli.connect import connect
from mindbot.cli.output import JsonOption, columns, plain, print_json, wants_json
from mindbot.cli.replay_report import report
from mindbot.cli.replay_shown import sides, step_lines, summary
from mindbot.domain.message import Json

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(name="replay")
def replay(
    ctx: typer.Context,
    turn: Annotated[
        str,
        typer.Argument(
            metavar="[TURN]",
            autocompletion=completing.turns,
            help="Its id, from `mindbot turns`; with --last a filter.",
        ),
    ] = "",
    start: Annotated[
        str, typer.Option("--from", metavar="STAGE", help="Begin there; what comes before is recorded.")
    ] = "",
    edits: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="PATH=VALUE", help="E.g. message.text=hello, variables.tone=kind; repeatable."
        ),
    ] = None,
    workflow: Annotated[
        str, typer.Option(autocompletion=completing.workflows, help="This workflow answers instead.")
    ] = "",
    model: Annotated[
        str, typer.Option(help="This model answers instead: PROVIDER, PROVIDER/MODEL or MODEL.")
    ] = "",
    as_then: Annotated[
        bool, typer.Option("--as-then/--as-now", help="With the route and the words of then, or of today.")
    ] = False,
    recorded: Annotated[
        bool, typer.Option("--recorded", help="Take every step from the record, and ask nobody.")
    ] = False,
    reuse_approvals: Annotated[
        bool, typer.Option("--reuse-approvals", help="Take what people decided then, and do not ask again.")
    ] = False,
    send: Annotated[bool, typer.Option("--send", help="Send the new answer to the user.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether the user may get it.")] = False,
    last: Annotated[
        int, typer.Option(min=0, max=1000, metavar="N", help="Replay the last N turns of users: a report.")
    ] = 0,
    timeout: Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds to wait for each.")] = 120.0,
    as_json: JsonOption = False,
) -> None:
    """Make a turn again and compare the answers. Nothing is sent without --send.

    With --last the newest turns of users are replayed, those that a filter lets through. Exit code 1: a
    replay failed; of a report also: an answer is another one.
    """
    order = ReplayTurn(
        from_stage=start,
        edits=_values(edits or []),
        workflow=workflow,
        model=model,
        mode="then" if as_then else "now",
        recorded=recorded,
        reuse_approvals=reuse_approvals,
        send=send,
        timeout=timeout,
    )
    client = connect(ctx)
    if last:
        if send:
            raise typer.BadParameter("many are never sent at once", param_hint="--send")
        raise typer.Exit(report(client, order, last, turn, as_json=as_json))
    if not turn:
        raise typer.BadParameter("which turn? or --last N", param_hint="TURN")
    if send and not yes:
        of = client.ask(calls.turn(turn))
        _ask(receives(of.user, of.platform, of.bot))
    found = client.ask(replay_calls.replay(turn, order))
    if wants_json(as_json):
        print_json(found.to_json())
    else:
        _print(found)
    raise typer.Exit(int(found.replay.state not in ("answered", found.original.state)))


def _print(found: ReplayView) -> None:
    for line in (summary(found), "", *step_lines(found), "", *sides(found, columns())):
        print(plain(line))


def _values(edits: list[str]) -> Json:
    """Read PATH=VALUE; a value is JSON where it is some, else a text."""
    found: dict[str, Any] = {}
    for each in edits:
        path, equals, value = each.partition("=")
        if not path or not equals:
            raise typer.BadParameter(f"{each!r} is no PATH=VALUE", param_hint="--set")
        try:
            found[path] = json.loads(value)
        except ValueError:
            found[path] = value
    return found


def _ask(whom: str) -> None:
    if not sys.stdin.isatty():
        raise typer.BadParameter(
            f"{whom} will receive the answer, and nobody can be asked whether they may: say it",
            param_hint="--yes",
        )
    typer.confirm(f"{whom} will receive the answer. Send it?", abort=True, err=True)
