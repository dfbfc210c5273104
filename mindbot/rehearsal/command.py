"""`mindbot rehearse`: your configuration at work before a deploy. The heavy imports wait until it runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mindbot.cli.output import JsonOption, plain, print_json, wants_json

if TYPE_CHECKING:
    from mindbot.config.model import Config

rehearse = typer.Typer(name="rehearse", add_completion=False, rich_markup_mode=None)

_STOPPED = 128  # and the signal


@rehearse.command(name="rehearse")
def run(
    ctx: typer.Context,
    conversations: Annotated[
        Path | None, typer.Argument(metavar="CONVERSATIONS", help="YAML; else those that come with MindBot.")
    ] = None,
    config: Annotated[
        list[str] | None, typer.Option("--config", metavar="FILE", help="As before the command; repeatable.")
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            "--fault", metavar="NAME=FAULT", help="Let it fail, e.g. code_analysis=504; repeatable."
        ),
    ] = None,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds the conversations have in all.")] = 50.0,
    as_json: JsonOption = False,
) -> None:
    """Play conversations with your configuration, all simulated: nothing leaves this machine.

    Exits 0 only when every message was answered as expected.
    """
    from mindbot.config.load import load
    from mindbot.rehearsal import samples, scenario
    from mindbot.rehearsal.playing import scenes_of
    from mindbot.rehearsal.rehearsing import rehearse as play
    from mindbot.rehearsal.report import report, shown
    from mindbot.telemetry.logging import setup

    setup("error", levels={"mindbot": "error"})
    loaded = load([*ctx.obj["config"], *(config or [])] or None)
    wanted = scenario.read(conversations, loaded.config) if conversations else samples.scenario(loaded.config)
    faults = {**wanted.faults, **_faults(fault or [], loaded.config)}
    scenes = scenes_of(wanted.conversations, loaded.config)
    outcome = play(loaded, scenes, faults, timeout=timeout)
    told = report(loaded, outcome)
    if wants_json(as_json):
        print_json(told.to_json())
    else:
        for line in shown(told, faults):
            print(plain(line))
    if outcome.stopped:
        print("mindbot: the rehearsal was stopped", file=sys.stderr)
        raise typer.Exit(_STOPPED + outcome.stopped)
    raise typer.Exit(0 if told.ok else 1)


def _faults(given: list[str], config: Config) -> dict[str, tuple[str, ...]]:
    """Read ``--fault NAME=FAULT``."""
    from mindbot.rehearsal.scenario import names_of

    found: dict[str, tuple[str, ...]] = {}
    for each in given:
        name, equals, spec = each.partition("=")
        if not (equals and spec):
            raise typer.BadParameter(f"{each!r} is no NAME=FAULT", param_hint="--fault")
        if name not in names_of(config):
            there = ", ".join(names_of(config))
            raise typer.BadParameter(f"{name!r} is none of {there}", param_hint="--fault")
        found[name] = (*found.get(name, ()), spec)
    return found
