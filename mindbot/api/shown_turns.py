"""How a turn is told in words: what became of it and of its answer, who brought it, and why."""

from __future__ import annotations

from mindbot.api.models import TurnSummary


def state(turn: TurnSummary) -> str:
    """Return its state; an answer that did not arrive is said."""
    return f"{turn.state}, {turn.delivery}" if turn.delivery in ("undelivered", "discarded") else turn.state


def who(turn: TurnSummary) -> str:
    """Return the user, with who brought the message where it was not themselves."""
    return turn.user if turn.origin == "user" else f"{turn.user} ({turn.origin})".strip()


def why(turn: TurnSummary) -> str:
    """Return what is to be said of its end: its reason, and why its answer did not arrive."""
    undelivered = f"not delivered: {turn.delivery_error or 'refused'}" if turn.undelivered else ""
    return "; ".join(filter(None, (turn.reason, undelivered)))
