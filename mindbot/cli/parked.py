"""Commands of `mindbot debug` on turns that are parked: look and change."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from mindbot.api import debug_calls, shown_debugger
from mindbot.api.client import Client
from mindbot.api.debug_models import ParkedView, ScopesView
from mindbot.cli import completing
from mindbot.cli.connect import connect
from mindbot.cli.orders import typed
from mindbot.cli.output import JsonOption, columns, cut, one_line, plain, print_json, wants_json
from mindbot.domain.errors import Invalid, NotFound

ParkedTurn = Annotated[
    str,
    typer.Argument(
        metavar="TURN",
        autocompletion=completing.parked_turns,
        help="From `mindbot debug list`; 4 signs of its beginning or end are enough.",
    ),
]
Revision = Annotated[
    int | None,
    typer.Option(metavar="N", min=0, help="Only if nobody changed the turn since `debug show` said this."),
]
_SHORTEST = 4  # signs of an id
_LABEL = 16  # columns of a value's name
_MARK = "*"  # in front of what may be set


def say(id: str, text: str) -> None:
    """Print what there is to say of a turn or a breakpoint."""
    print(f"{one_line(id)}  {one_line(text)}")


def say_next(text: str) -> None:
    """Tell a person what to do next, beside what the command prints."""
    print(f"  {one_line(text)}", file=sys.stderr)


def standing(client: Client, turn: str) -> tuple[str, ParkedView | None]:
    """Return the whole id of a turn that some of its signs name, and how it is parked, if it is.

    Raises:
        Invalid: the signs name several.
        NotFound: they name none that is parked, and are no whole id.
    """
    turn = typed(turn, "TURN").strip()
    named = turn.upper()
    there = client.ask(debug_calls.parked())
    short = len(named) >= _SHORTEST
    found = [p for p in there if p.turn == named] or [
        p for p in there if short and (p.turn.startswith(named) or p.turn.endswith(named))
    ]
    if len(found) > 1:
        which = ", ".join(p.turn for p in found[:5])
        raise Invalid(f"{len(found)} parked turns are called {turn!r}: {which}", hint="give more of the id")
    return (found[0].turn, found[0]) if found else (turn, None)


def show(
    ctx: typer.Context,
    turn: ParkedTurn,
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH", autocompletion=completing.paths, help="One value alone and whole, e.g. prompt.0."
        ),
    ] = "",
    whole: Annotated[bool, typer.Option("--whole", help="Values as long as they are.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show a turn: where it stands, as a call stack, what is left of its lease, and all values it has."""
    client = connect(ctx)
    id, stands = standing(client, turn)
    scopes = client.ask(debug_calls.scopes(id))
    if path:
        value = _value(scopes, typed(path, "PATH"))
        print_json(value) if wants_json(as_json) else print(plain(_pretty(value)))
        return
    if wants_json(as_json):
        print_json((stands.to_json() if stands else {}) | scopes.to_json())
        return
    if stands is None:
        say(scopes.turn or id, "is not parked; as it is now:")
    else:
        _print_place(stands)
    _print_scopes(scopes, whole)
    if stands is not None:
        say_next(f"change it: mindbot debug set {id} message.text TEXT; go on: mindbot debug step {id}")


def _value(scopes: ScopesView, path: str) -> Any:
    try:
        return shown_debugger.value_at(scopes, path)
    except KeyError:
        there = ", ".join(path for path, _ in shown_debugger.lines_of(scopes))
        raise NotFound(f"there is no {path!r}", hint=f"there are: {there}") from None


def _pretty(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def _print_place(parked: ParkedView) -> None:
    why = shown_debugger.because(parked)
    say(parked.turn, f"parked {shown_debugger.where(parked)} ({why}), {until(parked)}")
    who = f"{parked.platform}/{parked.bot}, {parked.user_name or parked.user}: {parked.text}"
    print(f"  {cut(one_line(who), columns() - 2)}")
    if parked.error:
        print(f"  failed: {one_line(parked.error)}")
    print()
    for line in shown_debugger.stack(parked):
        print(f"  {plain(line)}")
    print()


def until(parked: ParkedView) -> str:
    """Return how long it is held."""
    return f"goes on by itself in {shown_debugger.left(parked)}"


def _print_scopes(scopes: ScopesView, whole: bool) -> None:
    """Print all values, a line each; those that may be set, and those that were, are marked."""
    scope = ""
    for path, text in shown_debugger.lines_of(scopes):
        head, _, name = path.partition(".")
        if head != scope:
            scope = head
            mark = _MARK if not name and shown_debugger.writable(path, scopes) else " "
            print(f" {mark}{one_line(head)}" + ("" if name or text else "  -"))
        if not name and not text:
            continue
        mark = _MARK if shown_debugger.writable(path, scopes) else " "
        label = one_line(name) or "="
        if whole:
            print(f"   {mark}{label}")
            print("\n".join(f"      {line}" for line in plain(text).split("\n")))
        else:
            print(cut(f"   {mark}{label:{_LABEL}} {one_line(text)}", columns()))
    print(f"revision {scopes.revision}; {_MARK} may be set")


def set_value(
    ctx: typer.Context,
    turn: ParkedTurn,
    path: Annotated[
        str,
        typer.Argument(metavar="PATH", autocompletion=completing.paths, help="E.g. message.text."),
    ],
    value: Annotated[
        str, typer.Argument(metavar="VALUE", help="A text; where no text is now, JSON, if it is any.")
    ],
    revision: Revision = None,
    as_json: JsonOption = False,
) -> None:
    """Change a value of a parked turn: `mindbot debug show` marks those that may be."""
    client = connect(ctx)
    id, _ = standing(client, turn)
    path, text = typed(path, "PATH"), typed(value, "VALUE")
    before = client.ask(debug_calls.scopes(id))
    after = client.ask(debug_calls.edit_scope(id, path, _read(before, path, text), revision))
    if wants_json(as_json):
        print_json(after.to_json())
        return
    say(id, f"{path}: {_short(before, path)} → {_short(after, path)}")
    say_next(f"revision {after.revision}; go on: mindbot debug step {id}, mindbot debug resume {id}")


def _read(scopes: ScopesView, path: str, text: str) -> Any:
    """Return what was typed: what is a text stays one, all else is JSON where it can be."""
    try:
        if isinstance(shown_debugger.value_at(scopes, path), str):
            return text
    except KeyError:
        pass
    try:
        return json.loads(text)
    except ValueError:
        return text


def _short(scopes: ScopesView, path: str) -> str:
    try:
        return cut(one_line(shown_debugger.worded(shown_debugger.value_at(scopes, path))), 60) or "-"
    except KeyError:
        return "-"
