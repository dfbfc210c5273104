"""What several senders of one app, or of one enterprise, use together."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")

_KEPT = 256  # things kept although nobody uses them just now: a reload takes an adapter away before the next


class Shared:
    """Access tokens and limits by key, one for all who ask with the same: two bots of one app share its
    token, and so do the old and the new adapter of a bot while a configuration is reloaded.

    A thing lives as long as somebody uses it; of those that nobody does the last few hundred are kept.
    """

    def __init__(self) -> None:
        self._used: WeakValueDictionary[tuple[str, ...], Any] = WeakValueDictionary()
        self._recent: OrderedDict[tuple[str, ...], Any] = OrderedDict()

    def of(self, key: tuple[str, ...], make: Callable[[], T]) -> T:
        """Return what is kept under ``key``, made where there is nothing yet.

        ``key`` names everything that has to be equal, first what it is; never a secret, but its hash.
        """
        found: T | None = self._used.get(key)
        if found is None:
            found = self._used[key] = make()
        self._recent[key] = found
        self._recent.move_to_end(key)
        while len(self._recent) > _KEPT:
            self._recent.popitem(last=False)
        return found
