"""Our own limits on a provider: calls at once and calls a minute."""

from __future__ import annotations

from collections import deque

import anyio

from mindbot.domain.errors import Overloaded, RateLimited


class CallLimits:
    """Callers wait their turn; one that would wait longer than it can is told at once. 0 means no limit.

    ``per`` is the length of the rate's window in seconds.
    """

    def __init__(self, name: str, *, concurrency: int = 0, rate: int = 0, per: float = 60.0) -> None:
        self._name = name
        self._slots = anyio.Semaphore(concurrency, fast_acquire=True) if concurrency else None
        self._rate = rate
        self._per = per
        self._starts: deque[float] = deque(maxlen=rate)  # of the latest calls, some of them in the future

    async def enter(self, patience: float) -> None:
        """Wait for a slot and for the rate, at most ``patience`` seconds each. Pair with `leave`.

        Raises:
            RateLimited: the rate allows the call later than that.
            Overloaded: all slots stayed taken.
        """
        if self._rate:
            await self._keep_rate(patience)
        if self._slots is not None:
            with anyio.move_on_after(patience) as waiting:
                await self._slots.acquire()
            if waiting.cancelled_caught:
                raise Overloaded(f"{self._name}: all slots were busy for {patience:g}s", code="concurrency")

    def leave(self) -> None:
        """Give the slot back."""
        if self._slots is not None:
            self._slots.release()

    async def _keep_rate(self, patience: float) -> None:
        now = anyio.current_time()
        start = now
        if len(self._starts) == self._rate:
            start = max(now, self._starts[0] + self._per)
        if start - now > patience:
            message = f"{self._name}: {self._rate} calls a minute, the configured limit, are spoken for"
            raise RateLimited(message, code="configured_limit", retry_after=start - now)
        self._starts.append(start)  # taken before waiting: nobody overtakes
        if start > now:
            await anyio.sleep(start - now)
