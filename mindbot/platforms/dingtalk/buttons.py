"""Cards with buttons and forms: what they do is on disk, a press is taken once.

Sources: "Event callback of cards" (open.dingtalk.com/document/development/event-callback-card): answer within
two seconds and change the card by the answer, not by a call meanwhile; the template with buttons is the
official Python SDK's (PyPI dingtalk-stream). Whether a callback without an answer comes again is in no page.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

import anyio
import structlog
from anyio.abc import TaskGroup

from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.errors import AuthFailed, Invalid, StoreError, VendorError
from mindbot.domain.host import Host
from mindbot.domain.message import Json, Message, Part
from mindbot.platforms.card_ledger import CardLedger, SentCard
from mindbot.platforms.dingtalk import cards, say, wire
from mindbot.platforms.dingtalk.client import DingTalkClient

if TYPE_CHECKING:
    from mindbot.platforms.dingtalk.settings import DingTalkSettings

log = structlog.get_logger("mindbot.platforms.dingtalk")

_TEMPLATE = "1366a1eb-bc54-4859-ac88-517c56a9acb1.schema"
_ANSWER = 1.7  # seconds until the callback must be answered; DingTalk waits two

EXPIRED = "已过期 (expired)"

#: Says one planned message plainly.
Say = Callable[[Sequence[Part], Delivery], Awaitable[Sent]]


class _Taken:
    """What became of a press, once it is known: what the card shows then, or that it is not on disk."""

    def __init__(self) -> None:
        self.done = anyio.Event()
        self.late = False
        self.shows: dict[str, str] | None = None


class ButtonCards:
    """The cards of one bot. Their state is kept for ``settings.card_ttl`` seconds."""

    def __init__(
        self,
        client: DingTalkClient,
        settings: DingTalkSettings,
        host: Host,
        bot: str,
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._settings = settings
        self._ledger: CardLedger[wire.CardPress] = CardLedger(host.keep, settings.card_ttl)
        self._bot = bot
        self._clock = clock

    async def send(self, delivery: Delivery, say_plainly: Say) -> Sent:
        """Send a card; where there can be none, its text with its choices. Raises VendorError.

        What its buttons do is on disk before anybody can press one.
        """
        part, to = delivery.parts[0], delivery.to
        as_text = Part("text", say.options(part), {"was": "card"})
        if not self.shows(delivery):
            return await say_plainly([as_text], delivery)
        track = f"mbc-{delivery.id}"
        await self._ledger.open(SentCard.of(delivery, track))
        try:
            carrier = await cards.deliver(self._client, track, self._template(part), _params(part), to)
        except VendorError as error:
            if error.retryable or isinstance(error, AuthFailed):
                raise
            await self._ledger.drop(track)
            delivery.notes.plain = True
            sent = await say_plainly([as_text], delivery)
            return Sent(sent.id, {**sent.notes, "card_error": str(error)})
        return Sent(track, {"card": track, "carrier": carrier})

    def _template(self, part: Part) -> str:
        if "form" in part.data:
            return self._settings.form_template_id
        return self._settings.button_template_id or _TEMPLATE

    def makes(self, delivery: Delivery) -> bool:
        """Tell whether a delivery is a card to press: one whose buttons are links is an ordinary message."""
        if len(delivery.parts) != 1 or delivery.parts[0].kind != "card":
            return False
        data = delivery.parts[0].data
        return "form" in data or not all(button.get("url") for button in data.get("buttons") or ())

    def shows(self, delivery: Delivery) -> bool:
        """Tell whether a delivery goes out as a card: one that cannot is said in words."""
        possible = self.makes(delivery) and cards.can_show(delivery.to) and not delivery.notes.plain
        return possible and bool(self._template(delivery.parts[0]))

    async def pressed(self, track: str, press: wire.CardPress, raw: str, tasks: TaskGroup) -> Json | None:
        """Take a press: the first one is a message of the session, later ones are shown what it was.

        Returns the answer to the callback; None when it is not on disk in time. It is not acknowledged then,
        so that nobody believes it was taken who should not; when it does get on disk, the card is changed by
        a call, and a press that comes again finds it taken.
        """
        taken = _Taken()
        tasks.start_soon(self._take, track, press, raw, taken)
        with anyio.move_on_after(_ANSWER):
            await taken.done.wait()
        if not taken.done.is_set():
            taken.late = True
            return None
        return None if taken.shows is None else _shows(taken.shows)

    async def _take(self, track: str, press: wire.CardPress, raw: str, taken: _Taken) -> None:
        try:
            async with self._ledger.pressing(track):
                taken.shows = await self._stored(track, press, raw)
        except StoreError as error:
            log.error("press not stored", card=track, error=str(error))
        finally:
            taken.done.set()
        if not taken.late or taken.shows is None:
            return
        log.warning("a press was stored too late to answer it", card=track)
        try:
            await cards.change(self._client, track, taken.shows)
        except VendorError as error:
            log.warning("the card does not show its late press", card=track, error=str(error))

    async def _stored(self, track: str, press: wire.CardPress, raw: str) -> dict[str, str]:
        """Put the first press on disk; returns what the card shows. Raises StoreError."""
        card = await self._ledger.find(track)
        if card is None:
            return {"tips": EXPIRED, "sys_full_json_obj": _full([])}
        if card.press(press):
            await self._ledger.record(card, [self._message(card, press, raw)])
        counted = card.pressed or press
        button = _button(card.part, counted["action"])
        return _params(card.part, tips=f"✓ {button.get('text', '')}", pressed=True)

    def _message(self, card: SentCard[wire.CardPress], press: wire.CardPress, raw: str) -> Message:
        part, to, now = card.part, card.to, self._clock()
        button = _button(part, press["action"])
        text = str(button.get("value") or button.get("text") or press["action"])
        parts = [card.said(text, press["action"], press["params"])]
        if "form" in part.data:
            parts[0].data["values"] = values = _values(part, press["params"])
            labels = say.form_fields(part)
            parts += [
                Part("text", f"{labels.get(k, k)}: {_word(v)}", {"field": k}) for k, v in values.items()
            ]
        return Message(
            platform="dingtalk",
            bot=self._bot,
            key=f"press:{card.id}",
            session=card.session,
            sender=press["user"],
            kind="text",
            parts=tuple(parts),
            reply_to={**to, "user": to.get("user") or press["user"]},
            raw=raw,
            chat=str(to.get("conversation") or press["user"]),
            ts=now,
            received=now,
        )


def _values(part: Part, params: Json) -> Json:
    """Return what was filled in: under ``form``, as an object or as text, or beside the button's own."""
    found = params.get("form", params)
    if isinstance(found, str):
        try:
            found = wire.content_of(found)
        except Invalid:
            found = params
    found = found if isinstance(found, dict) else params
    fields = say.form_fields(part)
    return {str(k): v for k, v in found.items() if k in fields or not fields}


def _word(value: Any) -> str:
    """Return a field's value as people read it; choices come as an object or a list."""
    if isinstance(value, dict):
        value = value.get("text") or value.get("value") or value
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _button(part: Part, action: str) -> Json:
    """Return the button of an id; buttons without one are numbered."""
    for n, button in enumerate(part.data.get("buttons") or ()):
        if str(button.get("id", n)) == action:
            return dict(button)
    return {"text": "" if "form" in part.data else action}


def _params(part: Part, *, tips: str = "", pressed: bool = False) -> dict[str, str]:
    """Return the card's variables; the buttons are gone once one was ``pressed``."""
    buttons = [
        {"text": str(b.get("text", "")), "id": str(b.get("id", n)), "color": "blue", "request": True}
        | ({"url": b["url"]} if b.get("url") else {})
        for n, b in enumerate(part.data.get("buttons") or ())
    ]
    more = {str(k): str(v) for k, v in (part.data.get("params") or {}).items()}
    if (form := part.data.get("form")) is not None:
        more |= {"form": json.dumps(form, ensure_ascii=False), "submitted": "true" if pressed else "false"}
    title = str(part.data.get("title") or "")
    full = _full([] if pressed else buttons)
    return {"markdown": part.text, "title": title, "tips": tips, "sys_full_json_obj": full} | more


def _full(buttons: list[Json]) -> str:
    return json.dumps({"msgButtons": buttons}, ensure_ascii=False)


def _shows(params: dict[str, str]) -> Json:
    return {"cardUpdateOptions": {"updateCardDataByKey": True}, "cardData": {"cardParamMap": params}}
