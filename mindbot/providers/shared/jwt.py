"""Signed tokens (RFC 7519) with which some vendors want a key to be shown. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac

import orjson

from mindbot.domain.errors import SecretError
from mindbot.domain.message import Json


def hs256(header: Json, claims: Json, secret: str) -> str:
    """Return a token signed with a shared secret."""
    signed = _signed({"alg": "HS256", **header}, claims)
    return _with(signed, hmac.digest(secret.encode(), signed, hashlib.sha256))


def rs256(header: Json, claims: Json, private_key: str) -> str:
    """Return a token signed with an RSA key, given as PEM.

    Raises:
        SecretError: it is none.
    """
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    try:
        key = serialization.load_pem_private_key(private_key.encode(), password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        hint = "give the whole file, from -----BEGIN PRIVATE KEY----- on"
        raise SecretError("the private key is no RSA key in PEM", hint=hint)
    signed = _signed({"alg": "RS256", **header}, claims)
    return _with(signed, key.sign(signed, padding.PKCS1v15(), hashes.SHA256()))


def _signed(header: Json, claims: Json) -> bytes:
    return _encoded(orjson.dumps(header)) + b"." + _encoded(orjson.dumps(claims))


def _with(signed: bytes, signature: bytes) -> str:
    return (signed + b"." + _encoded(signature)).decode()


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
