"""Looks for turns as far back as it takes, and says how far that is."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from mindbot.api import calls, models
from mindbot.api.client import Client
from mindbot.cli.output import clock
from mindbot.domain.errors import TimedOut

_ASK = 1.0  # seconds that the daemon looks before it tells how far it is
_WIPE = "\r\x1b[K"


@dataclass(slots=True)
class TurnSearch:
    """What is looked for, and how far that is; ``before`` is where to go on, empty when nothing is older."""

    filter: str
    limit: int
    before: str
    seconds: float
    found: int = 0
    judged: int = 0
    back_to: float | None = None
    stopped: bool = False
    told: bool = False  # a line on the terminal says how far it is

    def pages(self, client: Client) -> Iterator[list[models.TurnSummary]]:
        """Yield turns as they are found: until there are enough, none is older, time is over, or Ctrl-C."""
        ends = time.monotonic() + self.seconds
        try:
            while True:
                left = max(0.0, min(_ASK, ends - time.monotonic()))
                call = calls.turn_page(self.filter, self.limit - self.found, self.before, left)
                page = client.ask(call)
                self.found += len(page.turns)
                self.judged += page.looked
                self.before, self.back_to = page.next, page.back_to
                yield page.turns
                if self.found >= self.limit or not page.next or time.monotonic() >= ends:
                    return
                self._tell()
        except KeyboardInterrupt:
            self.stopped = True
        finally:
            if self.told:
                print(end=_WIPE, file=sys.stderr, flush=True)

    def _tell(self) -> None:
        if sys.stderr.isatty():
            self.told = True
            line = f"looked {self._how_far}; {self.found} found; Ctrl-C stops"
            print(f"{_WIPE}{line}", end="", file=sys.stderr, flush=True)

    @property
    def _how_far(self) -> str:
        return f"back to {clock(self.back_to or 0.0)}, {self.judged:,} turns one by one"

    def complete(self) -> None:
        """Do nothing where all was looked at that was asked for; else raise TimedOut, which says how far."""
        if not self.before or self.found >= self.limit:
            return
        why = "stopped" if self.stopped else f"after {self.seconds:g}s"
        raise TimedOut(
            f"not all turns were looked at: {why} {self._how_far}"
            if self.back_to
            else "no turn was looked at",
            hint=f"go on with --before {self.before}, take longer with --seconds, or ask for less",
        )
