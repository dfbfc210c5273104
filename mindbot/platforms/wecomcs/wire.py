"""Entries of sync_msg become messages. Pure.

Source: WeCom developer centre, "Receiving messages and events" (path/94670).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mindbot.domain import fields, plain
from mindbot.domain.message import Json, Message, Part, text_part

BUDGET = 5  # messages of the bot for each message of the customer
WINDOW = 48 * 3600.0  # seconds
FILES = frozenset({"image", "voice", "video", "file"})
CUSTOMER, SYSTEM, SERVICER = 3, 4, 5

_KNOWN = frozenset({"text", *FILES, "location", "link"})
#: Fields of a message's object that say what it is, best first.
_READABLE = ("content", "title", "name", "head_content", "nickname", "product_titles", "userid", "sub_type")


def sent_at(entry: Json) -> float:
    """Return when an entry was sent, Unix seconds; 0 where it does not say."""
    return fields.moment(entry.get("send_time"))


def to_message(entry: Json, *, bot: str, received: float) -> Message:
    """Return the message of an entry, whatever it is.

    What servicers and the system say is an event, with ``origin`` in its part's data: nobody answers it. An
    entry without an id gets one made of its content.
    """
    entry = plain.plain(entry)
    raw = json.dumps(entry, ensure_ascii=False)
    msgtype = fields.text(entry.get("msgtype")) or "unknown"
    body = fields.mapping(entry.get(msgtype))
    # An event says inside of it whom it is about.
    facts = {**entry, **body} if msgtype == "event" else entry
    account, customer = fields.text(facts.get("open_kfid")), fields.text(facts.get("external_userid"))
    servicer = fields.text(entry.get("servicer_userid"))
    origin = fields.whole(entry.get("origin"), CUSTOMER)
    if msgtype == "event":
        kind = "event"
        part = Part(
            "event", f"[{fields.text(body.get('event_type')) or 'event'}]", body | {"origin": "system"}
        )
    else:
        kind = "event" if origin != CUSTOMER else msgtype if msgtype in _KNOWN else "raw"
        part = _part(msgtype, body)
        if origin != CUSTOMER:
            who = "servicer" if origin == SERVICER else "system"
            part = replace(part, data=part.data | {"origin": who})
    return Message(
        platform="wecomcs",
        bot=bot,
        key=_key(entry, raw),
        session=session_of(bot, account, customer),
        sender=(servicer if origin == SERVICER else customer) or "system",
        kind=kind,
        parts=(part,),
        reply_to={"touser": customer, "open_kfid": account},
        raw=raw,
        chat=account,
        ts=sent_at(entry),
        received=received,
    )


def kept(entry: Any, *, bot: str, account: str, received: float) -> Message:
    """Return an entry that could not be read, as an event that nobody answers, with the entry in its part.

    Pulled again it has the same key.
    """
    entry = plain.plain(entry)
    raw = json.dumps(entry, ensure_ascii=False)
    return Message(
        platform="wecomcs",
        bot=bot,
        key=_key(fields.mapping(entry), raw),
        session=session_of(bot, account, ""),
        sender="system",
        kind="event",
        parts=(Part("raw", "[unreadable]", {"origin": "system", "entry": entry}),),
        reply_to={"touser": "", "open_kfid": account},
        raw=raw,
        chat=account,
        received=received,
    )


def _key(entry: Json, raw: str) -> str:
    """Return what makes an entry unique."""
    return fields.text(entry.get("msgid")) or "none-" + hashlib.sha256(raw.encode()).hexdigest()[:32]


def session_of(bot: str, account: str, customer: str) -> str:
    """Return the name of a customer's conversation with an account, or of what is about the account."""
    return f"wecomcs:{bot}:{account}:{customer}" if customer else f"wecomcs:{bot}:{account}"


def _part(msgtype: str, body: Json) -> Part:
    if msgtype == "text":
        data = {"menu_id": body["menu_id"]} if body.get("menu_id") else {}
        return Part("text", fields.text(body.get("content")), data)
    if msgtype in FILES:
        return Part(msgtype, f"[{msgtype}]", {"media_id": fields.text(body.get("media_id"))})
    said = next((words for name in _READABLE if (words := fields.text(body.get(name)))), "")
    if msgtype == "location":
        said = " ".join(fields.text(body.get(name)) for name in ("name", "address")).strip()
        return Part("location", said or "[location]", body)
    if msgtype == "link":
        return Part("link", said or "[link]", body)
    if msgtype == "merged_msg":
        said = "\n".join([said, *map(_inner, fields.items(body.get("item")))]).strip()
    return Part("raw", said or f"[{msgtype}]", {"msgtype": msgtype, **body})


def _inner(item: Any) -> str:
    """Return one line of a forwarded chat record."""
    record = fields.mapping(item)
    content = record.get("msg_content") or {}
    try:
        content = plain.loads(content) if isinstance(content, str) else content  # text, as documented
    except ValueError:
        content = None
    if not record or not isinstance(content, dict):
        return "[…]"
    said = fields.text(fields.mapping(content.get("text", content)).get("content"))
    said = said or f"[{fields.text(record.get('msgtype'))}]"
    return f"{fields.text(record.get('sender_name'))}: {said}"


def merge(messages: Sequence[Message]) -> Message:
    """Return one message with the parts of all, numbered; the answer goes where the last came from."""
    parts: list[Part] = []
    for n, message in enumerate(messages, 1):
        for k, part in enumerate(message.parts):
            parts.append(replace(part, text=f"{n}. {part.text}") if k == 0 else part)
    return replace(messages[0], parts=tuple(parts) or (text_part(""),), reply_to=messages[-1].reply_to)
