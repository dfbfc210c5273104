"""Callbacks of AI bots as messages. Pure.

Sources: WeCom developer centre, "Receiving messages" (path/100719) and "Receiving events" (path/101027) of AI
bots. Both modes bring the same bodies; a long connection adds a key to each file.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import orjson

from mindbot.domain.message import Json, Message, Part, text_part
from mindbot.platforms.split import printable

POLL = "stream"
EVENT = "event"
FILES = frozenset({"image", "file", "video"})

_QUOTED = 500  # characters of a quoted text
_MENTION = re.compile(r"@[^\s\u2005]+[\s\u2005]+")


def to_message(
    body: Json, raw: str, *, bot: str, received: float, robot: str = "", address: Json | None = None
) -> Message:
    """Return the message of a callback. Unknown kinds keep their payload in a raw part.

    ``robot`` is the bot's name, taken off what is said in groups. ``address`` is added to what a reply needs.

    Raises:
        ValueError: it is no message at all (no msgid, no sender).
    """
    key, sender = _text(body.get("msgid")), user_of(body)
    if not key or not sender:
        raise ValueError("no msgid or sender")
    group = chat_of(body)
    msgtype = _text(body.get("msgtype"))
    if msgtype == EVENT:
        found = event_of(body)
        kind, parts = EVENT, [Part("event", f"[{found['eventtype']}]", found)]
    else:
        kind, parts = _parts(msgtype, body)
        parts = [*_quotes(body), *parts]
        if group:
            parts = _without_name(parts, robot)
    created = body.get("create_time")
    reply_to: Json = {
        "user": sender,
        "chat": group,
        "asked": received,
        "response_url": _text(body.get("response_url")),
    }
    message = Message(
        platform="wecombot",
        bot=bot,
        key=key,
        session=f"wecombot:{bot}:{group}:{sender}" if group else f"wecombot:{bot}:{sender}",
        sender=sender,
        kind=kind,
        parts=tuple(parts),
        reply_to=reply_to | (address or {}),
        raw=printable(raw),
        chat=group or sender,
        ts=float(created) if isinstance(created, int | float) and 0 < created < 1e11 else received,
        received=received,
    )
    return message if storable(message) else bare(message)


def storable(message: Message) -> bool:
    """Tell whether the store's JSON can hold a message: whole numbers of 64 bits, nesting of 254."""
    try:
        orjson.dumps(message.to_json())
    except TypeError:
        return False
    return True


def bare(message: Message) -> Message:
    """Return a message without its payload, which is left in ``raw``; an event keeps its type alone."""
    if message.kind == EVENT:
        part = Part("event", message.text, {"eventtype": message.text.strip("[]")})
        return replace(message, parts=(part,))
    return replace(message, kind="raw", parts=(Part("raw", message.text or "[unreadable]"),))


def facts_of(body: Json, raw: str) -> Json:
    """Return what may be logged of a callback: it holds keys of files, and URLs that answer for the bot."""
    return {"msgtype": _text(body.get("msgtype")), "msgid": _text(body.get("msgid")), "length": len(raw)}


def user_of(body: Json) -> str:
    """Return who wrote or did something."""
    sender = body.get("from")
    return _text(sender.get("userid")) if isinstance(sender, dict) else ""


def chat_of(body: Json) -> str:
    """Return the group's id; empty in a one-to-one chat."""
    return _text(body.get("chatid")) if body.get("chattype") == "group" else ""


def event_of(body: Json) -> Json:
    """Return an event, with ``eventtype`` always there."""
    event = body.get("event")
    event = event if isinstance(event, dict) else {}
    return event | {"eventtype": _text(event.get("eventtype")) or "event"}


def polled(body: Json) -> str:
    """Return the id of the stream a poll asks for."""
    return _text(_inner(body, POLL).get("id"))


def press_of(event: Json) -> tuple[str, str, list[str]]:
    """Return the card's task id, the button's key and what was chosen, of a template_card_event."""
    press = _inner(event, "template_card_event")
    chosen: list[str] = []
    items = _inner(press, "selected_items").get("selected_item")
    for item in items if isinstance(items, list) else ():
        ids = _inner(item, "option_ids").get("option_id") if isinstance(item, dict) else None
        chosen += [str(each) for each in ids] if isinstance(ids, list) else []
    return _text(press.get("task_id")), _text(press.get("event_key")), chosen


_VERDICTS = {1: "like", 2: "dislike", 3: "withdrawn"}


def feedback_of(event: Json) -> tuple[str, Json]:
    """Return the id given with the answer, and what the user thinks of it, of a feedback_event."""
    told = _inner(event, "feedback_event")
    kind = told.get("type")
    fact: Json = {"feedback": _VERDICTS.get(kind, str(kind)) if isinstance(kind, int) else "unknown"}
    if content := _text(told.get("content")):
        fact["content"] = content
    if isinstance(reasons := told.get("inaccurate_reason_list"), list) and reasons:
        fact["reasons"] = reasons
    return _text(told.get("id")), fact


def _parts(msgtype: str, body: Json) -> tuple[str, list[Part]]:
    """Return the kind and the parts of what was said."""
    content = _inner(body, msgtype)
    match msgtype:
        case "text":
            return "text", [text_part(_text(content.get("content")))]
        case "voice":  # the platform sends its speech to text and no sound
            return "voice", [Part("voice", _text(content.get("content")) or "[voice]")]
        case "mixed":
            parts = _mixed(content)
            return ("text" if any(part.kind == "text" for part in parts) else "image"), parts
        case "image" | "file" | "video":
            return msgtype, [_media(msgtype, content)]
    said = _text(content.get("content")) or f"[{msgtype or 'unknown'}]"
    return "raw", [Part("raw", said, {"msgtype": msgtype, "content": content})]


def _mixed(content: Json) -> list[Part]:
    items = content.get("msg_item")
    parts: list[Part] = []
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict):
            parts += _parts(_text(item.get("msgtype")), item)[1]
    return parts or [Part("raw", "[mixed]", {"msgtype": "mixed", "content": content})]


def _media(kind: str, content: Json) -> Part:
    data: Json = {name: str(content[name]) for name in ("url", "aeskey") if content.get(name)}
    name = _text(content.get("filename")) or _text(content.get("name"))  # on no page, taken where it is
    if name:
        data["name"] = name
    return Part(kind, f"[{kind}: {name}]" if name else f"[{kind}]", data)


def _quotes(body: Json) -> list[Part]:
    quote = body.get("quote")
    if not isinstance(quote, dict):
        return []
    kind = _text(quote.get("msgtype"))
    _, parts = _parts(kind, quote)
    text = "\n".join(part.text for part in parts if part.text)
    facts: Json = {"kind": kind}
    if file := next((part for part in parts if part.kind in FILES), None):
        facts |= file.data
    return [Part("quote", text[:_QUOTED], facts)]


def _without_name(parts: list[Part], robot: str) -> list[Part]:
    """Take the ``@Bot `` off, with which everything begins that is said to a bot in a group."""
    for n, part in enumerate(parts):
        if part.kind == "text":
            text = part.text.lstrip()
            if robot and text.startswith(f"@{robot}"):
                text = text[len(robot) + 1 :].lstrip(" \u2005\n")
            elif not robot and (found := _MENTION.match(text)):
                text = text[found.end() :]
            elif not robot and text.startswith("@") and not _MENTION.search(text):
                text = ""
            return [*parts[:n], text_part(text), *parts[n + 1 :]]
    return parts


def clean(value: Any) -> Any:
    """Return JSON data without halves of surrogate pairs, which no UTF-8 can carry."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(key): clean(each) for key, each in value.items()}
    if isinstance(value, list):
        return [clean(each) for each in value]
    return value


def _inner(value: Json, name: str) -> Json:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
