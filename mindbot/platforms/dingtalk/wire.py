"""Frames of Stream mode, and what people say in them. Pure.

Sources: "Stream protocol" (open-dingtalk.github.io/developerpedia), "Receive messages" and "Robot message
types" (open.dingtalk.com/document). Quotes are known from the field only: they are read where they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from mindbot.domain.message import Json, Message, Part, text_part

MESSAGES = "/v1.0/im/bot/messages/get"
CARDS = "/v1.0/card/instances/callback"

_QUOTED = 500  # characters of a quoted text
_KINDS = {"picture": "image", "audio": "voice", "video": "video", "file": "file"}


def ack(headers: Json, data: Json, code: int = 200) -> str:
    """Return the answer to a frame: its messageId, and ``data`` as JSON text."""
    frame = {
        "code": code,
        "headers": {"messageId": str(headers.get("messageId", "")), "contentType": "application/json"},
        "message": "OK" if code == 200 else "not stored, send it again",
        "data": json.dumps(data, ensure_ascii=False),
    }
    return json.dumps(frame, ensure_ascii=False)


def to_message(data: Json, raw: str, *, bot: str, received: float) -> Message:
    """Return the message of a robot frame's ``data``. Unknown kinds keep their payload in a raw part.

    Raises:
        ValueError: it is no message at all (no msgId, no conversation).
    """
    key, conversation = str(data.get("msgId") or ""), str(data.get("conversationId") or "")
    if not key or not conversation:
        raise ValueError("no msgId or conversationId")
    group = str(data.get("conversationType")) == "2"
    staff = str(data.get("senderStaffId") or "")
    sender = staff or str(data.get("senderId") or "unknown")
    kind, parts = _parts(data)
    created = _number(data.get("createAt")) / 1000
    reply_to: Json = {
        "conversation": conversation,
        "group": group,
        "user": staff,
        "webhook": str(data.get("sessionWebhook") or ""),
        "until": _number(data.get("sessionWebhookExpiredTime")) / 1000,
    }
    # Whoever quotes a message that a robot sent by the API names it by the id its send returned.
    if quoted := data.get("originalProcessQueryKey"):
        reply_to["quotes"] = str(quoted)
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


def _parts(data: Json) -> tuple[str, list[Part]]:
    """Return the kind and the parts, what is quoted first."""
    msgtype = str(data.get("msgtype") or "")
    content = data.get("text" if msgtype == "text" else "content")
    content = content if isinstance(content, dict) else {}
    parts = list(_quotes(data, content))
    kind = _KINDS.get(msgtype, msgtype)
    if not content and (code := data.get("errCode") or data.get("errorCode")):
        # The month's calls are used up: the message comes without what was said.
        why = str(data.get("errMsg") or data.get("errorMessage") or "no content")
        return "raw", [Part("raw", f"[{msgtype}: {why} ({code})]", {"msgtype": msgtype})]
    if msgtype == "text":
        return "text", [*parts, text_part(str(content.get("content") or "").strip())]
    if msgtype == "richText":
        return "text", [*parts, *_rich(content.get("richText"))]
    if msgtype in _KINDS:
        return kind, [*parts, _media(kind, content)]
    text = str(
        content.get("unknownMsgType")
        or content.get("summary")
        or content.get("title")
        or content.get("text")
        or ""
    )
    return "raw", [
        *parts,
        Part("raw", text or f"[{msgtype or 'unknown'}]", {"msgtype": msgtype, "content": content}),
    ]


def _media(kind: str, content: Json) -> Part:
    data: Json = {"code": str(content.get("downloadCode") or content.get("pictureDownloadCode") or "")}
    name = str(content.get("fileName") or "")
    for field in ("duration", "videoType", "spaceId", "fileId"):
        if content.get(field) not in (None, ""):
            data[field] = content[field]
    if name:
        data["name"] = name
    words = str(content.get("recognition") or "")  # the platform's speech to text
    return Part(kind, words or (f"[{kind}: {name}]" if name else f"[{kind}]"), data)


def _rich(pieces: Any) -> Iterable[Part]:
    for piece in pieces if isinstance(pieces, list) else ():
        if not isinstance(piece, dict):
            continue
        if piece.get("type") == "picture" or piece.get("downloadCode"):
            yield _media("image", piece)
        elif piece.get("type") == "at":
            name, user = str(piece.get("atName") or ""), str(piece.get("atUserId") or "")
            yield Part("mention", f"@{name or user}", {"user": user})
        elif text := str(piece.get("text") or "").strip("\n"):
            yield text_part(text)


def _quotes(data: Json, content: Json) -> Iterable[Part]:
    quoted = content.get("repliedMsg") or data.get("quoteMessage")
    if isinstance(quoted, dict):
        inner = quoted.get("content") if isinstance(quoted.get("content"), dict) else quoted.get("text")
        inner = inner if isinstance(inner, dict) else {"text": inner}
        text = str(
            inner.get("text") or inner.get("content") or inner.get("fileName") or inner.get("summary") or ""
        )
        if not text and isinstance(inner.get("richText"), list):
            text = " ".join(part.text for part in _rich(inner["richText"]))
        kind = str(quoted.get("msgType") or quoted.get("msgtype") or "unknown")
        facts: Json = {"id": str(quoted.get("msgId") or data.get("originalMsgId") or ""), "kind": kind}
        if code := inner.get("downloadCode"):
            facts["code"] = code
        yield Part("quote", text[:_QUOTED] or f"[{kind}]", facts)
    elif content.get("isReplyMsg") or data.get("originalMsgId"):
        yield Part("quote", "", {"id": str(data.get("originalMsgId") or "")})


def action_of(data: Json) -> tuple[str, str, str, Json]:
    """Return card, user, button and parameters of a card callback.

    Raises:
        ValueError: it is none.
    """
    track = str(data.get("outTrackId") or "")
    content = data.get("content")
    content = json.loads(content) if isinstance(content, str) and content else content or {}
    private = content.get("cardPrivateData") if isinstance(content, dict) else None
    if not track or not isinstance(private, dict):
        raise ValueError("no outTrackId or cardPrivateData")
    actions = private.get("actionIds") or [""]
    params = private.get("params")
    return track, str(data.get("userId") or ""), str(actions[0]), params if isinstance(params, dict) else {}


def _number(value: Any) -> float:
    """Return a number that may come as text."""
    try:
        return float(value or 0)
    except (TypeError, ValueError):
        return 0.0
