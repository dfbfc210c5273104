"""The circuits of all providers: of each key, and of each model asked with it; see `shared.circuit`."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass

from mindbot.domain.turn import Clock
from mindbot.providers.shared.circuit import Circuit, CoolReason


@dataclass(frozen=True, slots=True)
class CircuitKey:
    """Whose calls a circuit judges; without ``model`` it is the key as a whole. ``key`` is a label."""

    provider: str
    key: str
    model: str = ""

    def __str__(self) -> str:
        return "/".join(filter(None, (self.provider, self.key, self.model)))


class Breakers:
    """The circuits of all providers. ``changed`` holds those that are not on disk as they are."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._circuits: dict[CircuitKey, Circuit] = {}
        self.changed: set[CircuitKey] = set()

    def of(self, key: CircuitKey) -> Circuit:
        """Return a circuit, made at its first use."""
        if (found := self._circuits.get(key)) is None:
            found = self._circuits[key] = Circuit(self._clock)
        return found

    def look(self, key: CircuitKey) -> Circuit | None:
        """Return a circuit that was used, and None for any other."""
        return self._circuits.get(key)

    def items(self) -> list[tuple[CircuitKey, Circuit]]:
        """Return those that were used."""
        return list(self._circuits.items())

    def forgive_keys(self, reasons: Set[CoolReason]) -> None:
        """Close those that are open for one of the reasons: somebody has just looked after the keys."""
        self.forget([key for key, circuit in self._circuits.items() if circuit.reason in reasons])

    def forgive(self, provider: str) -> None:
        """Close all circuits of a provider."""
        self.forget([key for key in self._circuits if key.provider == provider])

    def forget(self, keys: Iterable[CircuitKey]) -> None:
        """Close circuits, and forget the calls that they judged."""
        for key in keys:
            if (circuit := self._circuits[key]).reason is not None:
                self.changed.add(key)
            circuit.close()
