"""`mindbot failures`: what fails, by its cause, and who waits for an answer."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer

from mindbot.api import calls, failure_models, shown_failures
from mindbot.api.client import Client
from mindbot.cli import completing
from mindbot.cli.connect import connect
from mindbot.cli.output import (
    Column,
    JsonOption,
    clock,
    one_line,
    plain,
    print_json,
    print_list,
    print_table,
    wants_json,
)

app = typer.Typer(add_completion=False, rich_markup_mode=None)

BUNDLES: list[Column[failure_models.BundleView]] = [
    Column("ID", lambda b: b.id),
    Column("SINCE", lambda b: clock(b.since)),
    Column("WHAT", shown_failures.amount),
    Column("WHO", shown_failures.waiting),
    Column("CAUSE", shown_failures.what, below=True),
]
PEOPLE: list[Column[failure_models.SufferingView]] = [
    Column("SINCE", lambda p: clock(p.since)),
    Column("NOW", lambda p: "waits" if p.waiting else "answered since"),
    Column("BOT", lambda p: f"{p.platform}/{p.bot}"),
    Column("USER", lambda p: f"{p.user_name} ({p.user})" if p.user_name else p.user),
    Column("TURNS", lambda p: " ".join(p.turns)),
    Column("TEXT", lambda p: p.text, below=True),
]


@app.command()
def failures(
    ctx: typer.Context,
    id: Annotated[
        str,
        typer.Argument(
            metavar="ID", autocompletion=completing.failures, help="One of them, with its people."
        ),
    ] = "",
    hours: Annotated[float, typer.Option(min=0.02, max=168, help="How far back.")] = 6,
    retry: Annotated[bool, typer.Option("--retry", help="Try again what the people of ID wait for.")] = False,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Do not wait for what comes of trying again.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what fails by its cause, and who waits for an answer; those answered since are left alone."""
    client, window = connect(ctx), hours * 3600
    if not id:
        if retry:
            raise typer.BadParameter("say which, by its ID", param_hint="--retry")
        found = client.ask(calls.failures(window))
        print_list(found.bundles, BUNDLES, f"nothing failed in the last {hours:g} hours", as_json=as_json)
        if found.more:
            print(f"of the last {found.looked} failures; there were more", file=sys.stderr)
        return
    bundle = client.ask(calls.failure_bundle(id, window))
    if retry:
        if not yes and not sys.stdin.isatty():
            raise typer.BadParameter("say --yes where nobody can be asked", param_hint="--retry")
        if not yes:
            question = f"{shown_failures.what(bundle)}: try again? {shown_failures.waiting(bundle)}"
            typer.confirm(one_line(question), abort=True)
        raise typer.Exit(_retry(client, id, window, wait=not no_wait, as_json=wants_json(as_json)))
    if wants_json(as_json):
        print_json(bundle.to_json())
        return
    print(one_line(shown_failures.what(bundle)))
    print(plain(bundle.sample))
    print(f"mindbot turns {_quoted(bundle.filter)}")
    print_table(bundle.who, PEOPLE, "nobody")


def _retry(client: Client, id: str, window: float, *, wait: bool, as_json: bool) -> int:
    """Try a bundle again, say what came of it, and return the exit code: 0 when all were answered."""
    done = client.ask(calls.retry_bundle(id, window))
    if not as_json:
        print(plain("\n".join(shown_failures.retried(done))), flush=True)
    if not wait or not any(each.done for each in done.settled):
        if as_json:
            print_json(done.to_json())
        return 0 if all(each.done for each in done.settled) else 1
    found = _followed(client, id, done)
    if as_json:
        print_json({**done.to_json(), **found.to_json()})
    else:
        print(plain("\n".join(shown_failures.rerun(found))))
    return 0 if shown_failures.all_answered(found, done) else 1


def _followed(client: Client, id: str, done: failure_models.RetriedBundle) -> failure_models.RerunsView:
    """Return what came of those tried again, when all have ended or it was waited for long enough."""
    until = time.monotonic() + shown_failures.PATIENCE
    while True:
        found = shown_failures.among(client.ask(calls.reruns(id)), done)
        if found.ended or time.monotonic() > until:
            return found
        time.sleep(shown_failures.PAUSE)


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(one_line(text))
