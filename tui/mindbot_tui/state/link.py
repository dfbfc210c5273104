"""How the console hangs on its daemon."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

Phase = Literal["connecting", "attached", "detached"]


class Link:
    """``since`` is when the phase began, in Unix seconds; ``lost`` counts events that gaps swallowed."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.phase: Phase = "connecting"
        self.since = clock()
        self.reason = ""
        self.hint = ""
        self.gaps = 0
        self.lost = 0
        self.away = 0.0  # seconds that the last interruption took; 0 when there was none
        self.revision = 0

    @property
    def attached(self) -> bool:
        return self.phase == "attached"

    @property
    def detached(self) -> bool:
        return self.phase == "detached"

    def attach(self) -> None:
        """The stream is open."""
        self.away = self._clock() - self.since if self.phase == "detached" else 0.0
        self._enter("attached")
        self.reason = self.hint = ""

    def detach(self, reason: str, hint: str = "") -> None:
        """The stream broke off, or never opened."""
        if self.phase != "detached":
            self._enter("detached")
        self.reason, self.hint = reason, hint
        self.revision += 1

    def gap(self, count: int) -> None:
        """So many events were lost on their way here."""
        self.gaps += 1
        self.lost += count
        self.revision += 1

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self.since = self._clock()
        self.revision += 1
