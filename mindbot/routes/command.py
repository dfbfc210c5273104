"""`mindbot route …`: where messages go and why, corrections, another configuration."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import anyio
import typer

from mindbot.api import calls, workflow_calls
from mindbot.api.shown import ago
from mindbot.api.shown_routes import belongs, corrected, explained, router_facts
from mindbot.api.workflow_models import (
    AskRoute,
    DecisionView,
    DiffRoutes,
    LearnedView,
    MovedView,
    RuleView,
    TeachRoute,
)
from mindbot.cli import completing
from mindbot.cli.connect import connect
from mindbot.cli.orders import asked, worded
from mindbot.cli.output import Column, JsonOption, one_line, print_json, print_list, print_table, wants_json
from mindbot.config.running import daemon_of
from mindbot.domain.errors import Invalid

if TYPE_CHECKING:
    from mindbot.config.load import Loaded

route = typer.Typer(
    help="Where messages go and why; rules, corrections.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)

_NONE = "none"  # what a workflow is called that is none
_STATES = ("pending", "accepted", "rejected", "reverted")  # of corrections
_PAGE = 1000  # rows that are asked for at once


@route.command()
def explain(
    ctx: typer.Context,
    text: Annotated[str, typer.Argument(help="What somebody writes.")],
    platform: Annotated[str, typer.Option(autocompletion=completing.platforms, help="Where.")] = "console",
    bot: Annotated[str, typer.Option(autocompletion=completing.bot_names, help="To which bot.")] = "default",
    user: Annotated[str, typer.Option(help="Who, by user id.")] = "",
    group: Annotated[str, typer.Option(help="In which group; empty: to the bot alone.")] = "",
    department: Annotated[
        list[str] | None, typer.Option(help="A department of theirs; can be repeated.")
    ] = None,
    session: Annotated[
        str, typer.Option(autocompletion=completing.sessions, help="In which session; follow-ups stay there.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Tell where a message would go and why: rules, candidates, examples that are like it.

    Asks the daemon, which knows corrections and sessions; where none runs, the configuration is read.
    """
    message = asked(
        AskRoute,
        text=worded(text),
        platform=platform,
        bot=bot,
        user=user,
        group=group,
        departments=department or [],
        session=session,
    )
    loaded = None if (ctx.obj or {}).get("socket") else _loaded(ctx)
    daemon = daemon_of(ctx, loaded)
    if daemon is not None:
        found = daemon.ask(workflow_calls.explain_route(message))
    else:
        found = anyio.run(_explained, loaded or _loaded(ctx), message)
    if wants_json(as_json):
        print_json(found.to_json())
        return
    for line in explained(found):
        print(" " * (len(line) - len(line.lstrip())) + one_line(line))


def _loaded(ctx: typer.Context) -> Loaded:
    """Return the configuration that is named, or found."""
    from mindbot.config.load import load

    return load((ctx.obj or {}).get("config") or ())


async def _explained(loaded: Loaded, asked: AskRoute) -> DecisionView:
    """Return what the configuration alone would do with a message."""
    from mindbot.domain.routing import RouteQuestion
    from mindbot.workflows.router.alone import router_alone

    question = RouteQuestion(
        asked.text,
        asked.platform,
        asked.bot,
        asked.user,
        asked.group,
        asked.session,
        departments=tuple(asked.departments),
        ts=time.time(),
    )
    decision = await router_alone(loaded.config).explain(question)
    return DecisionView.model_validate(decision.to_json())


RULES: list[Column[RuleView]] = [
    Column("RULE", lambda r: r.name if r.enabled else f"{r.name} (off)"),
    Column("WANTS", lambda r: r.conditions),
    Column("DOES", lambda r: r.does),
    Column("MATCHED", lambda r: str(r.matched), right=True),
    Column("LAST", lambda r: f"{ago(time.time() - r.last)} ago" if r.last else "-", lesser=1),
]


@route.command(name="list")
def list_routes(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """List the rules in order, what they do and how often they matched, and how the router is."""
    found = connect(ctx).ask(workflow_calls.router())
    if wants_json(as_json):
        print_json(found.to_json())
        return
    for fact in router_facts(found):
        print(one_line(fact))
    if found.reason:
        print(one_line(f"{found.state}: {found.reason}"))
    print_table(found.rules, RULES, "no rules are configured: what messages say decides")


CORRECTIONS: list[Column[LearnedView]] = [
    Column("ID", lambda c: c.id),
    Column("STATE", lambda c: c.state),
    Column("FROM", lambda c: c.origin, lesser=1),
    Column("AGE", lambda c: ago(time.time() - c.ts), right=True, lesser=2),
    Column("CORRECTION", corrected),
    Column("TEXT", lambda c: c.text),
    Column("NOTE", lambda c: c.note, below=True),
]


@route.command()
def learn(
    ctx: typer.Context,
    text: Annotated[str, typer.Argument(help="What somebody wrote.")] = "",
    workflow: Annotated[
        str, typer.Option(autocompletion=completing.workflows, help=f"Where it belongs; {_NONE}: to none.")
    ] = "",
    turn: Annotated[
        str, typer.Option(autocompletion=completing.turns, help="A turn: what it was asked is the text.")
    ] = "",
    note: Annotated[str, typer.Option(help="Why, for whoever reviews it.")] = "",
    list_: Annotated[bool, typer.Option("--list", help="List corrections.")] = False,
    state: Annotated[str, typer.Option(help="--list: pending, accepted, rejected or reverted.")] = "",
    accept: Annotated[str, typer.Option(metavar="ID", help="Let it count from now on.")] = "",
    reject: Annotated[str, typer.Option(metavar="ID", help="Let it not count.")] = "",
    revert: Annotated[str, typer.Option(metavar="ID", help="Let it count no longer.")] = "",
    suggest: Annotated[bool, typer.Option("--suggest", help="Tell what late messages suggest.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Correct where a text belongs, at once and for good; review corrections, and what users disliked."""
    wanted = [bool(text or turn), list_, bool(accept), bool(reject), bool(revert), suggest]
    if sum(wanted) != 1:
        raise typer.BadParameter("give one of: TEXT, --turn, --list, --accept, --reject, --revert, --suggest")
    if suggest:
        _suggest(ctx, as_json)
    elif list_:
        if state and state not in _STATES:
            raise typer.BadParameter(f"{state!r} is none of {', '.join(_STATES)}", param_hint="--state")
        found = connect(ctx).ask(asked(workflow_calls.learned, state=state, limit=_PAGE))
        _corrections(found, as_json)
    elif text or turn:
        if not workflow:
            raise typer.BadParameter(f"say where it belongs: --workflow NAME, or --workflow {_NONE}")
        belongs_to = None if workflow == _NONE else workflow
        text = text if turn else worded(text)
        told = asked(TeachRoute, text=text, turn=turn, workflow=belongs_to, note=note)
        _corrections([connect(ctx).ask(workflow_calls.teach(told))], as_json)
    elif accept:
        _corrections([connect(ctx).ask(workflow_calls.review(accept, "accept"))], as_json)
    elif reject:
        _corrections([connect(ctx).ask(workflow_calls.review(reject, "reject"))], as_json)
    else:
        _corrections([connect(ctx).ask(workflow_calls.review(revert, "revert"))], as_json)


def _corrections(found: list[LearnedView], as_json: bool) -> None:
    print_list(found, CORRECTIONS, "nothing was corrected", as_json=as_json)


def _suggest(ctx: typer.Context, as_json: bool) -> None:
    from mindbot.routes.advice import advice

    client = connect(ctx)
    turns = client.ask(calls.turns(limit=_PAGE))
    corrections = client.ask(workflow_calls.learned("", _PAGE))
    lines = list(advice(client.ask(workflow_calls.router()), turns, corrections))
    if wants_json(as_json):
        for line in lines:
            print_json({"suggestion": line})
    else:
        for line in lines or ["nothing: late messages went where their confidence says"]:
            print(one_line(line))


@route.command()
def diff(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A whole configuration.")],
    last: Annotated[int, typer.Option(min=1, max=10_000, help="How many stored messages.")] = 500,
    as_json: JsonOption = False,
) -> None:
    """Route the last messages again under another configuration; tell which would go elsewhere."""
    from mindbot.config.load import load

    load([file])  # what is wrong with it is told with its lines
    try:
        config = file.read_text("utf-8-sig")
    except OSError as error:
        raise Invalid(f"cannot read {file}: {error.strerror}") from error
    found = connect(ctx).ask(workflow_calls.diff_routes(asked(DiffRoutes, config=config, last=last)))
    if wants_json(as_json):
        for each in found:
            print_json(each.to_json())
        return
    for line in _moved(found, last):
        print(one_line(line))


def _moved(found: list[MovedView], last: int) -> Iterator[str]:
    if not found:
        yield f"none of the last {last} messages would go elsewhere"
        return
    yield f"{len(found)} of the last {last} messages would go elsewhere:"
    for each in found:
        yield f"{each.turn}  {belongs(each.before)} → {belongs(each.after)}  {each.text}"
        yield f"    {each.why}"


@route.command(name="eval")
def evaluate_routes(
    ctx: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help='Lines {"text": …, "workflow": name or null}.')
    ],
    embedder: Annotated[
        str, typer.Option(help="Compare with this one: auto, hashed, local, none; empty: the configured.")
    ] = "",
    min_accuracy: Annotated[
        float, typer.Option(min=0, max=1, help="Exit with 1 where fewer are right.")
    ] = 0.0,
    max_false_accepts: Annotated[
        float, typer.Option(min=0, max=1, help="Exit with 1 where a greater share of null is taken.")
    ] = 1.0,
    as_json: JsonOption = False,
) -> None:
    """Tell how often the configuration routes labelled texts where they belong. Needs no daemon."""
    from mindbot.workflows.router.evaluation import evaluate, labelled, told

    config = _loaded(ctx).config
    if embedder:
        router = config.router.model_copy(update={"embedder": embedder})
        config = config.model_copy(update={"router": router})
    found = anyio.run(evaluate, config, labelled(file, config)).to_json()
    if wants_json(as_json):
        print_json(found)
    else:
        for line in told(found):
            print(one_line(line))
    if (found["accuracy"] or 0.0) < min_accuracy or (found["false_accept_rate"] or 0.0) > max_false_accepts:
        raise typer.Exit(1)
