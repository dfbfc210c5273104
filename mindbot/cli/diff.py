"""`mindbot diff`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from mindbot.api import trace_calls
from mindbot.api.trace_models import FactDiff, PromptDiff, PromptPart, StepDiff, TextDiff, TurnDiff
from mindbot.cli import completing
from mindbot.cli.connect import connect
from mindbot.cli.output import JsonOption, columns, cut, one_line, print_json, wants_json

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_TURN = typer.Argument(metavar="TURN", autocompletion=completing.turns, help="Its id, from `mindbot turns`.")
_OTHER = typer.Argument(metavar="OTHER", autocompletion=completing.turns, help="The one held against it.")


@app.command(name="diff")
def diff_turns(
    ctx: typer.Context,
    turn: Annotated[str, _TURN],
    other: Annotated[str, _OTHER],
    every: Annotated[bool, typer.Option("--all", help="Show also what is the same in both.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show how another turn differs: message, route, prompt, answer, steps, cost, times.

    Of the prompt it says where a vendor's cache breaks: at the first part that is another.
    """
    found = connect(ctx).ask(trace_calls.diff(turn, other))
    if wants_json(as_json):
        print_json(found.to_json())
        return
    most = columns()
    for line in _lines(found, every=every):
        print(cut(line, most))


def _lines(found: TurnDiff, *, every: bool) -> Iterator[str]:
    yield f"{found.a} → {found.b}{'  the same but for steps, cost and times' if found.same else ''}"
    yield from _text("message", found.message, every)
    yield from _facts("route", found.route, every)
    yield from _facts("variables", found.vars, every)
    yield from _prompt(found.prompt, every)
    yield from _text("answer", found.answer, every)
    yield from _steps(found.steps, every)
    yield from _facts("cost", found.cost, every)
    yield from _facts("times", found.times, every=True)


def _head(title: str, same: bool) -> str:
    return f"\n{title}{': the same' if same else ''}"


def _text(title: str, text: TextDiff, every: bool) -> Iterator[str]:
    yield _head(title, text.same)
    if text.same:
        yield from (f"    {one_line(line)}" for line in text.a.splitlines() if every)
        return
    yield from (
        f"  {each.mark.replace('=', ' ')} {one_line(each.text)}"
        for each in text.lines
        if every or each.mark != "="
    )


def _facts(title: str, facts: Sequence[FactDiff], every: bool) -> Iterator[str]:
    shown = [each for each in facts if every or not each.same]
    if not shown and not facts:
        return
    yield _head(title, all(each.same for each in facts))
    for each in shown:
        values = _value(each.a) if each.same else f"{_value(each.a)} → {_value(each.b)}"
        yield f"  {' ' if each.same else '~'} {each.name}: {values}"


def _value(value: str | float | None) -> str:
    if value is None:
        return "–"
    return f"{value:g}" if isinstance(value, float) else one_line(str(value))


def _prompt(prompt: PromptDiff, every: bool) -> Iterator[str]:
    if not prompt.parts:
        return
    yield _head("prompt", prompt.same)
    for n, part in enumerate(prompt.parts):
        if prompt.breaks is not None and n == prompt.breaks.part:
            at = prompt.breaks
            yield f"  ┄ the cache breaks here, behind {at.characters} characters (~{at.tokens} tokens)"
        if part.mark == "=" and not every:
            continue
        for mark, said in (("-", part.a), ("+", part.b)) if part.mark != "=" else ((" ", part.a),):
            if said is not None:
                yield f"  {mark} {_origin(said)}: {one_line(said.text)}"


def _origin(part: PromptPart) -> str:
    return f"{part.role} {part.origin} {part.turn}".strip()


def _steps(steps: Sequence[StepDiff], every: bool) -> Iterator[str]:
    same = all(each.mark == "=" for each in steps)
    if not steps:
        return
    yield _head("steps", same)
    for each in steps:
        if each.mark == "=" and not every:
            continue
        said = f"{each.a_status} → {each.b_status}" if each.mark == "~" else each.a_status or each.b_status
        yield f"  {each.mark.replace('=', ' ')} {one_line(each.path)}: {said}"
