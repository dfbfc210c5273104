"""Access tokens that platforms lend for an hour or two: fetched once, shared, renewed early."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import anyio

from mindbot.domain.errors import MindBotError, RateLimited


class Lent(NamedTuple):
    """A token and for how many seconds it was lent."""

    token: str
    lifetime: float


class TokenCache:
    """One token for everybody, one fetch at a time.

    A token is renewed ``lead`` seconds before its end, or half way where it lives shorter than twice that;
    as long as it is valid, a failing renewal is no reason to stop. Those who waited for a failed fetch share
    its error instead of asking again, and after a refusal nobody asks for ``hold`` seconds: platforms ban
    callers who go on with a wrong secret.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[Lent]],
        *,
        lead: float = 300.0,
        hold: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._lead = lead
        self._hold = hold
        self._clock = clock
        self._lock = anyio.Lock()
        self._token = ""
        self._renew_at = 0.0
        self._ends_at = 0.0
        self._fetches = 0
        self._error: MindBotError | None = None
        self._held_until = 0.0

    async def get(self) -> str:
        """Return a valid token, fetching it where needed; raises what ``fetch`` raises."""
        if self._token and self._clock() < self._renew_at:
            return self._token
        if self._valid() and self._lock.locked():
            return self._token  # somebody renews it already
        seen = self._fetches
        async with self._lock:
            if self._token and self._clock() < self._renew_at:
                return self._token
            if self._error and (self._fetches != seen or self._clock() < self._held_until):
                raise self._error.with_traceback(None)
            return await self._renew()

    def drop(self, token: str) -> None:
        """Forget a token that the platform does not accept any more; a newer one is kept."""
        if token == self._token:
            self._token = ""

    async def _renew(self) -> str:
        self._fetches += 1
        self._error = None
        try:
            self._token, lifetime = await self._fetch()
        except MindBotError as error:
            wait = self._hold_after(error)
            if self._valid():
                self._renew_at = min(self._ends_at, self._clock() + max(wait, self._hold))
                return self._token
            self._error = error
            self._held_until = self._clock() + wait
            raise
        self._ends_at = self._clock() + lifetime
        self._renew_at = self._ends_at - min(self._lead, lifetime / 2)
        return self._token

    def _valid(self) -> bool:
        return bool(self._token) and self._clock() < self._ends_at

    def _hold_after(self, error: MindBotError) -> float:
        if isinstance(error, RateLimited):
            return error.retry_after
        return 0.0 if error.retryable else self._hold
