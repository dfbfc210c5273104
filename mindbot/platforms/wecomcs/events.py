"""What the system and people tell: failures and recalls are noted where they belong, all of it is kept.

Source: WeCom developer centre, "Receiving messages and events" (path/94670).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mindbot.domain import fields
from mindbot.domain.abilities import Silence
from mindbot.domain.host import Host
from mindbot.domain.message import Json, Message, Part
from mindbot.platforms.wecomcs.budget import Budget
from mindbot.platforms.wecomcs.say import delivery_of

if TYPE_CHECKING:
    from mindbot.platforms.wecomcs.settings import WeComCsSettings

_SKEW = 10.0  # seconds by which WeCom's clock and ours may differ
_TWO_DAYS = 48 * 3600.0
_TOO_MANY = 6

#: What `fail_type` of msg_send_fail means.
FAILURES = {
    1: "the customer service account was deleted",
    2: "the app is closed",
    4: "more than 48 hours since the customer wrote",
    5: "the conversation has ended",
    _TOO_MANY: "more than five messages since the customer wrote",
    7: "no bound channels account",
    8: "the enterprise is not verified",
    9: "no bound channels account",
    10: "the customer refuses messages",
    11: "no member is logged in to WeCom",
    12: "this kind of message is forbidden",
    13: "a security limit",
}


class Events:
    """The events of one bot."""

    def __init__(
        self, host: Host, budget: Budget, settings: WeComCsSettings, clock: Callable[[], float]
    ) -> None:
        self._host = host
        self._budget = budget
        self._settings = settings
        self._clock = clock

    def greeting(self, message: Message) -> Sequence[Part]:
        """Return the answer to an event that brings a code for one and is configured to be answered."""
        text, code, ends = self._answer(message)
        return (Part("text", text, {"code": code, "until": ends}),) if text and self._clock() <= ends else ()

    def answer_until(self, message: Message) -> float:
        """Return when (Unix seconds) the code for an event's answer ends; infinity for no code."""
        return self._answer(message)[2] - _SKEW

    def _answer(self, message: Message) -> tuple[str, str, float]:
        """Return what an event is answered with, the code for it, and when that ends (Unix seconds)."""
        event = message.parts[0].data if message.parts else {}
        s = self._settings
        text, code, valid = "", fields.text(event.get("msg_code")), 0.0
        match event.get("event_type"), fields.whole(event.get("change_type")):
            case "enter_session", _:
                text, code, valid = s.welcome_message, fields.text(event.get("welcome_code")), 20.0
            case "session_status_change", 1:
                text, valid = s.taken_message, _TWO_DAYS
            case "session_status_change", 3:
                text, valid = s.ended_message, 20.0
        return (text, code, message.ts + valid + _SKEW) if text and code else ("", "", math.inf)

    async def silence(self, message: Message) -> Silence | None:
        """Note what an event says of earlier turns; returns why it is not answered, None where it may be.

        Raises:
            StoreError: it could not be noted.
        """
        part = message.parts[0] if message.parts else Part("event")
        if part.kind != "event":  # somebody said something in the bot's place
            heard = part.data.get("origin") == "servicer"
            who = f"a servicer ({message.sender})" if heard else "the system"
            return Silence(f"said by {who}", heard="assistant" if heard else "")
        event = part.data
        match event.get("event_type"):
            case "msg_send_fail":
                return Silence(await self._failed(event, message.reply_to))
            case "user_recall_msg":
                return Silence(await self._recalled(event, message.ts, "the customer"))
            case "servicer_recall_msg":
                who = f"a servicer ({event.get('servicer_userid', '?')})"
                return Silence(await self._recalled(event, message.ts, who))
        text, _, ends = self._answer(message)
        if not text:
            return Silence(described(event))
        late = self._clock() - ends
        return Silence(f"{described(event)}: its code ended {late + _SKEW:.0f}s ago") if late > 0 else None

    async def _failed(self, event: Json, to: Json) -> str:
        number = fields.whole(event.get("fail_type"))
        reason = FAILURES.get(number, "unknown reason")
        if number == _TOO_MANY:
            await self._budget.exhaust(to)
        if delivery := delivery_of(fields.text(event.get("fail_msgid"))):
            await self._host.told(delivery, {"failed": reason, "fail_type": number})
        return f"not delivered: {reason} ({delivery or 'no message of this bot'})"

    async def _recalled(self, event: Json, at: float, by: str) -> str:
        turn = await self._host.keep.turn_of(fields.text(event.get("recall_msgid")))
        if turn:
            await self._host.told(turn, {"recalled": at, "by": by})
        return f"{by} recalled a message ({f'turn {turn}' if turn else 'not in the inbox'})"


def described(event: Json) -> str:
    """Return an event in words, for the reason of a turn that nobody answers."""
    type = fields.text(event.get("event_type")) or "event"
    old, new, servicer = (fields.text(event.get(f"{name}servicer_userid")) for name in ("old_", "new_", ""))
    change, status, switch = (fields.whole(event.get(n)) for n in ("change_type", "status", "reject_switch"))
    match type, change, status, switch:
        case "enter_session", *_:
            scene = fields.text(event.get("scene"))
            return f"the customer opened the chat{f' (scene {scene})' if scene else ''}"
        case "session_status_change", 1, _, _:
            return f"{new} took the conversation from the pool"
        case "session_status_change", 2, _, _:
            return f"the conversation went from {old} to {new}"
        case "session_status_change", 3, _, _:
            return f"the conversation has ended{f' (with {old})' if old else ''}"
        case "session_status_change", 4, _, _:
            return f"{new} took up the conversation again"
        case "servicer_status_change", _, status, _:
            return f"servicer {servicer} {'takes' if status == 1 else 'takes no'} conversations"
        case "reject_customer_msg_switch_change", _, _, switch:
            return f"servicer {servicer} {'refuses' if switch == 1 else 'allows'} messages of customers"
    return f"event {type}"
