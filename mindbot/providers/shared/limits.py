"""Our own limits on a provider: calls at once, calls a minute, tokens a minute."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import anyio

from mindbot.deadlines import now
from mindbot.domain.errors import Overloaded, RateLimited

#: The vendor was not asked when a failure has one of these codes.
OWN_LIMITS = ("configured_limit", "concurrency")


@dataclass(slots=True, eq=False)
class Entry:
    """A call that was let in: when it begins, and the tokens it takes, as they were guessed or told."""

    start: float
    tokens: int = 0


class CallLimits:
    """Callers wait their turn; one that would wait longer than it can is told at once. 0 means no limit.

    ``per`` is the length of the windows of ``rate`` and ``tokens`` in seconds.
    """

    def __init__(
        self, name: str, *, concurrency: int = 0, rate: int = 0, tokens: int = 0, per: float = 60.0
    ) -> None:
        self._name = name
        self._slots = anyio.CapacityLimiter(concurrency or math.inf)
        self._taken: list[object] = []  # a slot is as good as another: whoever leaves gives the last one back
        self._queued = 0
        self._rate = rate
        self._tokens = tokens
        self._per = per
        self._entries: deque[Entry] = deque()  # of the windows, and of the future: who waits

    def adjust(self, *, concurrency: int, rate: int, tokens: int) -> None:
        """Change the numbers. Who is in stays in and counts; who waits for a slot may find one."""
        self._slots.total_tokens = concurrency or math.inf
        self._rate, self._tokens = rate, tokens

    async def enter(self, patience: float, tokens: int = 0) -> Entry:
        """Wait for the rates and for a slot, at most ``patience`` seconds each. Pair with `leave`.

        ``tokens`` is what the call will take, about; `settle` corrects it. One that is more than the limit
        waits until nothing else is in the window. Who gives up has taken nothing.

        Raises:
            RateLimited: a rate allows the call later than that.
            Overloaded: all slots stayed taken.
        """
        entry = self._reserve(patience, tokens) if self._rate or self._tokens else Entry(0.0, tokens)
        entered = False
        try:
            if (wait := entry.start - now()) > 0:
                await anyio.sleep(wait)
            await self._take_slot(patience)
            entered = True
        finally:
            if not entered and entry in self._entries:
                self._entries.remove(entry)
        return entry

    @property
    def free(self) -> bool:
        """Whether a slot is free at this moment; one that was given back is of those who wait for it."""
        return not self._queued and len(self._taken) < self._slots.total_tokens

    def leave(self) -> None:
        """Give the slot back."""
        self._slots.release_on_behalf_of(self._taken.pop())

    def settle(self, entry: Entry, tokens: int) -> None:
        """Say what a call took, now that it is known."""
        entry.tokens = tokens

    async def _take_slot(self, patience: float) -> None:
        slot = object()
        try:
            self._slots.acquire_on_behalf_of_nowait(slot)
        except anyio.WouldBlock:
            await self._queue(slot, patience)
        self._taken.append(slot)

    async def _queue(self, slot: object, patience: float) -> None:
        self._queued += 1
        try:
            with anyio.move_on_after(patience) as waiting:
                await self._slots.acquire_on_behalf_of(slot)
        finally:
            self._queued -= 1
        if waiting.cancelled_caught:
            message = f"{self._name}: all slots were busy for {patience:g}s"
            raise Overloaded(message, code=OWN_LIMITS[1]) from None

    def _reserve(self, patience: float, tokens: int) -> Entry:
        """Take a place in the windows, before any waiting: nobody overtakes."""
        moment = now()
        while self._entries and self._entries[0].start <= moment - self._per:
            self._entries.popleft()
        entry, what = Entry(moment, tokens), f"{self._rate} calls a minute"
        if self._rate and len(self._entries) >= self._rate:
            entry.start = self._entries[-self._rate].start + self._per
        if self._entries:
            entry.start = max(entry.start, self._entries[-1].start)
        if self._tokens and (later := self._enough(moment, tokens)) > entry.start:
            entry.start, what = later, f"{self._tokens} tokens a minute"
        if entry.start - moment > patience:
            message = f"{self._name}: {what}, the configured limit, are spoken for"
            raise RateLimited(message, code=OWN_LIMITS[0], retry_after=entry.start - moment)
        self._entries.append(entry)
        return entry

    def _enough(self, moment: float, tokens: int) -> float:
        """Return when the window of tokens has room, behind all who wait for it already."""
        start = max(moment, self._entries[-1].start) if self._entries else moment
        taken = sum(each.tokens for each in self._entries)
        for each in self._entries:
            if taken + tokens <= self._tokens:
                break
            start = max(start, each.start + self._per)
            taken -= each.tokens
        return start
