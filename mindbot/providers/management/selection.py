"""Who is asked, and in which order. Pure: what is known of the providers is handed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mindbot.config.models import ProviderSelection

_KNOWN = 5  # calls after which a provider's success and latency say something
_EQUAL = 1.2  # times the quickest one's latency that count as the same


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is known of a provider. ``share`` of its late ``calls`` succeeded; ``latency`` is in seconds."""

    name: str
    weight: int = 1
    calls: int = 0
    share: float = 1.0
    latency: float = 0.0
    in_flight: int = 0
    price: float | None = None  # of a million tokens in and one out; None where nobody knows


class Selection:
    """Chooses by the strategy of `provider_selection`; remembers whose turn it is."""

    def __init__(self, settings: ProviderSelection) -> None:
        self._settings = settings
        self._turn = 0
        self._credit: dict[str, int] = {}
        self._order: dict[str, Callable[[Sequence[Candidate]], list[Candidate]]] = {
            "first": list,
            "round_robin": self._rotated,
            "weighted": self._weighted,
            "performance_based": self._by_performance,
            "least_busy": self._by_load,
            "cost": _by_price,
        }

    @property
    def strategy(self) -> str:
        """What is configured."""
        return self._settings.strategy

    def line(self, candidates: Sequence[Candidate], asked_for: str = "") -> list[str]:
        """Return the names in the order in which they are asked.

        One that is asked for comes first and the strategy has nothing to say. Behind the chosen one stand
        those of ``fallback_order``; where a strategy is configured, the other candidates after them, in its
        order.
        """
        before = self._turn, dict(self._credit)
        ordered = self._order[self.strategy]([each for each in candidates if each.weight] or candidates)
        if asked_for:
            self._turn, self._credit = before  # it was nobody's turn
            ordered = [each for each in ordered if each.name != asked_for]
            chosen, rest = [asked_for], ordered
        else:
            chosen, rest = [each.name for each in ordered[:1]], ordered[1:]
        if self._settings.cost_optimization:
            rest = _by_price(rest)
        others = [] if self.strategy == "first" else [each.name for each in rest]
        known = {each.name for each in candidates}
        fallbacks = [name for name in self._settings.fallback_order if name in known]
        return list(dict.fromkeys([*chosen, *fallbacks, *others]))

    def _rotated(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        begin = self._turn % len(candidates) if candidates else 0
        self._turn += 1
        return [*candidates[begin:], *candidates[:begin]]

    def _weighted(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Each gets its share, spread evenly: nginx's "smooth" weighted round robin."""
        for each in candidates:
            self._credit[each.name] = self._credit.get(each.name, 0) + max(1, each.weight)
        ordered = sorted(candidates, key=lambda each: -self._credit[each.name])
        if ordered:
            self._credit[ordered[0].name] -= sum(max(1, each.weight) for each in candidates)
        return ordered

    def _by_performance(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Those that succeed often enough, the quickest first; who is hardly known gets a chance before."""
        sound = [
            c for c in candidates if c.calls >= _KNOWN and c.share >= self._settings.performance_threshold
        ]
        best = min((c.latency for c in sound), default=0.0)
        cheap = self._settings.cost_optimization

        def key(c: Candidate) -> tuple[float, ...]:
            if c.calls < _KNOWN:
                return 0, c.calls + c.in_flight
            if c not in sound:
                return 2, -c.share
            if c.latency <= _EQUAL * best:
                return 1, 0.0, _price(c) if cheap else c.latency
            return 1, 1.0, c.latency

        return sorted(candidates, key=key)

    def _by_load(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        rotated = self._rotated(candidates)
        cheap = self._settings.cost_optimization
        return sorted(rotated, key=lambda c: (c.in_flight, _price(c) if cheap else 0.0))


def _price(candidate: Candidate) -> float:
    return float("inf") if candidate.price is None else candidate.price


def _by_price(candidates: Sequence[Candidate]) -> list[Candidate]:
    return sorted(candidates, key=_price)
