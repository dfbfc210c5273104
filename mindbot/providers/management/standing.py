"""How the providers stand: what outlives a configuration generation, and (in part) the process.

On disk are the circuits that are not closed, with the moment they may be tried again, and the providers that
somebody switched off at run time. What is known of a key holds for that key at that server: another one under
its label begins anew. The sums of what was spent are the store's own. Late calls, limits and
refused keys are in memory: a restart, and for keys a reload, begins anew.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from hashlib import blake2b

import anyio
import structlog

from mindbot.config.models import ProviderSettings
from mindbot.domain.errors import StoreError
from mindbot.domain.message import Json
from mindbot.domain.ports.store import KeepStore, Kept, SpendingStore
from mindbot.domain.turn import Clock
from mindbot.providers.management.breaker import Breakers, CircuitKey
from mindbot.providers.management.budgets import Ledger
from mindbot.providers.management.keys import reference_of
from mindbot.providers.management.tally import Tally
from mindbot.providers.shared.limits import CallLimits

log = structlog.get_logger("mindbot.providers")

_PLACE = "mindbot", "providers"  # where the store keeps it, beside what bots keep
_CIRCUIT, _OFF = "circuit:", "off:"
_MOST = 10_000
_BEHIND = 86_400.0  # seconds an open circuit is remembered after its moment: until it is proved


class Standing:
    """See the module. Without stores nothing is on disk. ``clock`` is Unix seconds."""

    def __init__(
        self,
        keep: KeepStore | None = None,
        spending: SpendingStore | None = None,
        clock: Clock = time.time,
    ) -> None:
        self._keep = keep
        self.clock = clock
        self.breakers = Breakers(clock)
        self.ledger = Ledger(spending, clock)
        self._entries: dict[str, ProviderSettings] = {}
        self._off: set[str] = set()
        self._tallies: dict[str, Tally] = {}
        self._limits: dict[str, CallLimits] = {}
        self._moved = anyio.Event()

    async def load(self) -> None:
        """Read what an earlier process left; raises StoreError."""
        if self._keep is None:
            return
        for value in (await self._keep.items(*_PLACE, _CIRCUIT, _MOST)).values():
            with suppress(LookupError, TypeError, ValueError):  # of a newer program
                key = CircuitKey(value["provider"], value["key"], value["model"])
                if self._is_still(key, str(value.get("whose", ""))):
                    self.breakers.of(key).restore(value)
        off = await self._keep.items(*_PLACE, _OFF, _MOST)
        self._off = {name.removeprefix(_OFF) for name in off}

    async def save(self) -> None:
        """Write the circuits that changed, and wake who waits for one. A store that fails costs no answer."""
        if not self.breakers.changed:
            return
        changed = list(self.breakers.changed)
        self.breakers.changed.clear()
        self.wake()
        if self._keep is None:
            return
        try:
            await self._keep.write([self._kept(key) for key in changed])
        except StoreError as error:
            self.breakers.changed.update(changed)
            log.warning("how the providers stand is not on disk", error=str(error))

    def attempts(self) -> list[tuple[tuple[str, str, str], int]]:
        """Return the calls since the start by provider, key label and outcome."""
        return [
            ((provider, key, outcome), count)
            for provider, tally in self._tallies.items()
            for (key, outcome), count in tally.totals.items()
        ]

    def wake(self) -> None:
        """Let who waits for a circuit look again."""
        self._moved.set()
        self._moved = anyio.Event()

    async def moved(self, seconds: float) -> None:
        """Wait until a circuit changes, for so many seconds at most."""
        with anyio.move_on_after(seconds):
            await self._moved.wait()

    def _kept(self, key: CircuitKey) -> Kept:
        circuit = self.breakers.of(key)
        # A refused key is tried again by whoever starts anew: its owner was just there.
        data = circuit.to_json() if circuit.reason != "auth" else None
        names: Json = {"provider": key.provider, "key": key.key, "model": key.model}
        names["whose"] = _signed(self._reference(key))
        ends = 0.0 if data is None else circuit.until + _BEHIND
        return Kept(*_PLACE, f"{_CIRCUIT}{key}", {**names, **(data or {})}, ends)

    def _reference(self, key: CircuitKey) -> str:
        settings = self._entries.get(key.provider)
        return "" if settings is None else reference_of(settings, key.key)

    def _is_still(self, key: CircuitKey, whose: str) -> bool:
        """Tell whether a label stands for the key and the server that it stood for when it was written."""
        reference = self._reference(key)
        return not (whose and reference) or _signed(reference, whose.partition(":")[0]) == whose

    # --- switched off at run time

    def is_off(self, provider: str) -> bool:
        """Tell whether somebody switched a provider off."""
        return provider in self._off

    async def switch(self, provider: str, *, on: bool) -> None:
        """Switch a provider off, or on again, also for later processes; raises StoreError."""
        if self._keep is not None:
            since: Json = {"since": self.clock()}
            await self._keep.write([Kept(*_PLACE, f"{_OFF}{provider}", since, 0.0 if on else None)])
        if on:
            self._off.discard(provider)
            self.breakers.forgive(provider)
            await self.save()
        else:
            self._off.add(provider)

    # --- by provider

    def tally(self, provider: str) -> Tally:
        """Return how a provider's calls went lately."""
        if (found := self._tallies.get(provider)) is None:
            found = self._tallies[provider] = Tally(self.clock)
        return found

    def forgive_keys(self, *, quota: bool = False) -> None:
        """Let keys that were refused be tried again: somebody has just looked after them. ``quota`` lets
        those without money too: the secret may be another account's now."""
        self.breakers.forgive_keys({"auth", "quota"} if quota else {"auth"})

    def use(self, entries: Mapping[str, ProviderSettings]) -> None:
        """Go on with a configuration: it is the one in force from now on."""
        self.forgive_keys()
        before = {
            key: self._reference(key) for key, _ in self.breakers.items() if key.provider in self._entries
        }
        self._entries |= entries
        self.breakers.forget([key for key, reference in before.items() if reference != self._reference(key)])
        for name, limits in self._limits.items():  # of one that is gone, calls may still be under way
            if name in entries:
                limits.adjust(**_numbers(entries[name]))

    def limits(self, provider: str, settings: ProviderSettings) -> CallLimits:
        """Return the limits of a provider: the same ones for all, with the numbers that are in force.

        ``settings`` are those that it begins with.
        """
        if (found := self._limits.get(provider)) is None:
            found = self._limits[provider] = CallLimits(provider, **_numbers(settings))
        return found


def _signed(reference: str, salt: str = "") -> str:
    """Return what only the same reference gives with the same salt, and what tells nothing of it."""
    if not reference:
        return ""
    salt = salt or secrets.token_hex(16)
    digest = blake2b(reference.encode(), key=bytes.fromhex(salt), digest_size=16)
    return f"{salt}:{digest.hexdigest()}"


def _numbers(settings: ProviderSettings) -> dict[str, int]:
    rate, tokens = settings.rate_limit or 0, settings.token_limit or 0
    return {"concurrency": settings.concurrency, "rate": rate, "tokens": tokens}
