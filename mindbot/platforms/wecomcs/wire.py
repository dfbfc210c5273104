"""Entries of sync_msg, and bodies of send_msg. Pure.

Sources: WeCom developer centre, "Receiving messages and events" (path/94670), "Sending" (path/94677).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from mindbot.domain.message import Json, Message, Part, text_part
from mindbot.platforms.split import printable, split_bytes

MAX_TEXT = 2048  # bytes
BUDGET = 5  # messages of the bot for each message of the customer
WINDOW = 48 * 3600.0  # seconds
FILES = frozenset({"image", "voice", "video", "file"})
CUSTOMER, SYSTEM, SERVICER = 3, 4, 5

#: Fields of a message's object that say what it is, best first.
_READABLE = ("content", "title", "name", "head_content", "nickname", "product_titles", "userid")
_CUT = " …"


def to_message(entry: Json, *, bot: str, received: float) -> Message:
    """Return the message of an entry. What servicers and the system say is an event: nobody answers it.

    Raises:
        ValueError: it is no entry.
    """
    msgid, msgtype = str(entry.get("msgid") or ""), str(entry.get("msgtype") or "")
    if not msgid or not msgtype:
        raise ValueError("no msgid or msgtype")
    body = entry.get(msgtype)
    body = body if isinstance(body, dict) else {}
    facts = body if msgtype == "event" else entry
    account = str(facts.get("open_kfid") or entry.get("open_kfid") or "")
    customer = str(facts.get("external_userid") or "")
    origin = entry.get("origin", CUSTOMER)
    sent = float(entry.get("send_time") or 0)
    if msgtype == "event":
        kind = "event"
        parts: tuple[Part, ...] = (Part("event", f"[{body.get('event_type', 'event')}]", body),)
    else:
        kind = "event" if origin != CUSTOMER else msgtype if msgtype in _KNOWN else "raw"
        parts = (_part(msgtype, body),)
    servicer = str(entry.get("servicer_userid") or "")
    return Message(
        platform="wecomcs",
        bot=bot,
        key=msgid,
        session=f"wecomcs:{bot}:{account}:{customer}" if customer else f"wecomcs:{bot}:{account}",
        sender=servicer if origin == SERVICER else customer or "system",
        kind=kind,
        parts=parts,
        reply_to={"touser": customer, "open_kfid": account},
        raw=json.dumps(entry, ensure_ascii=False),
        chat=account,
        ts=sent,
        received=received,
    )


_KNOWN = frozenset({"text", *FILES, "location", "link"})


def _part(msgtype: str, body: Json) -> Part:
    if msgtype == "text":
        data = {"menu_id": body["menu_id"]} if body.get("menu_id") else {}
        return Part("text", str(body.get("content") or ""), data)
    if msgtype in FILES:
        return Part(msgtype, f"[{msgtype}]", {"media_id": str(body.get("media_id") or "")})
    said = next((str(body[name]) for name in _READABLE if body.get(name)), "")
    if msgtype == "location":
        said = " ".join(str(body.get(name) or "") for name in ("name", "address")).strip()
        return Part("location", said or "[location]", body)
    if msgtype == "link":
        return Part("link", said or "[link]", body)
    if msgtype == "merged_msg":
        said = "\n".join([said, *(_inner(item) for item in body.get("item") or ())]).strip()
    return Part("raw", said or f"[{msgtype}]", {"msgtype": msgtype, **body})


def _inner(item: Any) -> str:
    """Return one line of a forwarded chat record."""
    try:
        content = json.loads(item.get("msg_content") or "{}")
        said = content.get("text", content).get("content") or f"[{item.get('msgtype', '')}]"
        return f"{item.get('sender_name', '')}: {said}"
    except (ValueError, AttributeError):
        return "[…]"


def plan(parts: Sequence[Part]) -> list[list[Part]]:
    """Split a reply into at most five messages.

    One message a part, as long as that are not too many; then texts that follow each other are put together.
    What does not fit into five is cut off, and the last message says so in ``data["cut"]`` (bytes).
    """
    ready = [_shape(part) for part in parts]
    messages = _split(ready)
    if len(messages) > BUDGET:
        messages = _split(_together(ready))
    if len(messages) > BUDGET:
        lost = sum(len(message[0].text.encode()) for message in messages[BUDGET:])
        messages = messages[:BUDGET]
        last = messages[-1][0]
        if last.kind == "text":
            kept = split_bytes(last.text, MAX_TEXT - len(_CUT.encode()))[0]
            lost += len(last.text.encode()) - len(kept.encode())
            last = Part("text", kept + _CUT, last.data)
        messages[-1] = [Part(last.kind, last.text, last.data | {"cut": lost})]
    return messages


def _shape(part: Part) -> Part:
    """Return a part as this platform can say it; ``data["was"]`` names what became text."""
    if part.kind in FILES and (part.data.get("media") or part.data.get("media_id")):
        return part
    if part.kind == "card" and part.data.get("buttons"):
        return part
    if part.kind in ("text", "markdown"):
        return Part("text", printable(part.text), part.data)
    form = part.text or str(part.data.get("url") or f"[{part.kind}]")
    if part.kind == "link" and part.data.get("url") and part.data["url"] not in form:
        form = f"{form} {part.data['url']}"
    return Part("text", printable(form), {"was": part.kind})


def _split(parts: Sequence[Part]) -> list[list[Part]]:
    messages: list[list[Part]] = []
    for part in parts:
        if part.kind != "text":
            messages.append([part])
            continue
        pieces = [piece for piece in split_bytes(part.text, MAX_TEXT) if piece.strip()]
        messages += [[Part("text", piece, part.data)] for piece in pieces]
    return messages


def _together(parts: Sequence[Part]) -> list[Part]:
    found: list[Part] = []
    for part in parts:
        if found and part.kind == found[-1].kind == "text":
            data = found[-1].data | part.data
            found[-1] = Part("text", f"{found[-1].text}\n{part.text}", data)
        else:
            found.append(part)
    return found


def body_of(part: Part) -> Json:
    """Return msgtype and object of one message; files have been uploaded (``data["media_id"]``)."""
    if part.kind in FILES:
        return {"msgtype": part.kind, part.kind: {"media_id": str(part.data["media_id"])}}
    if part.kind == "card":
        items = [_item(n, button) for n, button in enumerate(part.data.get("buttons") or (), 1)][:10]
        menu: Json = {"head_content": split_bytes(part.text or " ", 1024)[0], "list": items}
        return {"msgtype": "msgmenu", "msgmenu": menu}
    return {"msgtype": "text", "text": {"content": part.text}}


def _item(n: int, button: Json) -> Json:
    text = split_bytes(str(button.get("text") or n), 128)[0]
    if button.get("url"):
        return {"type": "view", "view": {"url": button["url"], "content": text}}
    return {"type": "click", "click": {"id": str(button.get("id", n))[:128], "content": text}}


def merge(messages: Sequence[Message]) -> Message:
    """Return one message with the parts of all, numbered; the answer goes where the last came from."""
    from dataclasses import replace

    parts: list[Part] = []
    for n, message in enumerate(messages, 1):
        for k, part in enumerate(message.parts):
            parts.append(replace(part, text=f"{n}. {part.text}") if k == 0 else part)
    return replace(messages[0], parts=tuple(parts) or (text_part(""),), reply_to=messages[-1].reply_to)
