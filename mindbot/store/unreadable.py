"""Rows that cannot be read: damaged ones, and what only a newer program understands.

One such row must not hide the others, nor stop a start. Whoever reads rows reads each of them through
`Unreadable.read`; one that fails is counted, told once, and left out, shown by its columns, or put away as a
dead letter, where that is the question.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

import structlog

from mindbot.domain.errors import StoreUnreadable

log = structlog.get_logger("mindbot.store")

T = TypeVar("T")

#: What parsing raises for JSON that is none, or of another form.
ODD = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
_REMEMBERED = 10_000  # rows told of, so that each is told once


def reason_of(error: Exception) -> str:
    """Return why a row cannot be read, as it is kept with the row."""
    detail = str(error) if not isinstance(error, KeyError) else f"{error} is missing"
    return f"unreadable: {detail[:200] or type(error).__name__}"


class Unreadable:
    """What could not be read since the start. Used from the loop and from the store's threads."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, str] = OrderedDict()
        self.count = 0

    @property
    def words(self) -> str:
        """What an operator has to know; empty while everything could be read."""
        if not self.count:
            return ""
        what, reason = next(reversed(self._known.items()))
        rows = f"{self.count} rows" if self.count > 1 else "a row"
        return (
            f"{rows} of the database cannot be read, the last one {what}: {reason} "
            "(run `mindbot db check`; `mindbot dlq list` shows what was put away)"
        )

    def note(self, what: str, error: Exception) -> str:
        """Count a row that cannot be read; returns why."""
        reason = reason_of(error)
        if what not in self._known:
            self._known[what] = reason
            self.count += 1
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
            log.warning("a row cannot be read", row=what, reason=reason, hint="mindbot db check")
        return reason

    def read(self, what: str, how: Callable[[], T]) -> T:
        """Return what ``how`` makes of a row; ``what`` names the row.

        Raises:
            StoreUnreadable: it cannot be read, and that is counted.
        """
        try:
            return how()
        except ODD as error:
            reason = self.note(what, error)
            mend = "it is kept as it is; see: mindbot db check"
            raise StoreUnreadable(f"{what}: {reason}", hint=mend, reason=reason) from error
