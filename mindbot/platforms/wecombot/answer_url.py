"""The one message that a callback's ``response_url`` takes, for what its stream cannot say.

Source: WeCom developer centre, "Active reply" of AI bots (path/101138): once, within an hour, Markdown or, in
one-to-one chats, a card.
"""

from __future__ import annotations

from collections.abc import Callable

from mindbot.domain import fields, ids
from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import Rejected
from mindbot.domain.host import Host
from mindbot.domain.message import Json
from mindbot.platforms.wecom_shared.errors import answer_of, code_of
from mindbot.platforms.wecombot.errors import error_for

TTL = 3600.0  # seconds
_TIMEOUT = 10.0
_CALL = "aibot/response"


class AnswerUrl:
    """Which delivery of a turn took the URL is on disk before it is called."""

    def __init__(self, host: Host, clock: Callable[[], float]) -> None:
        self._host = host
        self._clock = clock

    async def used(self, turn: str) -> int | None:
        """Return the place of the delivery that took the URL; None while none did. Raises StoreError."""
        kept = await self._host.keep.get(f"url:{turn}")
        return int(kept["n"]) if kept else None

    async def post(self, delivery: Delivery, body: Json) -> str:
        """Say something by it; returns an id of our own: WeCom gives none.

        Raises:
            VendorError: Rejected when there is no URL, or it is over or used.
        """
        url, asked = fields.text(delivery.to.get("response_url")), fields.number(delivery.to.get("asked"))
        turn = ids.show(delivery.turn)
        if not url:
            hint = "in webhook mode the bot can only answer; in connection mode it can also speak first"
            raise Rejected("nobody polls for this answer, and there is no response_url", hint=hint)
        if self._clock() - asked > TTL:
            hint = "it works for one hour; the user must write again"
            raise Rejected("nobody polls for this answer any more, and its response_url is over", hint=hint)
        used = await self.used(turn)
        if used not in (None, delivery.n):
            hint = "it takes one message, and another part of this reply was it"
            raise Rejected("the response_url is used", hint=hint)
        if used is None:
            await self._host.keep.put(f"url:{turn}", {"n": delivery.n}, ttl=2 * TTL)
        try:
            await self._call(url, body)
        except Rejected:
            if used is None or not delivery.again:
                raise  # an earlier attempt would not have been refused for being the second
        return f"url-{delivery.id}"

    async def _call(self, url: str, body: Json) -> None:
        response = await self._host.http.request("POST", url, json=body, timeout=_TIMEOUT)
        answer = answer_of(response, _CALL)
        if code := code_of(answer):
            raise error_for(code, fields.text(answer.get("errmsg")), _CALL)
