"""Our own limits on a provider: calls at once, calls a minute, tokens a minute."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import anyio

from mindbot.domain.errors import Overloaded, RateLimited

#: The vendor was not asked when a failure has one of these codes.
OWN_LIMITS = ("configured_limit", "concurrency")


@dataclass(slots=True)
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
        self._slots = anyio.Semaphore(concurrency, fast_acquire=True) if concurrency else None
        self._rate = rate
        self._tokens = tokens
        self._per = per
        self._starts: deque[float] = deque(maxlen=rate)  # of the latest calls, some of them in the future
        self._entries: deque[Entry] = deque()  # of the window of tokens, and of the future

    async def enter(self, patience: float, tokens: int = 0) -> Entry:
        """Wait for the rates and for a slot, at most ``patience`` seconds each. Pair with `leave`.

        ``tokens`` is what the call will take, about; `settle` corrects it. One that is more than the limit
        waits until nothing else is in the window.

        Raises:
            RateLimited: a rate allows the call later than that.
            Overloaded: all slots stayed taken.
        """
        if not (self._rate or self._tokens or self._slots):
            return Entry(0.0, tokens)
        entry = await self._keep_rates(patience, tokens)
        if self._slots is not None:
            with anyio.move_on_after(patience) as waiting:
                await self._slots.acquire()
            if waiting.cancelled_caught:
                self.settle(entry, 0)
                raise Overloaded(f"{self._name}: all slots were busy for {patience:g}s", code="concurrency")
        return entry

    def leave(self) -> None:
        """Give the slot back."""
        if self._slots is not None:
            self._slots.release()

    def settle(self, entry: Entry, tokens: int) -> None:
        """Say what a call took, now that it is known."""
        entry.tokens = tokens

    async def _keep_rates(self, patience: float, tokens: int) -> Entry:
        now = anyio.current_time()
        entry = Entry(now, tokens)
        if self._rate and len(self._starts) == self._rate:
            entry.start = max(now, self._starts[0] + self._per)
        what = f"{self._rate} calls a minute"
        if self._tokens and (later := self._enough(now, tokens)) > entry.start:
            entry.start, what = later, f"{self._tokens} tokens a minute"
        if entry.start - now > patience:
            message = f"{self._name}: {what}, the configured limit, are spoken for"
            raise RateLimited(message, code=OWN_LIMITS[0], retry_after=entry.start - now)
        if self._rate:
            self._starts.append(entry.start)  # taken before waiting: nobody overtakes
        if self._tokens:
            self._entries.append(entry)
        if entry.start > now:
            await anyio.sleep(entry.start - now)
        return entry

    def _enough(self, now: float, tokens: int) -> float:
        """Return when the window of tokens has room, behind all who wait for it already."""
        while self._entries and self._entries[0].start <= now - self._per:
            self._entries.popleft()
        start = max(now, self._entries[-1].start) if self._entries else now
        taken = sum(each.tokens for each in self._entries)
        for each in self._entries:
            if taken + tokens <= self._tokens:
                break
            start = max(start, each.start + self._per)
            taken -= each.tokens
        return start
