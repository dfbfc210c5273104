"""What became of a dead letter: given up on, on its way again, arrived, put away."""

from __future__ import annotations

from mindbot.api.models import DeadLetter

_ARRIVED = ("sent", "answered")


def given_up(letter: DeadLetter) -> bool:
    """Whether it waits for somebody to decide."""
    return letter.state in ("dead", "failed", "")  # an older daemon lists no others


def fate(letter: DeadLetter) -> tuple[str, str, str]:
    """Return a sign, the name of its colour, and what became of it in a word or two."""
    if given_up(letter):
        return ("✗", "bad", "failed again") if letter.acted == "retry" else ("✗", "bad", "given up")
    if letter.state in _ARRIVED:
        return "✓", "ok", "arrived"
    if letter.acted == "discard":
        return "–", "dim", "discarded"
    return "▸", "busy", "on its way"


KINDS = {"message": "a message", "stream": "an answer that grew on the screen", "turn": "a whole turn"}
ACTS = {"retry": "sent again", "discard": "discarded", "restore": "taken back out"}
FATES = ("failed again", "given up", "arrived", "discarded", "on its way")
