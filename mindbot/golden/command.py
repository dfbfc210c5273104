"""`mindbot record` and `mindbot test`: conversations that happened, as tests of what happens."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mindbot.cli import completing
from mindbot.cli.output import JsonOption, plain, print_json, wants_json
from mindbot.domain.errors import ConfigError, Invalid, NotFound

if TYPE_CHECKING:
    from mindbot.api.client import Client
    from mindbot.domain.message import Json

record = typer.Typer(name="record", add_completion=False, rich_markup_mode=None)
test = typer.Typer(name="test", add_completion=False, rich_markup_mode=None)

_BAD_FILE = 2
_STOPPED = 128  # and the signal
_PAGE = 1000
_MOST = 2000  # turns of one file


@record.command(name="record")
def record_turns(
    ctx: typer.Context,
    named: Annotated[
        list[str],
        typer.Argument(
            metavar="TURN_OR_SESSION",
            autocompletion=completing.turns,
            help="Turns, or whole conversations as `session list` shows them.",
        ),
    ],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="A new file; else it is printed.")] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="An id that is not masked, besides those of rules; repeatable."),
    ] = None,
) -> None:
    """Keep conversations as golden ones: what was said and answered, and where each message went.

    Secrets, telephone numbers, addresses of e-mail, long numbers, people's ids and names are masked, the same
    ones alike; read it before you share it. `mindbot test` plays it.
    """
    from mindbot.cli.connect import connect
    from mindbot.config.paths import state_dir
    from mindbot.golden.file import dumped, write
    from mindbot.golden.masking import Masker, key_of
    from mindbot.golden.recording import recorded

    client = connect(ctx)
    turns = list(_turns(client, named))
    masker = Masker(key_of(state_dir()), [*_named_by_rules(client), *(keep or [])])
    made = recorded(turns, masker)
    if made is None:
        raise Invalid("nobody wrote anything there", hint="what a bot says of its own accord is not recorded")
    if out is None:
        print(plain(dumped(made)), end="")
        return
    write(out, made, new=True)
    count = sum(1 for _ in made.turns())
    print(f"saved {plain(str(out))}: {count} turn{'' if count == 1 else 's'}", file=sys.stderr)
    print(f"read it, then: mindbot test {plain(str(out))}", file=sys.stderr)


def _turns(client: Client, named: list[str]) -> Iterator[Json]:
    """Yield all that is known of turns, the oldest first, each once.

    Raises:
        NotFound: nothing is called so.
        Invalid: they are too many.
    """
    from mindbot.api import calls

    wanted: set[str] = set()
    for name in named:
        wanted.update(_called(client, name))
        if len(wanted) > _MOST:
            raise Invalid(f"that is more than {_MOST} turns", hint="record fewer into one file")
    for id in sorted(wanted):  # ids are in the order of their making
        yield client.ask(calls.turn(id)).to_json()


def _called(client: Client, name: str) -> list[str]:
    """Return the one turn of an id, or the turns of a session; raises NotFound."""
    from mindbot.api import calls

    if ":" not in name:  # as sessions have it that nobody named
        with suppress(NotFound):
            return [client.ask(calls.turn(name)).id]
    found: list[str] = []
    before = ""
    while page := client.ask(calls.turns(f"session == {json.dumps(name)}", _PAGE, before)):
        found += [turn.id for turn in page]
        before = page[-1].id
        if len(page) < _PAGE or len(found) > _MOST:
            break
    if not found:
        raise NotFound(f"no turn or session {name!r}", hint="`mindbot session list` shows the sessions")
    return found


def _named_by_rules(client: Client) -> Iterator[str]:
    """Yield the ids that rules and access lists name: without them the rules would not hold."""
    from mindbot.api import calls

    def texts(value: object) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            for each in value:
                yield from texts(each)
        elif isinstance(value, dict):
            for each in value.values():
                yield from texts(each)

    for name, value in client.ask(calls.config()).values.items():
        if name.startswith(("routes", "access")):
            yield from texts(value)


@test.command(name="test")
def test_files(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Golden conversations.")],
    config: Annotated[
        list[str] | None, typer.Option("--config", metavar="FILE", help="As before the command; repeatable.")
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Write what came into the files: it is right from now on.")
    ] = False,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds each file has.")] = 120.0,
    tap: Annotated[bool, typer.Option("--tap", help="Test Anything Protocol, for CI.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Play golden conversations with your configuration, offline, and tell what is not as it was.

    Models and workflows answer as recorded, by simulators; nothing leaves this machine. Exits 0 when nothing
    drifted, 1 when something did, 2 for a file that cannot be read.
    """
    from mindbot.cli.main import explain
    from mindbot.config.load import load
    from mindbot.golden import file, report, testing
    from mindbot.telemetry.logging import setup

    try:
        read = [(path, file.read(path)) for path in files]
    except ConfigError as error:
        explain(error)
        raise typer.Exit(_BAD_FILE) from None
    setup("error", levels={"mindbot": "error"})
    loaded = load([*ctx.obj["config"], *(config or [])] or None)
    outcome = testing.check(loaded, read, timeout=timeout)
    updated = report.update(read, outcome) if update and not outcome.stopped else []
    if tap:
        lines = report.tap(outcome)
    elif wants_json(as_json):
        print_json(report.as_json(outcome, updated))
        lines = iter(())
    else:
        lines = report.shown(outcome, updated)
    for line in lines:
        print(plain(line))
    if outcome.stopped:
        print("mindbot: the test was stopped", file=sys.stderr)
        raise typer.Exit(_STOPPED + outcome.stopped)
    ok = outcome.ok or (update and report.only_drifted(outcome))
    raise typer.Exit(0 if ok else 1)
