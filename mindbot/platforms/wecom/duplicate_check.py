"""The duplicate check of ``message/send``, used so that it catches repeats and nothing else.

"Within the interval, messages of the same content (request JSON) are not received again" is all that "Send
application message" (path/90236) says of ``enable_duplicate_check``. Unsure are two things: whether a message
sent without the flag is remembered, and whether really the whole JSON counts or just the text. So:

- the flag is set at the first attempt already: what was sent without it may not be remembered;
- ``duplicate_check_interval`` differs from delivery to delivery, so that equal answers to two questions are
  different JSON, while every attempt at one delivery is the same JSON, also after a restart;
- in case only the text counts, an answer that this user got lately from another delivery goes out without
  the flag, until it may have arrived.

What is remembered for so long is a repeat for so long: beyond its interval a delivery sent again is shown
again, and so may be one whose first attempt went without the flag.
"""

from __future__ import annotations

import time
import zlib
from collections import OrderedDict
from collections.abc import Callable

from mindbot.domain.delivery import Delivery

_SHORTEST = 1800  # seconds, WeCom's default; it allows up to four hours
_SPREAD = 3600  # different intervals, one second apart
LONGEST_INTERVAL = _SHORTEST + _SPREAD
_MARGIN = 60.0  # seconds of an interval that are not counted on: a request on its way, two clocks
_REMEMBERED = 50_000  # texts; some 250 bytes each


class DuplicateCheck:
    """Decides about the flag; remembers for each user the texts that WeCom may still remember."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._texts: OrderedDict[int, tuple[str, float]] = OrderedDict()  # hash → first delivery, until

    def check(self, delivery: Delivery, user: str, text: str) -> dict[str, int]:
        """Return the fields to add to the request."""
        repeated = self._said_before(delivery.id, hash((user, text)))
        if repeated and not delivery.again:
            return {}
        return {"enable_duplicate_check": 1, "duplicate_check_interval": _interval(delivery)}

    def knows(self, delivery: Delivery, user: str, text: str, now: float) -> bool:
        """Tell whether WeCom knows a delivery again at the Unix time ``now``.

        It counts from the first attempt, which was not before the delivery was made.
        """
        if now - delivery.created >= _interval(delivery) - _MARGIN:
            return False
        first, until = self._texts.get(hash((user, text)), ("", 0.0))
        return first in ("", delivery.id) or until <= self._clock()

    def remember(self, delivery: str, user: str, text: str) -> None:
        """Remember what was sent before this process began."""
        self._said_before(delivery, hash((user, text)))

    def _said_before(self, delivery: str, text: int) -> bool:
        """Say whether another delivery had this text, and remember it from now on."""
        now = self._clock()
        first, until = self._texts.pop(text, (delivery, now))
        if until <= now:
            first = delivery
        self._texts[text] = (first, now + LONGEST_INTERVAL)
        if len(self._texts) > _REMEMBERED:
            self._texts.popitem(last=False)
        return first != delivery


def _interval(delivery: Delivery) -> int:
    """Return the seconds for which WeCom is asked to remember a delivery; always the same for one."""
    return _SHORTEST + zlib.crc32(delivery.id.encode()) % _SPREAD
