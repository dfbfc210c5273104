"""`mindbot debug jury`: what models and workflows would answer."""

from __future__ import annotations

from typing import Annotated

import typer

from mindbot.api import jury_calls
from mindbot.api.jury_models import AskJury, Juror, JuryVerdict
from mindbot.cli import completing
from mindbot.cli.connect import connect
from mindbot.cli.orders import asked
from mindbot.cli.output import JsonOption, milliseconds, one_line, plain, print_json, wants_json
from mindbot.cli.parked import ParkedTurn, say_next, standing
from mindbot.cli.replay_shown import cost


def jury(
    ctx: typer.Context,
    turn: ParkedTurn,
    models: Annotated[
        list[str] | None,
        typer.Option("--model", metavar="M", help="PROVIDER, PROVIDER/MODEL or MODEL; repeatable."),
    ] = None,
    workflows: Annotated[
        list[str] | None,
        typer.Option("--workflow", metavar="W", autocompletion=completing.workflows, help="Repeatable."),
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds that all of them have.")] = 60.0,
    as_json: JsonOption = False,
) -> None:
    """Ask models and workflows what they would answer: nobody gets it, the turn stays parked."""
    jurors = [Juror(workflow=name) for name in workflows or []] + [Juror(model=name) for name in models or []]
    if not jurors:
        raise typer.BadParameter("name those that are asked", param_hint="--model, --workflow")
    client = connect(ctx)
    id, stands = standing(client, turn)
    found = client.ask(jury_calls.jury(id, asked(AskJury, jurors=jurors, timeout=timeout)))
    if wants_json(as_json):
        print_json(found.to_json())
        return
    for verdict in found.verdicts:
        print(one_line(_head(verdict)))
        print("\n".join(f"  {line}" for line in plain(verdict.error or verdict.answer.reply).split("\n")))
    if stands is not None:
        say_next(f"answer with one: mindbot debug answer {id} TEXT")


def _head(verdict: JuryVerdict) -> str:
    """Return who answered, how long that took and what it cost."""
    if verdict.error:
        return f"{verdict.juror}  no answer"
    took = milliseconds(verdict.answer.took_ms)
    return "  ".join(filter(None, (verdict.juror, took, cost(verdict.answer))))
