"""What is needed of turns, as SQL about the columns of their table, for those that no finder knows yet."""

from __future__ import annotations

from sqlalchemy import ColumnElement

from mindbot.domain.needs import Between, Every, Is, Need
from mindbot.domain.turn import OPEN_STATES
from mindbot.store.schema import turns

WINDOW = 2_000  # turns that are sifted at once
_TEXTS = {
    "platform": turns.c.platform,
    "bot": turns.c.bot,
    "session": turns.c.session,
    "user": turns.c.sender,
}


def sieve(need: Need) -> list[ColumnElement[bool]]:
    """Return conditions that hold of all turns that have what is needed; none: the columns say nothing."""
    match need:
        case Every(terms):
            return [each for term in terms for each in sieve(term)]
        case Is("state", values):  # one that is open may be further than the disk says, or unreadable
            return [turns.c.state.in_([*map(str, values), *OPEN_STATES])]
        case Is(field, values) if field in _TEXTS:
            return [_TEXTS[field].in_(list(map(str, values)))]
        case Between("received", least, most):
            limits = [turns.c.received >= least] if least is not None else []
            limits += [turns.c.received <= most] if most is not None else []
            return limits
        case _:
            return []
