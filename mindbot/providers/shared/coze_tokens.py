"""Coze's tokens: a personal one is shown as it is, an OAuth app's private key is exchanged for one.

Sources: coze.cn "OAuth JWT"; cozepy 0.20.0, `auth`. ``expires_in`` is a unix time there, not a span.
"""

from __future__ import annotations

import secrets as random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import anyio

from mindbot.domain.errors import Overloaded
from mindbot.domain.message import Json
from mindbot.providers.shared.jwt import rs256
from mindbot.providers.shared.secrets import bare_key

_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_PATH = "/api/permission/oauth2/token"
_SIGNED_FOR = 600  # seconds a signed request for a token is good for; an hour at most
_LIFE = 3600  # seconds a token is asked for
_EARLY = 60.0  # seconds before its end a token is no longer used
_SPAN = 1_000_000_000  # what is less is no time of our days but a span

#: Posts (url, body, headers) and returns the JSON that comes back; raises VendorError.
Post = Callable[[str, Json, Mapping[str, str]], Awaitable[Any]]


def root_of(base_url: str) -> str:
    """Return the address under which all versions of the API are."""
    return base_url.rstrip("/").removesuffix("/v1").removesuffix("/v3")


def told(name: str, doc: Any, field: str) -> str:
    """Return a text that an answer holds; ``name`` is whom operators know. Raises Overloaded."""
    if isinstance(doc, dict) and isinstance(value := doc.get(field), str) and value:
        return value
    raise Overloaded(f"{name}: an answer without {field}", code="garbage")


class CozeTokens:
    """See the module. With an ``app`` and the ``fingerprint`` of its public key, keys are private ones (PEM).

    ``clock`` is seconds since the epoch.
    """

    def __init__(
        self, name: str, root: str, post: Post, *, app: str, fingerprint: str, clock: Callable[[], float]
    ) -> None:
        self._name = name
        self._root = root
        self._post = post
        self._app = app
        self._fingerprint = fingerprint
        self._clock = clock
        self._token = ("", 0.0)  # and until when it is used
        self._renewing = anyio.Lock()

    @property
    def exchanges(self) -> bool:
        """Whether what is shown is not the key itself."""
        return bool(self._app)

    def clean(self, key: str) -> str:
        """Return a key as it is used; a private key keeps its lines. Raises SecretError."""
        return key.replace("\\n", "\n").strip() if self._app else bare_key(key)

    def forget(self) -> None:
        """Drop the token: it may have been revoked before its time."""
        self._token = ("", 0.0)

    async def shown(self, key: str) -> str:
        """Return what is shown for a key; one fetches a token for all who wait.

        Raises:
            VendorError: it was refused.
            SecretError: the key is no private key.
        """
        if not self._app:
            return key
        async with self._renewing:
            token, until = self._token
            now = self._clock()
            if now < until:
                return token
            doc = await self._post(
                f"{self._root}{_PATH}",
                {"duration_seconds": _LIFE, "grant_type": _GRANT},
                {"Authorization": f"Bearer {self._signed(key, now)}"},
            )
            token = told(self._name, doc, "access_token")
            ends = doc.get("expires_in")
            if not isinstance(ends, int | float):
                ends = _LIFE
            self._token = (token, (ends if ends >= _SPAN else now + ends) - _EARLY)
            return token

    def _signed(self, key: str, now: float) -> str:
        claims = {
            "iss": self._app,
            "aud": urlsplit(self._root).netloc,
            "iat": int(now),
            "exp": int(now) + _SIGNED_FOR,
            "jti": random.token_hex(16),
        }
        return rs256({"typ": "JWT", "kid": self._fingerprint}, claims, key)
