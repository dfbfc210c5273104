"""`mindbot session take`, `say`, `hand-back` and `chat`: an operator answers in the bot's place."""

from __future__ import annotations

import secrets
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mindbot.api import calls, models, take_over_calls, take_over_models
from mindbot.api.client import Client
from mindbot.api.shown import ago
from mindbot.cli import completing
from mindbot.cli.connect import connect
from mindbot.cli.fates import exit_code, fates
from mindbot.cli.output import Column, JsonOption, clock, one_line, print_json, print_list, wants_json
from mindbot.domain.errors import TimedOut, Unreachable
from mindbot.domain.turn import DONE_STATES

_AGAIN = 0.3  # seconds until a daemon that does not answer is asked again, or how a message fares
_ON_ITS_WAY = frozenset({"open", "pending", "sending", "unknown"})

Session = Annotated[
    str,
    typer.Argument(
        metavar="SESSION",
        autocompletion=completing.sessions,
        help="As `session list` shows it.",
    ),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Also one that another operator has.")]

COLUMNS: list[Column[take_over_models.TakenSessionView]] = [
    Column("SESSION", lambda s: s.session),
    Column("BY", lambda s: f"{s.taken_by} ({s.console})" if s.console else s.taken_by),
    Column("SINCE", lambda s: clock(s.taken_since)),
    Column(
        "USER WAITS", lambda s: ago(time.time() - s.waiting_since) if s.waiting_since else "-", right=True
    ),
    Column("ENDS", lambda s: clock(s.idle_at) if s.idle_at else "-"),
]


class MadeAnswer(StrEnum):
    """What becomes of an answer that is being made."""

    draft = "draft"
    finish = "finish"
    drop = "drop"


RunningOption = Annotated[
    MadeAnswer,
    typer.Option(help="An answer that is being made: a draft for you alone, said all the same, or dropped."),
]


def taken(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """List the sessions that operators have taken over."""
    found = connect(ctx).ask(take_over_calls.taken_sessions())
    print_list(found, COLUMNS, "nobody has taken a session over", as_json=as_json)


def take(
    ctx: typer.Context,
    session: Session,
    running: RunningOption = MadeAnswer.draft,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Answer in the bot's place: it is mute in the session until it is handed back."""
    found = connect(ctx).ask(take_over_calls.take_session(session, running=running.value, force=force))
    if wants_json(as_json):
        print_json(found.to_json())
        return
    for line in taken_lines(found, running):
        print(line)


def taken_lines(found: take_over_models.TakingOver, running: MadeAnswer) -> list[str]:
    """Return what an operator has to know of a session that they have taken."""
    lines = [one_line(f"{found.session} is yours, and the bot is mute in it")]
    if found.idle_at:
        lines.append(f"it is the bot's again at {clock(found.idle_at)} if you say nothing until then")
    if found.running:
        what = {"draft": "becomes a draft", "finish": "is said all the same", "drop": "is dropped"}
        lines.append(f"the answer of {', '.join(found.running)} {what[running]}")
    if found.on_the_way:
        lines.append(f"{found.on_the_way} of the bot's messages are on their way and go out first")
    return lines


def say(
    ctx: typer.Context,
    session: Session,
    text: Annotated[str, typer.Argument(metavar="[TEXT]", help="What the bot says.")] = "",
    file: Annotated[
        list[Path] | None, typer.Option(exists=True, dir_okay=False, help="Send a file too; repeatable.")
    ] = None,
    key: Annotated[str, typer.Option(help="Said with the same key again, it is said once.")] = "",
    timeout: Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds to wait for it.")] = 30.0,
    as_json: JsonOption = False,
) -> None:
    """Say something in a session that you have taken; exits 1 when it is refused, 4 when it waits."""
    from mindbot.cli.orders import order, uploaded

    files = file or []
    words = order(take_over_models.SayWords, files, text=text, key=key or secrets.token_hex(8))
    client, ends = connect(ctx), time.monotonic() + timeout
    said = spoken(client, session, uploaded(client, words, files), ends)
    turn = _fared(client, said.turn, ends)
    if wants_json(as_json):
        print_json({**said.to_json(), "state": turn.state, "deliveries": turn.deliveries})
    else:
        for line in fates(turn):
            print(line)
    raise typer.Exit(exit_code(turn))


def spoken(
    client: Client, session: str, words: take_over_models.SayWords, ends: float
) -> take_over_models.OperatorsWords:
    """Say words, with their key again while the daemon is away, until ``ends`` (of `time.monotonic`)."""
    while True:
        try:
            return client.ask(take_over_calls.say_in_session(session, words))
        except (Unreachable, TimedOut):
            if time.monotonic() > ends:
                raise
        time.sleep(_AGAIN)


def _fared(client: Client, id: str, ends: float) -> models.TurnView:
    """Return a turn when what it says has arrived or is given up, or as it is when time is over."""
    while True:
        turn = client.ask(calls.turn(id))
        states = {str(each.get("state")) for each in turn.deliveries}
        if (turn.state in DONE_STATES and not states & _ON_ITS_WAY) or time.monotonic() > ends:
            return turn
        time.sleep(_AGAIN)


def hand_back(
    ctx: typer.Context,
    session: Session,
    to: Annotated[
        str, typer.Option(help="To whom: bot, or where the platform has people, pool, end or a user id.")
    ] = "bot",
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Let the bot answer again, or the platform's own people."""
    found = connect(ctx).ask(take_over_calls.hand_back(session, to, force=force))
    if wants_json(as_json):
        print_json(found.to_json())
    else:
        print(handed_line(found))


def handed_line(found: take_over_models.HandedBack) -> str:
    """Say that a session is handed back, and whether its user waits for words that nobody said."""
    whose = "the bot's again" if found.to == "bot" else f"handed over: {found.to}"
    waits = f"; its user waits since {clock(found.waiting_since)}" if found.waiting_since else ""
    return one_line(f"{found.session} is {whose}{waits}")


def chat(
    ctx: typer.Context,
    session: Session,
    running: RunningOption = MadeAnswer.draft,
    force: ForceOption = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the session when you leave.")] = False,
) -> None:
    """Take a session and talk: each line is said, what its users write is shown; Ctrl-D hands it back."""
    from mindbot.cli.chat import talk

    talk(ctx, session, running, force=force, keep=keep)
