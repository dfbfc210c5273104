"""Frames of Stream mode: acks, robot messages, presses of buttons. Pure.

Sources: "Stream protocol" (open-dingtalk.github.io/developerpedia), "Receive messages" (open.dingtalk.com/
document), "Event callback of cards" (open.dingtalk.com/document/development/event-callback-card).
"""

from __future__ import annotations

import json
from typing import Any, TypedDict

from mindbot.domain import fields, plain
from mindbot.domain.errors import Invalid
from mindbot.domain.message import Json, Message
from mindbot.platforms.dingtalk import content
from mindbot.platforms.dingtalk.quotes import quotes

MESSAGES = "/v1.0/im/bot/messages/get"
#: What is written to a person for whom the robot stands in; known from the official Python SDK only.
DELEGATED = "/v1.0/im/bot/messages/delegate"
CARDS = "/v1.0/card/instances/callback"

#: Whose a message is, and how it is answered.
_ADDRESS = (
    "msgId",
    "conversationId",
    "conversationType",
    "senderStaffId",
    "senderId",
    "sessionWebhook",
    "sessionWebhookExpiredTime",
)


def ack(headers: Json, data: Json, code: int = 200) -> str:
    """Return the answer to a frame: its messageId, and ``data`` as JSON text."""
    return ack_text(headers, json.dumps(data), code)


def ack_text(headers: Json, data: str, code: int = 200) -> str:
    """Return the answer to a frame with ``data`` as it is.

    In ASCII: the messageId and what a ping brings may hold half a surrogate pair, and go back as they came.
    """
    frame = {
        "code": code,
        "headers": {
            "messageId": fields.text(headers.get("messageId")),
            "contentType": "application/json",
        },
        "message": "OK" if code == 200 else "not stored, send it again",
        "data": data,
    }
    return json.dumps(frame)


def content_of(data: Any) -> Json:
    """Return a frame's ``data``, which is JSON as text; see `mindbot.domain.plain` for what is changed.

    Raises:
        Invalid: it is no object.
    """
    try:
        found = plain.loads(data) if isinstance(data, str) else plain.plain(data)
    except ValueError as error:
        raise Invalid(f"data is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise Invalid("data is no object")
    return found


def to_message(data: Json, raw: str, *, bot: str, received: float) -> Message:
    """Return the message of a robot frame's ``data``. Unknown kinds keep their payload in a raw part.

    Raises:
        Invalid: it is no message at all (no msgId, no conversation).
    """
    key, conversation = fields.text(data.get("msgId")), fields.text(data.get("conversationId"))
    if not key or not conversation:
        raise Invalid("no msgId or conversationId")
    group = fields.text(data.get("conversationType")) == "2"
    staff = fields.text(data.get("senderStaffId"))
    sender = staff or fields.text(data.get("senderId")) or "unknown"
    own = content.of(data)
    kind, said = content.said(data, own)
    reply_to: Json = {
        "conversation": conversation,
        "group": group,
        "user": staff,
        "webhook": fields.text(data.get("sessionWebhook")),
        "until": fields.moment(data.get("sessionWebhookExpiredTime"), 0.001),
    }
    chat = conversation if group else sender
    others = [data.get("senderId"), data.get("senderUnionId")]
    return Message(
        platform="dingtalk",
        bot=bot,
        key=key,
        session=f"dingtalk:{bot}:{chat}:{sender}" if group else f"dingtalk:{bot}:{chat}",
        sender=sender,
        kind=kind,
        parts=(*quotes(data, own), *said, *content.mentions(data)),
        reply_to=reply_to,
        raw=raw,
        chat=chat,
        ts=fields.moment(data.get("createAt"), 0.001),
        received=received,
        aliases=tuple(fields.texts(others)),
        corp=fields.text(data.get("chatbotCorpId")) or fields.text(data.get("senderCorpId")),
    )


def kept(data: Json, raw: str, *, bot: str, received: float) -> Message:
    """Return the message of a frame's ``data`` with nothing read of it but whose it is; raises Invalid."""
    bare = {name: data[name] for name in _ADDRESS if name in data}
    return to_message(bare | {"content": {"text": "[unreadable]"}}, raw, bot=bot, received=received)


class CardPress(TypedDict):
    """Who pressed which button (``action``) of a card, with what the card was told (``params``)."""

    user: str
    action: str
    params: Json


def action_of(data: Json) -> tuple[str, CardPress]:
    """Return the card of a card callback, and its press.

    Raises:
        Invalid: it is none.
    """
    track = fields.text(data.get("outTrackId"))
    inner = data.get("content")
    inner = content_of(inner) if isinstance(inner, str) and inner else fields.mapping(inner)
    private = inner.get("cardPrivateData")
    if not track or not isinstance(private, dict):
        raise Invalid("no outTrackId or cardPrivateData")
    action = next(iter(fields.texts(private.get("actionIds"))), "")
    params = fields.mapping(private.get("params"))
    return track, {"user": fields.text(data.get("userId")), "action": action, "params": params}
