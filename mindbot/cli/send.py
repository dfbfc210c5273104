"""`mindbot send`: a test message through the whole pipeline."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from mindbot.api import calls, models
from mindbot.api.errors import error_of
from mindbot.api.shown_turns import reaches_people, receives, state
from mindbot.cli import completing
from mindbot.cli.connect import connect
from mindbot.cli.growing import Growing
from mindbot.cli.orders import order, uploaded
from mindbot.cli.output import JsonOption, milliseconds, one_line, plain, print_json, wants_json
from mindbot.domain.errors import Unreachable
from mindbot.domain.message import Json

app = typer.Typer(add_completion=False, rich_markup_mode=None)

#: What the exit code says of a turn: dropped means refused by policy. An answer that nobody got is a failure.
EXIT = {"answered": 0, "queued": 0, "running": 0, "dropped": 5}


@app.command(name="send")
def send(
    ctx: typer.Context,
    text: Annotated[str, typer.Argument(metavar="[TEXT]", help="What the user says.")] = "",
    platform: Annotated[
        str, typer.Option(autocompletion=completing.platforms, help="The platform it comes from.")
    ] = "console",
    bot: Annotated[
        str,
        typer.Option(
            autocompletion=completing.bot_names, help="The bot it is for; by default the platform's first."
        ),
    ] = "",
    user: Annotated[str, typer.Option(autocompletion=completing.users, help="Who says it.")] = "",
    session: Annotated[
        str, typer.Option(autocompletion=completing.sessions, help="The conversation it belongs to.")
    ] = "",
    file: Annotated[
        list[Path] | None, typer.Option(exists=True, dir_okay=False, help="Send a file too; repeatable.")
    ] = None,
    stream: Annotated[bool, typer.Option("--stream", help="Show the reply as it is made.")] = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait for the reply.")] = False,
    timeout: Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds to wait for it.")] = 60.0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show the reply: nothing is sent to anybody.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether the user may get it.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Send a message as that user through the whole pipeline, and show the reply.

    On any platform but the console the reply goes to that user: it is asked whether it may.
    """
    client = connect(ctx)
    files = file or []
    if not (dry_run or yes) and reaches_people(platform):
        _ask(receives(user, platform, bot))
    message = order(
        models.SendMessage,
        files,
        text=text,
        platform=platform,
        bot=bot,
        user=user,
        session=session,
        wait=not no_wait,
        dry_run=dry_run,
        timeout=timeout,
    )
    message = uploaded(client, message, files)
    machine = wants_json(as_json)
    if stream:
        turn = _follow(client.lines(calls.send_streamed(message)), machine)
    else:
        turn = client.ask(calls.send(message))
        if machine:
            print_json(outcome(turn))
        elif turn.reply:
            print(plain(turn.reply))
    if not machine:
        print(_remark(turn), file=sys.stderr)
        if why := undelivered(turn):
            print(f"not delivered: {one_line(why)}", file=sys.stderr)
    if whose := remembered(turn, message):
        print(f"note: {one_line(whose)}", file=sys.stderr)
    raise typer.Exit(EXIT.get(turn.state, 1) or int(bool(undelivered(turn))))


def _ask(whom: str) -> None:
    """Ask whether a user may get the answer to a test message.

    Raises:
        typer.BadParameter: nobody is there to be asked.
        typer.Abort: no.
    """
    if not sys.stdin.isatty():
        raise typer.BadParameter(
            f"{whom} will receive the answer, and nobody can be asked whether they may: say it, or --dry-run "
            "to only see the answer",
            param_hint="--yes",
        )
    typer.confirm(f"{whom} will receive the answer. Send it?", abort=True, err=True)


def outcome(turn: models.TurnView) -> Json:
    """Return the one object that ``--json`` prints."""
    return {
        "turn": turn.id,
        "reply": turn.reply,
        "state": turn.state,
        "took_ms": turn.took_ms,
        "reason": turn.reason,
        "session": turn.session,
        "undelivered": bool(undelivered(turn)),
        "delivery_error": undelivered(turn),
        "dry_run": turn.dry_run,
    }


def remembered(turn: models.TurnView, asked: models.SendMessage) -> str:
    """Return whose conversation a message is a part of from now on; empty where it is the console's own.

    A turn that was not waited for has no session yet.
    """
    if asked.dry_run:
        return "a dry run: nobody gets this answer, and it is no part of any conversation"
    if turn.dry_run:
        return "a fork: nobody gets this answer, and the conversation it goes on from is as it was"
    session = turn.session or asked.session
    whose = session or f"{asked.user or 'operator'} on {asked.platform}"
    ours = (session or f"{asked.platform}:").startswith("console:")
    if ours or EXIT.get(turn.state, 1):
        return ""
    forget = f"; `mindbot session clear {session}` forgets it and all before it" if session else ""
    return f"message and answer are part of the history of {whose}, as if said there{forget}"


def undelivered(turn: models.TurnView) -> str:
    """Return why the platform did not take the reply; empty when it did, or when that is open still."""
    dead = [each for each in turn.deliveries if each.get("state") == "dead"]
    return str(dead[0].get("error") or "refused") if dead else ""


def _follow(lines: Iterator[models.StreamLine], machine: bool) -> models.TurnView:
    shown = Growing()
    for line in lines:
        if line.type == "error" and line.problem is not None:
            raise error_of(line.problem)
        if line.type == "done" and isinstance(line.turn, models.TurnView):
            if machine:
                print_json({"type": "done", **outcome(line.turn)})
            else:
                # A reply that was not streamed, or was changed afterwards, is shown whole.
                whole = plain(line.turn.reply)
                print("" if shown.text.strip() == line.turn.reply.strip() else f"\n{whole}".lstrip("\n"))
            return line.turn
        if machine:
            print_json(line.to_json())
        elif line.type == "chunk":
            shown.add(line.text, afresh=line.afresh)
    raise Unreachable("the daemon stopped before the reply was complete", hint="see: mindbot turns")


def _remark(turn: models.TurnView) -> str:
    if turn.state in ("queued", "running"):
        return f"turn {turn.id} {turn.state}"
    why = f": {one_line(turn.reason)}" if turn.reason else ""
    return f"turn {turn.id} {state(turn)} in {milliseconds(turn.took_ms)}{why}"
