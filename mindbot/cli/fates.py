"""What became of the messages that somebody here had a bot say."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from mindbot.api import models
from mindbot.api.shown import not_reached
from mindbot.cli.output import columns, one_line

#: The exit code of what was not there in time.
TIMED_OUT = 4


def exit_code(turn: models.TurnView) -> int:
    """Return how a command ends that had this said: 1 where it did not reach everybody, 4 where it waits."""
    states = {each.get("state") for each in turn.deliveries}
    if states - {"sent"} and not states & {"dead", "discarded"}:
        return TIMED_OUT
    return 0 if states == {"sent"} and not not_reached(turn) else 1


def fates(turn: models.TurnView) -> Iterator[str]:
    """Yield what became of each message."""
    if not turn.deliveries:
        yield one_line(f"turn {turn.id} {turn.state}: {turn.reason or 'nothing was sent'}")
    for each in turn.deliveries:
        state = each.get("state", "")
        said = {"sent": "sent", "dead": "refused"}.get(state, "waiting")
        why = f": {one_line(str(each['error']))}" if each.get("error") else ""
        yield from wrapped(f"{said:8}", f"{each.get('id', turn.id)}{why}")
    if missed := not_reached(turn):
        yield from wrapped("not reached: ", one_line(", ".join(missed)))


def wrapped(head: str, text: str) -> Iterator[str]:
    """Yield a text in lines of the terminal's width, behind its head."""
    blank = " " * len(head)
    lines = textwrap.wrap(text, max(columns() - len(head), 30), break_long_words=False) or [""]
    yield from (f"{head if not n else blank}{line}".rstrip() for n, line in enumerate(lines))
