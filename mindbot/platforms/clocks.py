"""What waits are measured by: a clock that nobody sets.

The time of day is for what is shown, kept on disk or told by a vendor. A wait that is measured by it would
last as much longer as the machine's clock is set back.
"""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]


def timer_of(clock: Clock) -> Clock:
    """Return what a bot measures its waits by, given what tells it the time of day.

    A clock of somebody's own, as tests have, does both.
    """
    return time.monotonic if clock is time.time else clock
