"""Coze's tokens: a personal one, and those that a signed JWT is exchanged for.

Source: cozepy 0.20.0, `auth`; coze.cn "OAuth JWT". ``expires_in`` is a unix time there, not a span.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from mindbot.domain.message import Json
from mindbot.sim.models.jwt import take_apart
from mindbot.sim.models.refusals import ModelApiError

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LONGEST_JWT = 3600  # seconds
_DURATIONS = range(900, 86_400)


@cache
def _key_pair() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_key() -> str:
    """Return the private key of the simulated OAuth app, as PEM; made once in a process."""
    kind = serialization.PrivateFormat.PKCS8
    return _key_pair().private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()).decode()


def oauth_refused(code: str, message: str) -> ModelApiError:
    """Return a refusal of the token endpoint, which has a shape of its own."""
    return ModelApiError(401, {"error_code": code, "error_message": message})


class TokenDesk:
    """The OAuth app's tokens. ``personal`` is good for ever, the others until they expire or are revoked."""

    def __init__(self, personal: str, app_id: str, key_id: str, clock: Callable[[], float]) -> None:
        self._personal = personal
        self._app_id = app_id
        self._key_id = key_id
        self._clock = clock
        self._tokens: dict[str, float] = {}
        self._used: set[str] = set()

    def knows(self, authorization: str) -> bool:
        """Tell whether an ``Authorization`` header lets one in."""
        token = authorization.removeprefix("Bearer ")
        if token == authorization:
            return False
        return token == self._personal or self._tokens.get(token, 0) > self._clock()

    def revoke(self) -> int:
        """End all tokens that were exchanged; returns how many."""
        ended = len(self._tokens)
        self._tokens.clear()
        return ended

    def exchange(self, authorization: str, body: Json, host: str) -> Json:
        """Give a token for a signed JWT; ``host`` is the name under which the caller reached us.

        Raises:
            ModelApiError: the JWT or the request is not in order.
        """
        if body.get("grant_type") != GRANT:
            raise oauth_refused("unsupported_grant_type", "unsupported grant type")
        duration = body.get("duration_seconds") or 900
        if duration not in _DURATIONS:
            raise oauth_refused("invalid_request", "duration_seconds must be from 900 to 86399")
        self._check(authorization.removeprefix("Bearer "), host)
        token = f"czu_{secrets.token_hex(24)}"
        self._tokens[token] = self._clock() + duration
        return {"access_token": token, "expires_in": int(self._tokens[token]), "token_type": "Bearer"}

    def _check(self, token: str, host: str) -> None:
        try:
            found = take_apart(token)
            kind = padding.PKCS1v15()
            _key_pair().public_key().verify(found.signature, found.signed, kind, hashes.SHA256())
        except (ValueError, InvalidSignature) as exc:
            raise oauth_refused("invalid_client", "the JWT is not signed by the app's key") from exc
        now, header, said = self._clock(), found.header, found.claims
        expires, issued = said.get("exp", 0), said.get("iat", 0)
        wrong = {
            "alg": header.get("alg") != "RS256",
            "kid": header.get("kid") != self._key_id,
            "iss": said.get("iss") != self._app_id,
            "aud": said.get("aud") != host,
            "exp": not now < expires <= issued + _LONGEST_JWT,
            "jti": not said.get("jti") or said["jti"] in self._used,
        }
        if names := [name for name, bad in wrong.items() if bad]:
            raise oauth_refused("invalid_client", f"the JWT's {', '.join(names)} cannot be accepted")
        self._used.add(said["jti"])
