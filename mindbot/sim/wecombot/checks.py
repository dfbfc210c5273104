"""What the platform refuses in replies, in both modes.

Sources: WeCom developer centre, "Passive reply" (path/101031), "Active reply" (path/101138) of AI bots and
"AI bot long connection" (path/101463). The 8466xx codes are known from bug reports only.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

from mindbot.domain.message import Json

MAX_CONTENT = 20_480  # bytes
CARDS = frozenset(
    {"text_notice", "news_notice", "button_interaction", "vote_interaction", "multiple_interaction"}
)
MESSAGES = {
    -1: "system error",
    40007: "invalid media_id",
    40008: "invalid message type",
    40009: "invalid image size",
    40058: "invalid parameter",
    44004: "empty content",
    45002: "content size out of limit",
    45009: "api freq out of limit",
    6000: "data version conflict",
    93006: "invalid chatid",
    846605: "invalid req_id",
    846608: "stream message update expired (>6 minutes), cannot update",
    846609: "aibot websocket not subscribed",
    853000: "invalid bot_id or secret",
}


class Refused(Exception):
    """A frame or call the platform does not accept."""

    def __init__(self, code: int, note: str = "") -> None:
        super().__init__(note or MESSAGES.get(code, "error"))
        self.code = code

    def to_json(self) -> Json:
        return {"errcode": self.code, "errmsg": str(self)}


def stream_of(body: Json, *, polled: bool) -> Json:
    """Return the checked stream of a reply; ``polled`` in webhook mode, where it may end with pictures.

    Raises:
        Refused: it is not as documented.
    """
    stream = body.get("stream")
    if not isinstance(stream, dict) or not isinstance(stream.get("id"), str) or not stream["id"]:
        raise Refused(40058, "stream.id is missing")
    content = stream.get("content", "")
    if not isinstance(content, str):
        raise Refused(40058, "stream.content is no text")
    if len(content.encode()) > MAX_CONTENT:
        raise Refused(45002)
    items = stream.get("msg_item") or []
    if items and not polled:
        raise Refused(40058, "msg_item is not supported")
    if items and not stream.get("finish"):
        raise Refused(40058, "msg_item before the end")
    if len(items) > 10:
        raise Refused(40058, "more than 10 pictures")
    for item in items:
        _picture(item)
    feedback = stream.get("feedback")
    if feedback is not None and len(str(feedback.get("id", "")).encode()) > 256:
        raise Refused(40058, "feedback.id is too long")
    return stream


def _picture(item: Any) -> None:
    try:
        image = item["image"]
        content = base64.b64decode(image["base64"], validate=True)
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    except (KeyError, TypeError, binascii.Error) as error:
        raise Refused(40058, "bad msg_item") from error
    if md5 != image.get("md5"):
        raise Refused(40058, "wrong md5")
    if len(content) > 10 << 20 or not content.startswith((b"\xff\xd8\xff", b"\x89PNG")):
        raise Refused(40009)


def card_of(body: Json) -> Json:
    """Return a checked template card; raises Refused."""
    card = body.get("template_card")
    if not isinstance(card, dict) or card.get("card_type") not in CARDS:
        raise Refused(40058, "bad card_type")
    if card["card_type"] in ("text_notice", "news_notice"):
        if not card.get("card_action"):
            raise Refused(40058, "card_action is missing")
    elif not card.get("task_id") or len(str(card["task_id"]).encode()) > 128:
        raise Refused(40058, "bad task_id")
    if card["card_type"] == "button_interaction" and not 1 <= len(card.get("button_list") or ()) <= 6:
        raise Refused(40058, "1 to 6 buttons")
    return card


def text_of(body: Json) -> str:
    """Return the checked text of a markdown or text message; raises Refused."""
    kind = body.get("msgtype")
    content = (body.get(str(kind)) or {}).get("content")
    if not isinstance(content, str) or not content.strip():
        raise Refused(44004)
    if len(content.encode()) > MAX_CONTENT:
        raise Refused(45002)
    return content


def card_text(card: Json) -> str:
    """Return what a card says, for people."""
    title = (card.get("main_title") or {}).get("title", "")
    buttons = " ".join(f"[{b.get('text', '')}]" for b in card.get("button_list") or ())
    return " ".join(filter(None, [title, card.get("sub_title_text", ""), buttons]))
