"""Commands of `mindbot debug` that let parked turns go on, or end them."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from mindbot.api import calls, debug_calls, shown_debugger
from mindbot.api.client import Client
from mindbot.api.debug_calls import DebugAction
from mindbot.api.debug_models import ParkedView
from mindbot.api.models import TurnView
from mindbot.api.shown_turns import state
from mindbot.cli import completing
from mindbot.cli.connect import connect
from mindbot.cli.orders import typed, worded
from mindbot.cli.output import JsonOption, print_json, wants_json
from mindbot.cli.parked import ParkedTurn, Revision, say, say_next, standing, until
from mindbot.domain.errors import TimedOut
from mindbot.domain.turn import DONE_STATES

Patience = Annotated[
    float, typer.Option(min=0, max=600, help="Seconds to wait for where it stops next; 0 does not.")
]
_PAUSE = 0.05  # seconds between two looks whether it stands again


def step(
    ctx: typer.Context,
    turn: ParkedTurn,
    timeout: Patience = 10.0,
    revision: Revision = None,
    as_json: JsonOption = False,
) -> None:
    """Go on to the next stage, and say where it stands then. Exit code 4: it is not there yet."""
    _go_on(ctx, "step", turn, timeout, revision, as_json)


def step_in(
    ctx: typer.Context,
    turn: ParkedTurn,
    timeout: Patience = 10.0,
    revision: Revision = None,
    as_json: JsonOption = False,
) -> None:
    """Go on to the next call of a model, tool, workflow or node. Exit code 4: it is not there yet."""
    _go_on(ctx, "step-in", turn, timeout, revision, as_json)


def step_out(
    ctx: typer.Context,
    turn: ParkedTurn,
    timeout: Patience = 10.0,
    revision: Revision = None,
    as_json: JsonOption = False,
) -> None:
    """Go on to where the stage ends that it is in. Exit code 4: it is not there yet."""
    _go_on(ctx, "step-out", turn, timeout, revision, as_json)


def restart_stage(
    ctx: typer.Context,
    turn: ParkedTurn,
    stage: Annotated[
        str, typer.Option(autocompletion=completing.stages, help="This one; else the innermost.")
    ] = "",
    timeout: Patience = 10.0,
    revision: Revision = None,
    as_json: JsonOption = False,
) -> None:
    """Do a stage again, with the turn as it was when the stage began; it stops before it."""
    _go_on(ctx, "restart-stage", turn, timeout, revision, as_json, stage=typed(stage, "stage"))


def _go_on(
    ctx: typer.Context,
    action: DebugAction,
    turn: str,
    timeout: float,
    revision: int | None,
    as_json: bool,
    stage: str = "",
) -> None:
    """Let a turn go on to its next stop and say where that is, or that it ended before.

    Raises:
        TimedOut: neither happened in time.
    """
    client = connect(ctx)
    id, _ = standing(client, turn)
    stood = client.ask(debug_calls.debug_act(id, action, stage=stage, revision=revision))
    if not timeout:
        _told(stood, "goes on", as_json)
        return
    found = _next_stop(client, stood, timeout)
    if wants_json(as_json):
        print_json(found.to_json())
    elif isinstance(found, ParkedView):
        say(id, f"parked {shown_debugger.where(found)}, {until(found)}")
        say_next(f"look: mindbot debug show {id}")
    else:
        say(id, state(found))
        say_next(f"see: mindbot trace {id}")


def _next_stop(client: Client, stood: ParkedView, timeout: float) -> ParkedView | TurnView:
    """Return where the turn stands next, or the turn once it is done; raises TimedOut."""
    ends = time.monotonic() + timeout
    while True:
        found = client.ask(calls.turn(stood.turn))
        if found.state in DONE_STATES:
            return found
        for each in client.ask(debug_calls.parked()):
            if each.turn == stood.turn and _place(each) != _place(stood):
                return each
        if time.monotonic() >= ends:
            raise TimedOut(
                f"{stood.turn} does not stand again after {timeout:g}s: it is {found.state}",
                hint="see: mindbot debug list",
            )
        time.sleep(_PAUSE)


def _place(parked: ParkedView) -> tuple[float, int, str]:
    return parked.since, parked.span, parked.on


def resume(
    ctx: typer.Context,
    turn: Annotated[
        str,
        typer.Argument(
            metavar="TURN",
            autocompletion=completing.parked_turns,
            help="From `mindbot debug list`; 4 signs of its beginning or end are enough.",
        ),
    ] = "",
    everything: Annotated[bool, typer.Option("--all", help="All that are parked.")] = False,
    revision: Revision = None,
    as_json: JsonOption = False,
) -> None:
    """Let a turn go on to its end, or to the next breakpoint."""
    if bool(turn) == everything:
        raise typer.BadParameter("name one, or say --all", param_hint="TURN")
    client = connect(ctx)
    if turn:
        id, _ = standing(client, turn)
        _told(client.ask(debug_calls.debug_act(id, "resume", revision=revision)), "goes on", as_json)
        return
    found = client.ask(debug_calls.resume_parked())
    if wants_json(as_json):
        print_json(found.to_json())
        return
    for each in found.turns:
        say(each, "goes on")
    if not found.turns:
        print("no turn is parked")


def drop(
    ctx: typer.Context,
    turn: ParkedTurn,
    revision: Revision = None,
    as_json: JsonOption = False,
) -> None:
    """End a turn without an answer: the user hears nothing."""
    client = connect(ctx)
    id, _ = standing(client, turn)
    _told(client.ask(debug_calls.debug_act(id, "drop", revision=revision)), "dropped", as_json)


def answer(
    ctx: typer.Context,
    turn: ParkedTurn,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What the user is told.")],
    revision: Revision = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a turn yourself: your words go out, no model is asked."""
    client = connect(ctx)
    id, _ = standing(client, turn)
    said = worded(typed(text, "text"))
    stood = client.ask(debug_calls.answer_turn(id, said, revision=revision))
    _told(stood, "answers in your words", as_json)


def _told(stood: ParkedView, becomes: str, as_json: bool) -> None:
    """Say what becomes of a turn that stood."""
    if wants_json(as_json):
        print_json(stood.to_json())
        return
    say(stood.turn, f"{becomes}; it stood {shown_debugger.where(stood)}")
    say_next(f"see: mindbot trace {stood.turn}")
