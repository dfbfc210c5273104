"""Set a breakpoint."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import cast

from mindbot.api import debug_calls as calls
from mindbot.api.debug_models import BreakpointView, SetBreakpoint
from mindbot.api.shown_debugger import stops
from mindbot.domain.errors import Invalid
from mindbot.domain.shapes.debug import StopsAt
from mindbot.filters.complete import complete
from mindbot.filters.fields import TURN_FIELDS
from mindbot.filters.tokens import quote
from mindbot_tui.commands.base import Command
from mindbot_tui.fronts import PicksBreakpoint
from mindbot_tui.state.forms import Form, FormField, Offered, chosen_from
from mindbot_tui.surface import Surface

#: The layers of the onion, outermost first. The daemon knows whether a name is one, also of a plug-in.
STAGES = (
    *("deliver", "errors", "access", "limits", "session", "people", "media", "route", "compose", "run"),
)
STEPS = ("model", "tool", "node", "workflow")
SIDES = ("before", "after", "error", "change")
YES = ("yes", "y", "on", "true", "是")


class Break(Command):
    name = "break"
    help = "stop turns at a stage, a call or an error: opens a form; with a stage it is set at once"
    argument = "[STAGE [FILTER]]"
    needs = "operator"
    asks = True

    def offers(self, console: Surface) -> Iterable[tuple[str, str]]:
        return [(f"{stage} ", "") for stage in STAGES]

    async def run(self, console: Surface, argument: str) -> None:
        stage, _, filter = argument.strip().partition(" ")
        if stage:
            await set_breakpoint(console, SetBreakpoint(stage=stage, filter=filter.strip()))
            return
        words, turn = console.words, console.view.turn
        note = words("of the selected turn's user: {filter}", filter=_same_user(console, turn))

        async def done(filled: Mapping[str, str]) -> None:
            await set_breakpoint(console, wanted(filled))

        view = console.view
        like = view.breakpoint if isinstance(view, PicksBreakpoint) else None
        fields = _fields(console, like or BreakpointView(stage="run"))
        console.fill_in(Form(words("Breakpoint"), fields, done, note if turn else ""))


def _fields(console: Surface, like: BreakpointView) -> list[FormField]:
    words = console.words
    kinds = words("a call in it: {kinds}", kinds=" ".join(STEPS))
    lease, long = f"{like.lease:g}" if like.lease else "", words("how long it may hold a turn")
    sticky, stays = words("yes") if like.sticky else "", words("yes: it outlives console and daemon")
    return [
        FormField("stage", words("stage"), like.stage, words("empty: any"), chosen_from(*STAGES)),
        FormField("on", words("stops"), like.on, " ".join(SIDES), chosen_from(*SIDES)),
        FormField("filter", words("filter"), like.filter, 'text =~ "refund"', filters(console)),
        FormField("step", words("call"), like.step, kinds, chosen_from(*STEPS)),
        FormField("path", words("variable"), like.path, words("for change: variables.intent")),
        FormField(
            "errors", words("errors"), " ".join(like.errors), words("for error: rate_limited overloaded")
        ),
        FormField("hits", words("from the nth"), str(like.hits)),
        FormField("log", words("log only"), like.log, words("words to tell; then nothing stops")),
        FormField("lease", words("seconds"), lease, long),
        FormField("sticky", words("sticky"), sticky, stays),
    ]


def filters(console: Surface) -> Offered:
    """Return what the filter language offers, with values seen lately."""

    def offers(text: str, cursor: int) -> list[tuple[str, int, int, str]]:
        found = complete(text, cursor, TURN_FIELDS, console.flow.values())
        return [(each.text, each.start, each.end, each.help) for each in found]

    return offers


def wanted(filled: Mapping[str, str]) -> SetBreakpoint:
    """Return what was filled in; raises Invalid."""
    return SetBreakpoint(
        stage=filled["stage"],
        step=filled["step"],
        on=_one_of(filled["on"] or "before"),
        filter=filled["filter"],
        path=filled["path"],
        errors=filled["errors"].replace(",", " ").split(),
        hits=int(_number(filled["hits"] or "1", "from the nth")),
        log=filled["log"],
        lease=_number(filled["lease"] or "0", "seconds"),
        sticky=filled["sticky"].casefold() in YES,
    )


def _one_of(side: str) -> StopsAt:
    if side not in SIDES:
        raise Invalid(f"a breakpoint does not stop {side!r}", hint=", ".join(SIDES))
    return cast(StopsAt, side)


def _number(text: str, what: str) -> float:
    try:
        return float(text.removesuffix("s"))
    except ValueError as error:
        raise Invalid(f"{what}: {text!r} is no number") from error


async def set_breakpoint(console: Surface, wanted: SetBreakpoint) -> BreakpointView:
    """Set it, and say so; raises MindBotError."""
    console.state.called(call_line(wanted))
    found = await console.api.ask(calls.set_breakpoint(wanted))
    what = f"{stops(found)} {found.filter}".rstrip()
    console.state.note("ok", "breakpoint {id} is set: {what}", id=found.id, what=what)
    console.say(console.words("breakpoint {id} is set: {what}", id=found.id, what=what))
    console.view.reload()
    return found


def call_line(wanted: SetBreakpoint) -> str:
    """Return the command line that sets it."""
    words = ["mindbot", "debug", "break"]
    for option, value in (("stage", wanted.stage), ("step", wanted.step), ("name", wanted.name)):
        words += [f"--{option}", value] if value else []
    words += ["--after"] if wanted.on == "after" else []
    words += ["--on-error"] if wanted.on == "error" and not wanted.errors else []
    words += ["--change", wanted.path] if wanted.on == "change" else []
    for kind in wanted.errors:
        words += ["--error", kind]
    words += ["--when", wanted.filter] if wanted.filter else []
    words += ["--hits", str(wanted.hits)] if wanted.hits > 1 else []
    words += ["--log", wanted.log] if wanted.log else []
    words += ["--lease", f"{wanted.lease:g}s"] if wanted.lease else []
    words += ["--sticky"] if wanted.sticky else []
    return shlex.join(words)


def _same_user(console: Surface, turn: str) -> str:
    row = console.state.turns.get(turn)
    return f"user == {quote(row.user)}" if row is not None and row.user else ""
