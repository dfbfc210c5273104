"""Cards with buttons and forms: what they do is on disk, a press is taken once.

Sources: "Event callback of cards" (open.dingtalk.com/document/development/event-callback-card): answer within
two seconds, and change the card by the answer; the template is the official Python SDK's (PyPI
dingtalk-stream).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.errors import AuthFailed, VendorError
from mindbot.domain.host import Host
from mindbot.domain.message import Json, Message, Part
from mindbot.platforms.dingtalk import cards, say
from mindbot.platforms.dingtalk.client import Client

_TEMPLATE = "1366a1eb-bc54-4859-ac88-517c56a9acb1.schema"

#: Says one planned message plainly.
Say = Callable[[Sequence[Part], Delivery], Awaitable[Sent]]


class Buttons:
    """The cards of one bot. Their state is kept for ``settings.card_ttl`` seconds."""

    def __init__(
        self, client: Client, settings: Any, host: Host, bot: str, clock: Callable[[], float]
    ) -> None:
        self._client = client
        self._settings = settings
        self._keep = host.keep
        self._bot = bot
        self._clock = clock

    async def send(self, delivery: Delivery, say_plainly: Say) -> Sent:
        """Send a card; where there can be none, its text with numbered choices. Raises VendorError.

        What its buttons do is on disk before anybody can press one.
        """
        part, to = delivery.parts[0], delivery.to
        as_text = Part("text", say.options(part), {"was": "card"})
        buttons = part.data.get("buttons") or ()
        if "form" not in part.data and all(button.get("url") for button in buttons):
            return await say_plainly([part], delivery)
        if not cards.can_show(to):
            return await say_plainly([as_text], delivery)
        track = f"mbc-{delivery.id}"
        state = {"part": part.to_json(), "to": to, "session": delivery.session, "pressed": None}
        await self._keep.put(f"card:{track}", state, ttl=self._settings.card_ttl)
        template = self._settings.button_template_id or _TEMPLATE
        try:
            await cards.deliver(self._client, track, template, _params(part), to)
        except VendorError as error:
            if error.retryable or isinstance(error, AuthFailed):
                raise
            await self._keep.put(f"card:{track}", None)
            sent = await say_plainly([as_text], delivery)
            return Sent(sent.id, {**sent.notes, "card_error": str(error)})
        return Sent(track, {"card": track})

    async def pressed(self, track: str, press: Json, raw: str) -> Json:
        """Take a press: the first one is a message of the session, later ones are shown what it was.

        Returns the answer to the callback. Raises StoreError; the press then comes again.
        """
        key = f"card:{track}"
        state = await self._keep.get(key)
        if state is None:
            return _shows({"tips": "已过期 (expired)"})
        part = Part.from_json(state["part"])
        if state["pressed"] is None:
            state["pressed"] = press
            await self._keep.receive([self._message(track, state, part, raw)], {key: state})
        button = _button(part, state["pressed"]["action"])
        return _shows(_params(part, tips=f"✓ {button.get('text', '')}", pressed=True))

    def _message(self, track: str, state: Json, part: Part, raw: str) -> Message:
        press, to, now = state["pressed"], state["to"], self._clock()
        button = _button(part, press["action"])
        text = str(button.get("value") or button.get("text") or press["action"])
        facts = {"card": track, "action": press["action"], "params": press["params"]}
        return Message(
            platform="dingtalk",
            bot=self._bot,
            key=f"press:{track}",
            session=state["session"],
            sender=press["user"],
            kind="text",
            parts=(Part("text", text, facts),),
            reply_to={**to, "user": to.get("user") or press["user"]},
            raw=raw,
            chat=str(to.get("conversation") or press["user"]),
            ts=now,
            received=now,
        )


def _button(part: Part, action: str) -> Json:
    """Return the button of an id; buttons without one are numbered."""
    for n, button in enumerate(part.data.get("buttons") or ()):
        if str(button.get("id", n)) == action:
            return dict(button)
    return {"text": action}


def _params(part: Part, *, tips: str = "", pressed: bool = False) -> dict[str, str]:
    """Return the card's variables; the buttons are gone once one was ``pressed``."""
    buttons = [
        {"text": str(b.get("text", "")), "id": str(b.get("id", n)), "color": "blue", "request": True}
        | ({"url": b["url"]} if b.get("url") else {})
        for n, b in enumerate(part.data.get("buttons") or ())
    ]
    more = {str(k): str(v) for k, v in (part.data.get("params") or {}).items()}
    if (form := part.data.get("form")) is not None:
        more["form"] = json.dumps(form, ensure_ascii=False)
    full = json.dumps({"msgButtons": [] if pressed else buttons}, ensure_ascii=False)
    title = str(part.data.get("title") or "")
    return {"markdown": part.text, "title": title, "tips": tips, "sys_full_json_obj": full} | more


def _shows(params: dict[str, str]) -> Json:
    return {"cardUpdateOptions": {"updateCardDataByKey": True}, "cardData": {"cardParamMap": params}}
