"""`mindbot workflow`: the apps that answer, how they are, and runs by hand."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import typer

from mindbot.api import workflow_calls as calls
from mindbot.api.models import PlatformCheck
from mindbot.api.shown import ago
from mindbot.api.shown_providers import money, percent, seconds
from mindbot.api.shown_routes import explained
from mindbot.api.shown_workflows import facts, late_runs_failed, milliseconds, node_tree, run_head, why
from mindbot.api.workflow_models import RunWorkflow, WorkflowDayView, WorkflowRunView, WorkflowView
from mindbot.cli import completing, dataset
from mindbot.cli.connect import connect
from mindbot.cli.orders import asked, typed, worded
from mindbot.cli.output import Column, JsonOption, one_line, plain, print_json, print_list, wants_json
from mindbot.domain.errors import Invalid

app = typer.Typer(
    help="Workflows: how they are, tests, runs by hand, what they did.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(dataset.app, name="dataset")

Name = Annotated[
    str,
    typer.Argument(
        metavar="WORKFLOW", autocompletion=completing.workflows, help="As the configuration names it."
    ),
]
Timeout = Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds that it may take.")]
_LABEL = 12  # columns of a fact's name

COLUMNS: list[Column[WorkflowView]] = [
    Column("WORKFLOW", lambda w: w.name),
    Column("TYPE", lambda w: w.type, lesser=2),
    Column("STATE", lambda w: w.state),
    Column("NOW", lambda w: str(w.in_flight + w.waiting), right=True, lesser=3),
    Column("RUNS", lambda w: str(w.runs_today), right=True),
    Column("OK", lambda w: percent(w.success), right=True),
    Column("TIME", lambda w: seconds(w.latency), right=True),
    Column("LIKED", lambda w: percent(w.satisfaction), right=True, lesser=4),
    Column("COST TODAY", lambda w: money(w.money_today, w.currency), right=True, lesser=1),
    Column("WHY", lambda w: why(w, time.time()), below=True),
]


@app.command(name="list")
def list_workflows(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """List workflows: state, runs today, share of successes, time of a run, ratings, cost."""
    found = connect(ctx).ask(calls.workflows())
    print_list(found, COLUMNS, "no workflows are configured", as_json=as_json)


@app.command()
def show(ctx: typer.Context, workflow: Name, as_json: JsonOption = False) -> None:
    """Show one workflow: its apps and their breakers, what chooses it, what it did today, late errors."""
    found = connect(ctx).ask(calls.workflow(workflow))
    if wants_json(as_json):
        print_json(found.to_json())
        return
    print(one_line(found.name))
    for name, text in _lines(found):
        print(f"  {name:{_LABEL}}{one_line(text)}")


def _lines(found: WorkflowView) -> Iterator[tuple[str, str]]:
    now = time.time()
    yield from facts(found, now)
    for n, error in enumerate(late_runs_failed(found)):
        where = ", ".join(filter(None, (error.node, error.replica, error.turn)))
        told = f"{ago(now - error.ts)} ago, {error.kind}: {error.why}"
        yield "" if n else "errors", f"{told} ({where})" if where else told


@app.command()
def test(ctx: typer.Context, workflow: Name, as_json: JsonOption = False) -> None:
    """Prove that its apps can be asked, without a run; exits 1 when a step failed. It costs nothing."""
    found = connect(ctx).ask(calls.test_workflow(workflow))
    if wants_json(as_json):
        for each in found:
            print_json(each.to_json())
    else:
        for line in _checks(found):
            print(line)
    raise typer.Exit(1 if any(each.state == "failed" for each in found) else 0)


def _checks(found: Iterable[PlatformCheck]) -> Iterator[str]:
    for each in found:
        detail = f": {one_line(each.detail)}" if each.detail else ""
        yield f"{each.state:8}{one_line(each.name)}{detail}"
        if each.mend and each.state == "failed":
            yield f"{'':8}mend: {one_line(each.mend)}"


@app.command()
def classify(
    ctx: typer.Context,
    text: Annotated[str, typer.Argument(help="What a user might say.")],
    as_json: JsonOption = False,
) -> None:
    """Tell which workflow a text means by itself, whoever says it; see also `mindbot route explain`."""
    found = connect(ctx).ask(asked(calls.classify, text=worded(text)))
    if wants_json(as_json):
        print_json(found.to_json())
        return
    for line in explained(found):
        print(one_line(line))


@app.command()
def run(
    ctx: typer.Context,
    workflow: Name,
    text: Annotated[str, typer.Argument(help="What it is asked.")],
    user: Annotated[str, typer.Option(help="As whom the vendor counts it.")] = "",
    given: Annotated[
        list[str] | None,
        typer.Option("--input", metavar="NAME=VALUE", help="An input; repeatable."),
    ] = None,
    timeout: Timeout = 300.0,
    as_json: JsonOption = False,
) -> None:
    """Run it by hand; no user sees it. Shows the answer and each node's time; exits 1 when it failed."""
    inputs = dict(_input(typed(each, "inputs")) for each in given or ())
    order = asked(RunWorkflow, text=worded(text), user=user, inputs=inputs, timeout=timeout)
    found = connect(ctx).ask(calls.run_workflow(workflow, order))
    if wants_json(as_json):
        print_json(found.to_json())
    else:
        _print_run(found)
    raise typer.Exit(1 if found.status == "failed" else 0)


def _input(text: str) -> tuple[str, Any]:
    """Read ``name=value``; a value that is JSON is what it says, any other a text."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise Invalid(f"{text!r} is no input", hint="write name=value")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _print_run(found: WorkflowRunView) -> None:
    print(one_line(f"{found.workflow}: {run_head(found)}"))
    if found.error:
        print(f"  {one_line(found.error)}")
    for line in node_tree(found.nodes):
        print(f"  {one_line(line)}")
    if found.answer:
        print(f"\n{plain(found.answer)}")


@app.command()
def compare(
    ctx: typer.Context,
    workflows: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="WORKFLOW", autocompletion=completing.workflows, help="As the configuration names them."
        ),
    ] = None,
    text: Annotated[str | None, typer.Option("--text", "-t", help="What two or more are asked now.")] = None,
    last: Annotated[int, typer.Option(min=1, max=1000, help="Without a text: how many.")] = 20,
    timeout: Timeout = 300.0,
    as_json: JsonOption = False,
) -> None:
    """Run a text with several workflows, side by side; no user sees it. Exits 1 when one failed.

    Without a text: what workflows (or one of them) would have answered in the shadow, beside what users got.
    """
    names = workflows or []
    if text is None:
        _print_shadows(ctx, names, last, as_json)
        return
    call = asked(calls.compare_workflows, names=names, text=worded(text, "--text"), timeout=timeout)
    found = connect(ctx).ask(call)
    for n, each in enumerate(found):
        if wants_json(as_json):
            print_json(each.to_json())
        else:
            if n:
                print()
            _print_run(each)
    raise typer.Exit(1 if any(each.status == "failed" for each in found) else 0)


def _print_shadows(ctx: typer.Context, names: list[str], last: int, as_json: bool) -> None:
    if len(names) > 1:
        raise Invalid("several workflows are compared by a text", hint="give one with --text")
    found = connect(ctx).ask(asked(calls.shadows, workflow=names[0] if names else "", limit=last))
    if wants_json(as_json):
        for each in found:
            print_json(each.to_json())
        return
    if not found:
        print("nothing was answered in the shadow")
    for each in found:
        print(one_line(f"{each.turn}  {ago(time.time() - each.ts)} ago: {each.text}"))
        got = (each.answered_by, milliseconds(each.took_ms), each.answer)
        shadow = each.shadow
        would = (shadow.workflow, milliseconds(shadow.took_ms), shadow.answer or shadow.error)
        for sign, (name, took, said) in (("=", got), ("~", would)):
            print(f"  {one_line(f'{sign} {name} ({took}): {said}')}")


@app.command()
def enable(ctx: typer.Context, workflow: Name) -> None:
    """Switch a workflow on again; apps that were left alone are asked again."""
    _switched(connect(ctx).ask(calls.switch_workflow(workflow, on=True)))


@app.command()
def disable(ctx: typer.Context, workflow: Name) -> None:
    """Switch a workflow off until it is switched on again, also over restarts; others of its chain answer."""
    _switched(connect(ctx).ask(calls.switch_workflow(workflow, on=False)))


def _switched(found: WorkflowView) -> None:
    print(one_line(f"{found.name}: {found.state}"))


STATS: list[Column[WorkflowDayView]] = [
    Column("DAY", lambda d: d.day),
    Column("WORKFLOW", lambda d: d.workflow),
    Column("RUNS", lambda d: str(d.runs), right=True),
    Column("FAILED", lambda d: str(d.failed), right=True),
    Column("RECOVERED", lambda d: str(d.recovered), right=True, lesser=3),
    Column("BY OTHERS", lambda d: str(d.fallbacks), right=True, lesser=4),
    Column("SHADOW", lambda d: str(d.shadow), right=True, lesser=5),
    Column("P50", lambda d: seconds(d.p50_s), right=True),
    Column("P95", lambda d: seconds(d.p95_s), right=True),
    Column("WELL AFTER", lambda d: seconds(d.recovery_s), right=True, lesser=6),
    Column("LIKES", lambda d: f"{d.likes}/{d.likes + d.dislikes}", right=True, lesser=2),
    Column("TOKENS", lambda d: str(d.tokens), right=True),
    Column("COST", lambda d: money(d.money, d.currency), right=True, lesser=1),
]


@app.command()
def stats(
    ctx: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=400, help="How many, today the last.")] = 7,
    as_json: JsonOption = False,
) -> None:
    """Show what each workflow did by day, the newest first: runs, times, recoveries, ratings, cost."""
    found = connect(ctx).ask(calls.workflow_stats(days))
    print_list(found, STATS, "no workflow has run", as_json=as_json)
