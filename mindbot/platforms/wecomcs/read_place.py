"""The place up to which an account was read, and what becomes of it when it is lost.

It is kept as ``{"cursor"}``, with ``"since"`` (Unix seconds) until the end was reached once: what is older
stays unanswered. One that cannot be read, or that WeCom does not take, is not a first start: that would pass
what nobody has answered. The account is read from the oldest entry there is (three days), and what is in the
inbox already is recognised by its key and not answered again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from mindbot.domain import fields
from mindbot.domain.host import Keep
from mindbot.domain.message import Json

log = structlog.get_logger("mindbot.platforms.wecomcs")


def cursor_key(account: str) -> str:
    """Return where an account's place is kept."""
    return f"cursor:{account}"


def began_key(account: str) -> str:
    """Return where it is kept from when on an account's first start answered: ``{"since"}``."""
    return f"began:{account}"


@dataclass(frozen=True, slots=True)
class ReadPlace:
    """Behind ``cursor`` (empty: the oldest entry); what was sent before ``since`` is not answered."""

    cursor: str
    since: float = 0.0

    def to_json(self) -> Json:
        return {"cursor": self.cursor} | ({"since": self.since} if self.since else {})


class ReadPlaces:
    """The place of one account. ``first``: how old (seconds) what a first start answers may be; ``knows``
    returns since when (Unix seconds) the inbox recognises what came before."""

    def __init__(
        self, account: str, keep: Keep, clock: Callable[[], float], first: float, knows: Callable[[], float]
    ) -> None:
        self._account = account
        self._keep = keep
        self._clock = clock
        self._first = first
        self._knows = knows
        self.lost = 0  # times that it was

    async def get(self) -> ReadPlace:
        """Return where to go on; on disk before the first page, as who dies between two must find it."""
        key = cursor_key(self._account)
        kept = await self._keep.get(key)
        if kept is not None:
            place = _read(kept)
            return place or await self.again("what is kept of it has another form")
        if await self._keep.lost(key):
            return await self.again("it cannot be read in the database")
        place = ReadPlace("", self._clock() - self._first)
        await self._keep.put(began_key(self._account), {"since": place.since})
        await self._keep.put(key, place.to_json())
        return place

    async def again(self, why: str) -> ReadPlace:
        """Go back to the oldest entry there is; ``why`` says what happened to the place."""
        began = fields.number(fields.mapping(await self._keep.get(began_key(self._account))).get("since"))
        place = ReadPlace("", max(began, self._knows()))
        await self._keep.put(cursor_key(self._account), place.to_json())
        self.lost += 1
        log.warning(
            "the place in an account is lost",
            account=self._account,
            reason=why,
            hint="its entries of three days are read again; what is in the inbox is not answered again",
        )
        return place


def _read(kept: Any) -> ReadPlace | None:
    """Return a kept place; None when it is none."""
    cursor, since = kept.get("cursor"), kept.get("since", 0.0)
    if not isinstance(cursor, str) or isinstance(since, bool) or not isinstance(since, int | float):
        return None
    return ReadPlace(cursor, float(since))
