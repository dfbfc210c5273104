"""Who may call how often. Sources: "Call frequency" (document/path/90312), "Global error codes" (90313)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from mindbot.sim.wecom.tokens import ApiError

_MINUTE = 60.0  # seconds: the window, and how long a block lasts


@dataclass(frozen=True, slots=True)
class ApiRules:
    """Limits of one API; 0 is none. The platform's own are 10,000 calls a minute and an unknown number at
    once. ``trusted_ips`` are the addresses that may call; empty lets everybody."""

    per_minute: int = 0
    at_once: int = 0
    trusted_ips: tuple[str, ...] = ()


@dataclass(slots=True)
class Quotas:
    """Counts calls."""

    rules: ApiRules
    clock: Callable[[], float]
    _windows: dict[str, tuple[float, int]] = field(default_factory=dict)  # path → (its begin, calls)
    _blocked: dict[str, float] = field(default_factory=dict)
    _running: Counter[str] = field(default_factory=Counter)

    def check_address(self, ip: str) -> None:
        """Refuse an address that is not trusted; raises ApiError (60020)."""
        if self.rules.trusted_ips and ip not in self.rules.trusted_ips:
            raise ApiError(60020)

    @contextmanager
    def call(self, path: str, what: str = "") -> Iterator[None]:
        """Count one call while the block runs; ``what`` is counted on its own for calls at once.

        Raises:
            ApiError: 45009 for a minute once there were too many in one, 45033 for too many at once.
        """
        now, key = self.clock(), f"{path} {what}"
        if self._blocked.get(path, 0.0) > now:
            raise ApiError(45009)
        begun, count = self._windows.get(path, (now, 0))
        begun, count = (now, 1) if now - begun >= _MINUTE else (begun, count + 1)
        self._windows[path] = begun, count
        if self.rules.per_minute and count > self.rules.per_minute:
            self._blocked[path] = now + _MINUTE
            raise ApiError(45009)
        if self.rules.at_once and self._running[key] >= self.rules.at_once:
            raise ApiError(45033)
        self._running[key] += 1
        try:
            yield
        finally:
            self._running[key] -= 1
            if not self._running[key]:
                del self._running[key]

    def clear(self) -> None:
        """Forget the calls that are over."""
        self._windows.clear()
        self._blocked.clear()
