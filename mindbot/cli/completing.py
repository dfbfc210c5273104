"""What a shell offers where a name or an id is typed: asked of the daemon, shortly, or known by itself.

Each function is a typer ``autocompletion``. Where no daemon answers in time, nothing is offered and nothing
is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

import typer

from mindbot.domain.errors import MindBotError

T = TypeVar("T")
Offered = list[tuple[str, str]]

LEVELS = ("debug", "info", "warning", "error")  # of the log, by what the API calls them

#: Kinds of steps that turns can be stopped at.
STEPS = {
    "model": "a call of a model",
    "tool": "a call of a tool",
    "workflow": "a run of a workflow",
    "node": "a node of a workflow",
}

_PATIENCE = 0.5  # seconds
_MOST = 50  # rows that are looked at
_LATELY = 6 * 3600.0  # seconds that `mindbot failures` looks back
_WIDE = 60  # characters of what is said beside


def _ask(
    ctx: typer.Context, make: Callable[[], Any], offer: Callable[[Any], Iterable[tuple[str, str]]]
) -> Offered:
    """Return what the daemon's answer offers; nothing where there is none."""
    from mindbot.api.client import Client
    from mindbot.cli.output import one_line

    try:
        client = Client(ctx.find_root().params.get("socket"))
        found = client.ask(replace(make(), timeout=_PATIENCE))
        return [(value, one_line(told)[:_WIDE]) for value, told in offer(found) if value]
    except MindBotError:
        return []


def turns(ctx: typer.Context, incomplete: str) -> Offered:
    """Offer the last turns by their ids."""
    from mindbot.api import calls
    from mindbot.api.shown_turns import state, who

    return _ask(
        ctx,
        lambda: calls.turns(limit=_MOST),
        lambda found: ((t.id, f"{state(t)} {who(t)}: {t.text}") for t in found),
    )


def dead_letters(ctx: typer.Context, incomplete: str) -> Offered:
    """Offer dead letters by their ids."""
    from mindbot.api import calls

    return _ask(
        ctx,
        lambda: calls.dead_letters(_MOST),
        lambda found: ((d.id, f"{d.platform}/{d.bot}: {d.error or d.reason}") for d in found),
    )


def discarded(ctx: typer.Context, incomplete: str) -> Offered:
    """Offer what was discarded lately."""
    from mindbot.api import calls

    return _ask(
        ctx,
        lambda: calls.dead_letters(_MOST, settled=True),
        lambda found: ((d.id, f"{d.platform}/{d.bot}: {d.text}") for d in found if d.acted == "discard"),
    )


def failures(ctx: typer.Context, incomplete: str) -> Offered:
    """Offer what turns failed of lately, by its id."""
    from mindbot.api import calls

    return _ask(ctx, lambda: calls.failures(_LATELY), lambda found: ((b.id, b.cause) for b in found.bundles))


def sessions(ctx: typer.Context, incomplete: str) -> Offered:
    """Offer the sessions that were active last."""
    from mindbot.api import calls

    return _ask(ctx, lambda: calls.sessions(_MOST), lambda found: ((s.session, s.text) for s in found))


def users(ctx: typer.Context, incomplete: str) -> Offered:
    """Offer those who wrote last."""
    from mindbot.api import calls

    return _ask(
        ctx,
        lambda: calls.sessions(_MOST),
        lambda found: {s.user: f"{s.platform}/{s.bot}" for s in found}.items(),
    )


def bots(ctx: typer.Context, incomplete: str) -> Offered:
    """Offer bots as PLATFORM/NAME."""
    from mindbot.api import calls

    return _ask(ctx, calls.platforms, lambda found: ((f"{p.platform}/{p.bot}", p.state) for p in found))


def bot_names(ctx: typer.Context, incomplete: str) -> Offered:
    """Offer bots by their names alone, those of the platform that was typed where one was."""
    from mindbot.api import calls

    platform = ctx.params.get("platform")
    return _ask(
        ctx,
        calls.platforms,
        lambda found: ((p.bot, p.platform) for p in found if platform in (None, "console", p.platform)),
    )


def platforms(ctx: typer.Context, incomplete: str) -> Offered:
    """Offer platforms that have bots."""
    from mindbot.api import calls

    return _ask(ctx, calls.platforms, lambda found: ((name, "") for name in {p.platform: 0 for p in found}))


def providers(ctx: typer.Context, incomplete: str) -> Offered:
    """Offer providers of models."""
    from mindbot.api import calls

    return _ask(ctx, calls.providers, lambda found: ((p.name, p.state) for p in found))


def workflows(ctx: typer.Context, incomplete: str) -> Offered:
    """Offer workflows."""
    from mindbot.api import workflow_calls

    return _ask(ctx, workflow_calls.workflows, lambda found: ((w.name, w.state) for w in found))


def datasets(ctx: typer.Context, incomplete: str) -> Offered:
    """Offer knowledge bases."""
    from mindbot.api import workflow_calls

    return _ask(ctx, workflow_calls.datasets, lambda found: ((d.name, d.title) for d in found))


def breakpoints(ctx: typer.Context, incomplete: str) -> Offered:
    """Offer breakpoints by their ids."""
    from mindbot.api import debug_calls, shown_debugger

    return _ask(ctx, debug_calls.breakpoints, lambda found: ((b.id, shown_debugger.stops(b)) for b in found))


def parked_turns(ctx: typer.Context, incomplete: str) -> Offered:
    """Offer the turns that are parked."""
    from mindbot.api import debug_calls, shown_debugger

    return _ask(
        ctx,
        debug_calls.parked,
        lambda found: ((p.turn, f"{shown_debugger.where(p)} {p.user}: {p.text}") for p in found),
    )


def paths(ctx: typer.Context, incomplete: str) -> Offered:
    """Offer the values of the parked turn that was typed."""
    from mindbot.api import debug_calls, shown_debugger

    turn = ctx.params.get("turn") or ""
    return _ask(ctx, lambda: debug_calls.scopes(turn), lambda found: shown_debugger.lines_of(found))


def stages(incomplete: str) -> Offered:
    """Offer the stages that are installed."""
    from mindbot import registry

    return [(each, "") for each in registry.names("stages")]


def steps(incomplete: str) -> Offered:
    """Offer the kinds of steps inside stages."""
    return list(STEPS.items())


def topics(incomplete: str) -> Offered:
    """Offer topics of events."""
    from mindbot.domain.events import TOPICS

    return list(TOPICS.items())


def levels(incomplete: str) -> Offered:
    """Offer levels of the log."""
    return [(each, "") for each in LEVELS]


def loggers(ctx: typer.Context, incomplete: str) -> Offered:
    """Offer loggers that have a level of their own."""
    from mindbot.api import calls

    return _ask(ctx, calls.log_levels, lambda found: found.items())
