"""JSON web tokens taken apart, for vendors that take them as keys; what is in order is theirs to say."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

import orjson

from mindbot.domain.message import Json


@dataclass(frozen=True, slots=True)
class SignedToken:
    """A token in its parts. ``signed`` are the bytes that ``signature`` is of."""

    header: Json
    claims: Json
    signed: bytes
    signature: bytes


def take_apart(token: str) -> SignedToken:
    """Return a token's parts, unchecked; raises ValueError when it is none."""
    head, claims, signature = token.split(".")
    try:
        return SignedToken(_object(head), _object(claims), f"{head}.{claims}".encode(), _decoded(signature))
    except binascii.Error as exc:
        raise ValueError("no base64") from exc


def _object(part: str) -> Json:
    found = orjson.loads(_decoded(part))
    if isinstance(found, dict):
        return found
    raise ValueError("no object")


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
