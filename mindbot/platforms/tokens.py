"""Access tokens that platforms lend for an hour or two: fetched once, shared, renewed early."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import anyio

from mindbot.domain import fields
from mindbot.domain.errors import AuthFailed, MindBotError, Overloaded, RateLimited, VendorError
from mindbot.domain.shared import Shared
from mindbot.platforms.before_sending import unsent

_LONGEST = 86_400.0  # seconds; all platforms lend for less
_PROVEN = 60.0  # seconds for which a fetched token proves that the credentials are good


class Lent(NamedTuple):
    """A token and for how many seconds it was lent."""

    token: str
    lifetime: float


def lent(token: object, seconds: object, call: str) -> Lent:
    """Return what an answer lends; raises Overloaded where it holds no token that lives for a while."""
    found, lifetime = fields.text(token), fields.number(seconds)
    if not found or lifetime <= 0:
        raise Overloaded(f"{call}: the answer holds no token")
    return Lent(found, min(lifetime, _LONGEST))


class Held(NamedTuple):
    """A refusal that is remembered: seconds since it came, and until the platform is asked again."""

    since: float
    left: float


class TokenCache:
    """One token for everybody, one fetch at a time. A fetch that fails has sent nothing of a message.

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
        self._fetched_at = 0.0
        self._proving = False
        self._fetches = 0
        self._error: MindBotError | None = None
        self._held_until = 0.0
        self._failed_at = 0.0

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

    def held(self, error: MindBotError) -> Held | None:
        """Return since when and for how long ``error``, raised by `get`, stands for an answer; None when the
        next `get` asks."""
        now = self._clock()
        if error is not self._error or now >= self._held_until:
            return None
        return Held(now - self._failed_at, self._held_until - now)

    def prove(self) -> None:
        """Have the next `get` ask again, after a refusal too: somebody has mended something.

        A token fetched within the last minute is proof enough. Until the answer is there the old token
        serves the others; it is given up when the credentials are refused.
        """
        if self._error or not self._token or self._clock() - self._fetched_at > _PROVEN:
            self._error = None
            self._held_until = self._renew_at = 0.0
            self._proving = True

    async def _renew(self) -> str:
        self._fetches += 1
        self._error = None
        try:
            self._token, lifetime = await self._fetch()
        except MindBotError as error:
            wait = self._hold_after(error)
            if self._proving and isinstance(error, AuthFailed):
                self._token = ""
            self._proving = False
            if self._valid():
                self._renew_at = min(self._ends_at, self._clock() + max(wait, self._hold))
                return self._token
            self._error = unsent(_of_the_token(error))
            self._failed_at = self._clock()
            self._held_until = self._failed_at + wait
            raise self._error  # noqa: B904 - with its cause
        self._proving = False
        self._fetched_at = self._clock()
        self._ends_at = self._fetched_at + lifetime
        self._renew_at = self._ends_at - min(self._lead, lifetime / 2)
        return self._token

    def _valid(self) -> bool:
        return bool(self._token) and self._clock() < self._ends_at

    def _hold_after(self, error: MindBotError) -> float:
        if isinstance(error, RateLimited):
            return error.retry_after
        return 0.0 if error.retryable else self._hold


def _of_the_token(error: MindBotError) -> MindBotError:
    """Return a refusal of a token as such: it says nothing against the message that the token was for."""
    if error.retryable or isinstance(error, AuthFailed):
        return error
    code = error.code if isinstance(error, VendorError) else ""
    found = AuthFailed(error.message, hint=error.hint, code=code)
    found.__cause__ = error
    return found


class AppTokens:
    """The access token of one app, shared by all its senders in this process.

    Whoever names the same app and holds the same secret gets the same `TokenCache`. The secret is read late,
    again after each `renew` and after a refusal; the key holds its hash alone.
    """

    def __init__(
        self,
        shared: Shared,
        app: tuple[str, ...],
        secret: Callable[[], Awaitable[str]],
        fetch: Callable[[str], Awaitable[Lent]],
    ) -> None:
        """``app`` is the platform, its address and the app's id there. ``secret`` raises AuthFailed where
        there is none; ``fetch`` asks for a token with it."""
        self._shared = shared
        self._app = app
        self._secret = secret
        self._fetch = fetch
        self._cache: TokenCache | None = None
        self._stale = True
        self._proving = False

    def renew(self) -> None:
        """Read the secret anew and ask the platform again before the next token is given out."""
        self._stale = self._proving = True

    async def get(self) -> str:
        """Return a valid token; raises AuthFailed, VendorError."""
        cache = self._cache
        if cache is None or self._stale:
            cache = await self._find()
        try:
            return await cache.get()
        except AuthFailed:
            self._stale = True
            raise

    def drop(self, token: str) -> None:
        """Forget a token that the platform does not accept any more; a newer one is kept."""
        if self._cache is not None:
            self._cache.drop(token)

    def held(self, error: MindBotError) -> Held | None:
        """Return how old an error of `get` is and for how long nobody asks again; None when `get` asked."""
        return self._cache.held(error) if self._cache is not None else None

    async def _find(self) -> TokenCache:
        secret = await self._secret()
        fetch = self._fetch
        key = ("token", *self._app, hashlib.sha256(secret.encode()).hexdigest())
        cache = self._cache = self._shared.of(key, lambda: TokenCache(lambda: fetch(secret)))
        self._stale = False
        if self._proving:
            self._proving = False
            cache.prove()
        return cache
