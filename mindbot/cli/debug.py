"""`mindbot debug`: stop turns, look at them, change them, let them go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from mindbot.api import debug_calls, shown_debugger
from mindbot.api.debug_models import BreakpointView, ChangeBreakpoint, ParkedView, SetBreakpoint
from mindbot.cli import completing, parked, stepping, watching
from mindbot.cli.connect import connect
from mindbot.cli.jury import jury
from mindbot.cli.orders import asked, typed
from mindbot.cli.output import Column, JsonOption, one_line, print_json, print_table, wants_json

app = typer.Typer(
    help="Stop turns at breakpoints, look at them, change them, let them go on.",
    epilog="A turn that is parked goes on by itself when its lease ends (60 s, or what debug.lease says).",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)

Id = Annotated[
    str,
    typer.Argument(metavar="ID", autocompletion=completing.breakpoints, help="From `mindbot debug list`."),
]

POINTS: list[Column[BreakpointView]] = [
    Column("ID", lambda b: b.id),
    Column("STATE", lambda b: "on" if b.enabled else "off"),
    Column("STOPS", shown_debugger.stops),
    Column("MATCHED", lambda b: str(b.matched), right=True, lesser=2),
    Column("STOPPED", lambda b: str(b.stopped), right=True, lesser=1),
    Column("OWNER", lambda b: b.owner, lesser=3),
    Column("WHEN", lambda b: b.filter),
    Column("MORE", shown_debugger.extras, below=True),
]
PARKED: list[Column[ParkedView]] = [
    Column("TURN", lambda p: p.turn),
    Column("STANDS", shown_debugger.where),
    Column("WHY", shown_debugger.because, lesser=2),
    Column("LEASE", shown_debugger.left, right=True),
    Column("BOT", lambda p: f"{p.platform}/{p.bot}", lesser=1),
    Column("USER", lambda p: p.user_name or p.user),
    Column("TEXT", lambda p: p.text),
]


@app.command(name="break")
def set_breakpoint(
    ctx: typer.Context,
    stage: Annotated[
        str, typer.Option(autocompletion=completing.stages, help="At this stage, e.g. run.")
    ] = "",
    step: Annotated[
        str,
        typer.Option(metavar="KIND", autocompletion=completing.steps, help="At steps of a kind, e.g. tool."),
    ] = "",
    name: Annotated[str, typer.Option(help="At steps of this name: a model, tool, workflow, node.")] = "",
    after: Annotated[bool, typer.Option("--after", help="Behind the step, not before it.")] = False,
    failed: Annotated[bool, typer.Option("--on-error", help="Where the step fails.")] = False,
    errors: Annotated[
        list[str] | None,
        typer.Option("--error", metavar="KIND", help="Where it fails so, e.g. rate_limited; repeatable."),
    ] = None,
    change: Annotated[
        str, typer.Option(metavar="PATH", help="Where this value changes, e.g. variables.intent.")
    ] = "",
    when: Annotated[
        str, typer.Option(metavar="FILTER", help="Only turns like this, e.g. 'text =~ \"refund\"'.")
    ] = "",
    hits: Annotated[int, typer.Option(min=1, max=1_000_000, help="From the Nth match on.")] = 1,
    log: Annotated[
        str, typer.Option(metavar="TEXT", help="Stop nothing, say this; paths in braces are values.")
    ] = "",
    lease: Annotated[
        str, typer.Option(metavar="D", help="How long it holds a turn, e.g. 30s; else debug.lease.")
    ] = "",
    sticky: Annotated[bool, typer.Option("--sticky", help="Keep it over restarts of the daemon.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="All of it as JSON, not its id alone.")] = False,
) -> None:
    """Set a breakpoint and print its id: turns stop there until you let them go on, or their lease ends."""
    errors = errors or []
    on = "change" if change else "error" if failed or errors else "after" if after else "before"
    if sum((after, failed or bool(errors), bool(change))) > 1:
        raise typer.BadParameter("one of --after, --on-error (--error) and --change", param_hint="--after")
    if not any((stage, step, name, failed, errors, change)):
        raise typer.BadParameter("say where, e.g. --stage run, or --step tool", param_hint="--stage")
    order = asked(
        SetBreakpoint,
        stage=stage,
        step=step,
        name=name,
        on=on,
        filter=when,
        path=change,
        errors=errors,
        hits=hits,
        log=log,
        lease=_lease(lease),
        sticky=sticky,
    )
    found = connect(ctx).ask(debug_calls.set_breakpoint(order))
    if as_json:
        print_json(found.to_json())
        return
    print(one_line(found.id))
    does = "tells of turns" if found.log else "stops turns"
    only = f" where {found.filter}" if found.filter else ""
    told = "mindbot debug watch" if found.log else "mindbot debug list"
    parked.say_next(f"{does} {shown_debugger.stops(found)}{only}; see: {told}")


def _lease(text: str) -> float:
    """Read a duration; an empty text is the setting's."""
    from mindbot.config.types import parse_duration

    try:
        seconds = float(parse_duration(text or "0"))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} {error}", param_hint="--lease") from None
    if text and seconds <= 0:
        raise typer.BadParameter("is more than 0 seconds", param_hint="--lease")
    return seconds


@app.command(name="list")
def list_all(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """List breakpoints, and the turns that are parked with what is left of their leases."""
    client = connect(ctx)
    points, turns = client.ask(debug_calls.breakpoints()), client.ask(debug_calls.parked())
    if wants_json(as_json):
        print_json(
            {
                "breakpoints": [each.to_json() for each in points],
                "parked": [each.to_json() for each in turns],
            }
        )
        return
    print_table(points, POINTS, "no breakpoints")
    print()
    print_table(turns, PARKED, "no turn is parked")
    if turns:
        parked.say_next(f"look at one: mindbot debug show {turns[0].turn}")
    elif not points:
        parked.say_next("set one: mindbot debug break --stage run")


@app.command()
def clear(
    ctx: typer.Context,
    id: Annotated[
        str,
        typer.Argument(
            metavar="ID", autocompletion=completing.breakpoints, help="From `mindbot debug list`."
        ),
    ] = "",
    everything: Annotated[
        bool, typer.Option("--all", help="All that the command line set and that are not sticky.")
    ] = False,
    everyone: Annotated[
        bool, typer.Option("--everyone", help="With --all: also the sticky ones, and those of consoles.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Clear breakpoints. Turns that they stopped stay parked: `mindbot debug resume` lets them go on."""
    if bool(id) == everything:
        raise typer.BadParameter("name one, or say --all", param_hint="ID")
    client = connect(ctx)
    if id:
        found = client.ask(debug_calls.clear_breakpoint(typed(id, "ID")))
    else:
        found = client.ask(debug_calls.clear_breakpoints(everyone=everyone))
    if wants_json(as_json):
        print_json(found.to_json())
        return
    for each in found.ids:
        parked.say(each, "cleared")
    if not found.ids:
        print("no breakpoints")
    if standing := client.ask(debug_calls.parked()):
        parked.say_next(f"{len(standing)} parked still; let them go on: mindbot debug resume --all")


@app.command()
def enable(ctx: typer.Context, id: Id, as_json: JsonOption = False) -> None:
    """Let a breakpoint stop turns again."""
    _switched(ctx, id, True, as_json)


@app.command()
def disable(ctx: typer.Context, id: Id, as_json: JsonOption = False) -> None:
    """Let a breakpoint stop nothing for now, and keep it."""
    _switched(ctx, id, False, as_json)


def _switched(ctx: typer.Context, id: str, on: bool, as_json: bool) -> None:
    found = connect(ctx).ask(debug_calls.change_breakpoint(typed(id, "ID"), ChangeBreakpoint(enabled=on)))
    if wants_json(as_json):
        print_json(found.to_json())
    else:
        parked.say(found.id, f"{'on' if found.enabled else 'off'}: {shown_debugger.stops(found)}")


#: What is done with turns that are parked.
_ON_TURNS: dict[str, Callable[..., None]] = {
    "show": parked.show,
    "set": parked.set_value,
    "step": stepping.step,
    "step-in": stepping.step_in,
    "step-out": stepping.step_out,
    "resume": stepping.resume,
    "restart-stage": stepping.restart_stage,
    "answer": stepping.answer,
    "drop": stepping.drop,
    "jury": jury,
    "watch": watching.watch,
}
for _name, _command in _ON_TURNS.items():
    app.command(name=_name)(_command)
