"""What an account may use: requests and tokens, in a minute and in a day, and requests at once.

Windows are fixed, as vendors tell them: a minute and a day of UTC. Each key has its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_WINDOWS = {"minute": 60.0, "day": 86_400.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaRules:
    """0 is no limit. ``at_once`` counts requests being answered, of all keys."""

    requests_per_minute: int = 0
    tokens_per_minute: int = 0
    requests_per_day: int = 0
    tokens_per_day: int = 0
    at_once: int = 0


@dataclass(frozen=True, slots=True)
class Spent:
    """A quota that is used up: a field of `QuotaRules`, its limit, and seconds until it is renewed."""

    rule: str
    limit: int
    wait: float = 0.0


class ModelQuotas:
    """Counts against the rules, which may be changed at any time. ``clock`` is seconds since the epoch."""

    def __init__(self, rules: QuotaRules, clock: Callable[[], float]) -> None:
        self.rules = rules
        self._clock = clock
        self._at_once = 0
        self._used: Counter[tuple[str, str, float]] = Counter()  # (key, rule, window's begin)

    def take(self, key: str, tokens: int) -> Spent | None:
        """Count a request of so many tokens; a refused one is not counted."""
        for rule, limit, begin, wait in self._limits():
            wanted = tokens if rule.startswith("tokens") else 1
            if self._used[key, rule, begin] + wanted > limit:
                return Spent(rule, limit, wait)
        for rule, _, begin, _ in self._limits():
            if rule.startswith("requests"):
                self._used[key, rule, begin] += 1
        self.spend(key, tokens)
        return None

    def spend(self, key: str, tokens: int) -> None:
        """Count tokens of an answer: it may exceed the limit, and the next request is refused."""
        for rule, _, begin, _ in self._limits():
            if rule.startswith("tokens"):
                self._used[key, rule, begin] += tokens

    def left(self, key: str, rule: str) -> tuple[int, int, float] | None:
        """Return limit, what is left of it, and the seconds until it is renewed; None without a limit."""
        for each, limit, begin, wait in self._limits():
            if each == rule:
                return limit, max(0, limit - self._used[key, rule, begin]), wait
        return None

    @contextmanager
    def one_more(self) -> Iterator[Spent | None]:
        """Count a request as being answered while the block runs; yields a limit it exceeds."""
        self._at_once += 1
        try:
            most = self.rules.at_once
            yield Spent("at_once", most) if most and self._at_once > most else None
        finally:
            self._at_once -= 1

    def forget(self) -> None:
        """Begin anew."""
        self._used.clear()

    def _limits(self) -> Iterator[tuple[str, int, float, float]]:
        """Yield what is limited: rule, limit, the window's begin, seconds to its end."""
        now = self._clock()
        for window, length in _WINDOWS.items():
            begin = now // length * length
            for what in ("requests", "tokens"):
                rule = f"{what}_per_{window}"
                if limit := getattr(self.rules, rule):
                    yield rule, limit, begin, begin + length - now
