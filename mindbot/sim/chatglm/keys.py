"""Who may call: a key as it is, or a JWT made of the key's two halves.

Source: zai-sdk 0.2.3, `core/_jwt_token`: HS256 with ``sign_type`` SIGN in the header; ``api_key``,
``exp`` and ``timestamp`` in the claims, in milliseconds. Both ways are accepted.
"""

from __future__ import annotations

import hmac
from hashlib import sha256

from mindbot.sim.models.jwt import take_apart


def objection(authorization: str, key: str, now: float) -> str:
    """Return the code with which an ``Authorization`` header is refused; empty when it is good.

    ``now`` is a unix time in seconds.
    """
    scheme, _, token = authorization.partition(" ")
    if not token:
        return "1001"
    if scheme.lower() != "bearer":
        return "1002"
    if token.count(".") != 2:
        return "" if hmac.compare_digest(token.encode(), key.encode()) else "1002"
    return _of_token(token, key, now)


def _of_token(token: str, key: str, now: float) -> str:
    try:
        found = take_apart(token)
    except ValueError:
        return "1002"
    identity, _, secret = key.partition(".")
    kind = (found.header.get("alg"), found.header.get("sign_type"))
    if kind != ("HS256", "SIGN") or found.claims.get("api_key") != identity:
        return "1002"
    if not hmac.compare_digest(hmac.digest(secret.encode(), found.signed, sha256), found.signature):
        return "1004"
    expires = found.claims.get("exp")
    # Seconds, taken for milliseconds, are long past.
    return "" if isinstance(expires, int) and expires > now * 1000 else "1003"
