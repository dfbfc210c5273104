"""`mindbot provider`: the models' providers, how they are, and what they cost."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Annotated

import typer

from mindbot.api import calls
from mindbot.api.models import PlatformCheck
from mindbot.api.provider_models import ModelView, ProviderView, SpentView
from mindbot.api.shown import ago
from mindbot.api.shown_providers import can, facts, keys_ok, late_errors, money, percent, seconds, why
from mindbot.cli import completing
from mindbot.cli.connect import connect
from mindbot.cli.output import Column, JsonOption, one_line, print_json, print_list, wants_json

app = typer.Typer(
    help="Models' providers: how they are, tests, cost.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[
    str,
    typer.Argument(
        metavar="PROVIDER", autocompletion=completing.providers, help="As the configuration names it."
    ),
]
_LABEL = 12  # columns of a fact's name
_PAGE = 1000  # rows that are asked for at once

COLUMNS: list[Column[ProviderView]] = [
    Column("PROVIDER", lambda p: p.name),
    Column("TYPE", lambda p: p.type),
    Column("STATE", lambda p: p.state),
    Column("KEYS", keys_ok, right=True),
    Column("NOW", lambda p: str(p.in_flight), right=True, lesser=2),
    Column("/MIN", lambda p: f"{p.calls_a_minute}/{p.rate_limit or '-'}", right=True, lesser=3),
    Column("OK", lambda p: percent(p.success), right=True),
    Column("FIRST", lambda p: seconds(p.latency), right=True, lesser=1),
    Column("CALLS", lambda p: str(p.calls_today), right=True, lesser=4),
    Column("COST TODAY", lambda p: money(p.money_today, p.currency), right=True),
    Column("WHY", lambda p: why(p, time.time()), below=True),
]


@app.command(name="list")
def list_providers(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """List providers: their state, keys, calls, share of successes, time to the first word, cost today."""
    found = connect(ctx).ask(calls.providers())
    print_list(found, COLUMNS, "no providers are configured", as_json=as_json)


@app.command()
def show(ctx: typer.Context, provider: Name, as_json: JsonOption = False) -> None:
    """Show one provider: its keys by their labels, breakers, limits, cost and late errors."""
    found = connect(ctx).ask(calls.provider(provider))
    if wants_json(as_json):
        print_json(found.to_json())
        return
    print(one_line(found.name))
    for name, text in _lines(found):
        print(f"  {name:{_LABEL}}{one_line(text)}")


def _lines(found: ProviderView) -> Iterator[tuple[str, str]]:
    now = time.time()
    yield from facts(found, now)
    for n, error in enumerate(late_errors(found)):
        with_key = f" (key {error.key})" if error.key else ""
        yield "" if n else "errors", f"{ago(now - error.ts)} ago, {error.kind}: {error.why}{with_key}"


@app.command()
def test(
    ctx: typer.Context,
    provider: Name,
    model: Annotated[str, typer.Option(help="Which one; empty: its first.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Ask it really: an answer, a stream, a tool, a picture; exits 1 when a step failed. It costs tokens."""
    found = connect(ctx).ask(calls.test_provider(provider, model))
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
        if each.mend:
            yield f"{'':8}mend: {one_line(each.mend)}"


@app.command()
def enable(ctx: typer.Context, provider: Name) -> None:
    """Switch a provider on again; refused and cooling keys are tried again."""
    _switched(connect(ctx).ask(calls.switch_provider(provider, on=True)))


@app.command()
def disable(ctx: typer.Context, provider: Name) -> None:
    """Switch a provider off until it is switched on again, also over restarts."""
    _switched(connect(ctx).ask(calls.switch_provider(provider, on=False)))


def _switched(found: ProviderView) -> None:
    print(one_line(f"{found.name}: {found.state}"))


MODELS: list[Column[ModelView]] = [
    Column("MODEL", lambda m: m.name),
    Column("CONFIGURED", lambda m: "yes" if m.configured else "-"),
    Column("LISTED", lambda m: "yes" if m.listed else "-"),
    Column("CAN", can),
    Column("CONTEXT", lambda m: str(m.max_context or "-"), right=True),
]


@app.command()
def models(
    ctx: typer.Context,
    provider: Name,
    ask: Annotated[bool, typer.Option("--ask", help="Ask the vendor which there are.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List a provider's models and what they can do, as far as their names and entries tell."""
    found = connect(ctx).ask(calls.provider_models_of(provider, ask=ask))
    print_list(found, MODELS, "no models are configured: see --ask", as_json=as_json)


USAGE: list[Column[SpentView]] = [
    Column("DAY", lambda s: s.day),
    Column("WHO", lambda s: s.who or "all"),
    Column("CALLS", lambda s: str(s.calls), right=True),
    Column("INPUT", lambda s: str(s.input_tokens), right=True),
    Column("CACHED", lambda s: str(s.cached_tokens), right=True),
    Column("OUTPUT", lambda s: str(s.output_tokens), right=True),
    Column("COST", lambda s: money(s.money, s.currency), right=True),
]


@app.command()
def usage(
    ctx: typer.Context,
    by: Annotated[str, typer.Option(help="user, group, bot, workflow, provider, model or all.")] = "provider",
    days: Annotated[int, typer.Option(min=1, help="How many, today the last.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Show tokens and money by day, the newest first."""
    api = connect(ctx)
    found = page = api.ask(calls.usage(by, days, limit=_PAGE))
    while len(page) == _PAGE:
        page = api.ask(calls.usage(by, days, limit=_PAGE, after=f"{page[-1].day}/{page[-1].who}"))
        found += page
    print_list(found, USAGE, "nothing was spent", as_json=as_json)
