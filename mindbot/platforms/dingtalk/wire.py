"""Frames of Stream mode: acks, robot messages, presses of buttons. Pure.

Sources: "Stream protocol" (open-dingtalk.github.io/developerpedia), "Receive messages" (open.dingtalk.com/
document), "Event callback of cards" (open.dingtalk.com/document/development/event-callback-card).
"""

from __future__ import annotations

import json
import math
from typing import Any

import orjson

from mindbot.domain import plain
from mindbot.domain.errors import Invalid
from mindbot.domain.message import Json, Message
from mindbot.platforms.dingtalk import content

MESSAGES = "/v1.0/im/bot/messages/get"
#: What is written to a person for whom the robot stands in; known from the official Python SDK only.
DELEGATED = "/v1.0/im/bot/messages/delegate"
CARDS = "/v1.0/card/instances/callback"


def ack(headers: Json, data: Json, code: int = 200) -> str:
    """Return the answer to a frame: its messageId, and ``data`` as JSON text."""
    return ack_text(headers, json.dumps(data), code)


def ack_text(headers: Json, data: str, code: int = 200) -> str:
    """Return the answer to a frame with ``data`` as it is.

    In ASCII: the messageId and what a ping brings may hold half a surrogate pair, and go back as they came.
    """
    id = headers.get("messageId", "")
    frame = {
        "code": code,
        "headers": {
            "messageId": str(id) if isinstance(id, str | int) else "",
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
    found = _loaded(data) if isinstance(data, str) else plain.plain(data)
    if not isinstance(found, dict):
        raise Invalid("data is no object")
    return found


def _loaded(text: str) -> Any:
    try:
        found = json.loads(text)
        orjson.dumps([[[[[[found]]]]]])  # wrapped as deep as it will be
    except (ValueError, TypeError, RecursionError):  # too deep, too large, half a character, or no JSON
        try:
            return plain.loads(text)
        except ValueError as error:
            raise Invalid(f"data is no JSON: {error}") from error
    return found


def to_message(data: Json, raw: str, *, bot: str, received: float) -> Message:
    """Return the message of a robot frame's ``data``. Unknown kinds keep their payload in a raw part.

    Raises:
        Invalid: it is no message at all (no msgId, no conversation).
    """
    key, conversation = str(data.get("msgId") or ""), str(data.get("conversationId") or "")
    if not key or not conversation:
        raise Invalid("no msgId or conversationId")
    group = str(data.get("conversationType")) == "2"
    staff = str(data.get("senderStaffId") or "")
    sender = staff or str(data.get("senderId") or "unknown")
    kind, parts = content.read(data)
    created = _number(data.get("createAt")) / 1000
    reply_to: Json = {
        "conversation": conversation,
        "group": group,
        "user": staff,
        "webhook": str(data.get("sessionWebhook") or ""),
        "until": _number(data.get("sessionWebhookExpiredTime")) / 1000,
    }
    chat = conversation if group else sender
    others = (data.get("senderId"), data.get("senderUnionId"))
    return Message(
        platform="dingtalk",
        bot=bot,
        key=key,
        session=f"dingtalk:{bot}:{chat}:{sender}" if group else f"dingtalk:{bot}:{chat}",
        sender=sender,
        kind=kind,
        parts=tuple(parts),
        reply_to=reply_to,
        raw=raw,
        chat=chat,
        ts=created,
        received=received,
        aliases=tuple(str(each) for each in others if each),
        corp=str(data.get("chatbotCorpId") or data.get("senderCorpId") or ""),
    )


def action_of(data: Json) -> tuple[str, str, str, Json]:
    """Return card, user, button and parameters of a card callback.

    Raises:
        Invalid: it is none.
    """
    track = str(data.get("outTrackId") or "")
    inner = data.get("content")
    inner = content_of(inner) if isinstance(inner, str) and inner else inner
    private = inner.get("cardPrivateData") if isinstance(inner, dict) else None
    if not track or not isinstance(private, dict):
        raise Invalid("no outTrackId or cardPrivateData")
    actions = private.get("actionIds")
    action = str(actions[0]) if isinstance(actions, list) and actions else ""
    params = private.get("params")
    return track, str(data.get("userId") or ""), action, params if isinstance(params, dict) else {}


def _number(value: Any) -> float:
    """Return a number that may come as text."""
    try:
        found = float(value or 0)
    except (TypeError, ValueError):
        return 0.0
    return found if math.isfinite(found) else 0.0
