"""How a turn is told in words: what became of it and of its answer, who brought it, and why."""

from __future__ import annotations

import time

from mindbot.api.models import TurnSummary

_USUAL = 5.0  # seconds that an answer takes to leave without a word being said of it


def state(turn: TurnSummary, now: float | None = None) -> str:
    """Return its state; of an answer that did not arrive, or waits for long, that is said too."""
    ended = turn.received + turn.took_ms / 1000
    waits = turn.delivery == "waiting" and (now or time.time()) > ended + _USUAL
    told = waits or turn.delivery in ("undelivered", "discarded")
    return f"{turn.state}, {turn.delivery}" if told else turn.state


def receives(user: str, platform: str, bot: str = "") -> str:
    """Return whom an answer to a test message will reach; ``operator`` is who sends where nobody is named."""
    return f"{user or 'operator'} on {platform}{bot and f'/{bot}'}"


def reaches_people(platform: str) -> bool:
    """Whether an answer leaves this machine: on every platform but the console's own."""
    return platform != "console"


def who(turn: TurnSummary) -> str:
    """Return the user, with who brought the message where it was not themselves."""
    origin = "dry run" if turn.dry_run else turn.origin
    return turn.user if origin == "user" else f"{turn.user} ({origin})".strip()


def why(turn: TurnSummary) -> str:
    """Return what is to be said of its end: its reason, and why its answer did not arrive, or not yet."""
    undelivered = f"not delivered: {turn.delivery_error or 'refused'}" if turn.undelivered else ""
    if turn.delivery == "waiting" and turn.delivery_error:
        undelivered = f"not sent yet: {turn.delivery_error}"
    return "; ".join(filter(None, (turn.reason, undelivered)))
