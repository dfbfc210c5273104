"""Shares of users: who is among them is the same tomorrow, on another machine, after a restart."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

_PLACES = 1 << 64


def place(salt: str, who: str) -> float:
    """Return where somebody stands between 0 and 100, by a hash: users are spread evenly.

    ``salt`` keeps the shares of different rules and workflows apart.
    """
    digest = blake2b(who.encode("utf-8", "replace"), digest_size=8, key=_key(salt)).digest()
    return int.from_bytes(digest, "big") / _PLACES * 100


def _key(salt: str) -> bytes:
    return blake2b(salt.encode("utf-8", "replace"), digest_size=16).digest()


def among(salt: str, who: str, percent: float) -> bool:
    """Whether somebody is in a share. Whoever is in one of 10 percent is also in one of 20."""
    return percent >= 100 or (percent > 0 and place(salt, who) < percent)


def chosen(workflow: str, shares: Mapping[str, float], who: str) -> str:
    """Return who answers in a workflow's place; the workflow itself for those in no share.

    Shares stand one after the other, as they are written; one that grows keeps whom it had where it is the
    last of them.
    """
    if not shares:
        return workflow
    at, end = place(f"split:{workflow}", who), 0.0
    for other, percent in shares.items():
        end += percent
        if at < end:
            return other
    return workflow


def shadows(workflow: str, shares: Mapping[str, float], who: str) -> tuple[str, ...]:
    """Return the workflows that get a message too; each share is drawn by itself."""
    return tuple(
        other for other, percent in shares.items() if among(f"shadow:{workflow}:{other}", who, percent)
    )
