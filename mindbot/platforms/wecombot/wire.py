"""Callbacks of AI bots as messages. Pure.

Sources: WeCom developer centre, "Receiving messages" (path/100719) and "Receiving events" (path/101027) of AI
bots. Both modes bring the same bodies; a long connection adds a key to each file.
"""

from __future__ import annotations

import re
from dataclasses import replace

from mindbot.domain import fields
from mindbot.domain.errors import Invalid
from mindbot.domain.message import Json, Message, Part, text_part
from mindbot.domain.names import file_name

POLL = "stream"
_WHOSE = ("msgid", "from", "chattype", "chatid", "create_time", "response_url")
EVENT = "event"
FILES = frozenset({"image", "file", "video"})

_QUOTED = 500  # characters of a quoted text
_MENTION = re.compile(r"[@＠][^\s\u2005]+[\s\u2005]+")


def to_message(
    body: Json, raw: str, *, bot: str, received: float, robot: str = "", address: Json | None = None
) -> Message:
    """Return the message of a callback. Unknown kinds keep their payload in a raw part.

    ``robot`` is the bot's name, taken off what is said in groups. ``address`` is added to what a reply needs.

    Raises:
        Invalid: it is no message at all (no msgid, no sender).
    """
    key, sender = fields.text(body.get("msgid")), user_of(body)
    if not key or not sender:
        raise Invalid("no msgid or sender")
    group = chat_of(body)
    msgtype = fields.text(body.get("msgtype"))
    if msgtype == EVENT:
        found = event_of(body)
        kind, parts = EVENT, [Part("event", f"[{found['eventtype']}]", found)]
    else:
        kind, parts = _parts(msgtype, body)
        parts = [*_quotes(body), *parts]
        if group:
            parts = _without_name(parts, robot)
    reply_to: Json = {
        "user": sender,
        "chat": group,
        "asked": received,
        "response_url": fields.text(body.get("response_url")),
    }
    return Message(
        platform="wecombot",
        bot=bot,
        key=key,
        session=f"wecombot:{bot}:{group}:{sender}" if group else f"wecombot:{bot}:{sender}",
        sender=sender,
        kind=kind,
        parts=tuple(parts),
        reply_to=reply_to | (address or {}),
        raw=raw,
        chat=group or sender,
        ts=fields.moment(body.get("create_time")) or received,
        received=received,
    )


def kept(body: Json, raw: str, *, bot: str, received: float, address: Json | None = None) -> Message:
    """Return the message of a callback with nothing read of it but whose it is; raises Invalid."""
    whose = {name: body[name] for name in _WHOSE if name in body}
    content = {"msgtype": "unknown", "unknown": {"content": "[unreadable]"}}
    return to_message(whose | content, raw, bot=bot, received=received, address=address)


def bare(message: Message) -> Message:
    """Return a message without its payload, which is left in ``raw``; an event keeps its type alone."""
    if message.kind == EVENT:
        part = Part("event", message.text, {"eventtype": message.text.strip("[]")})
        return replace(message, parts=(part,))
    return replace(message, kind="raw", parts=(Part("raw", message.text or "[unreadable]"),))


def facts_of(body: Json, raw: str) -> Json:
    """Return what may be logged of a callback: it holds keys of files, and URLs that answer for the bot."""
    found: Json = {name: fields.text(body.get(name))[:64] for name in ("msgtype", "msgid")}
    return found | {"length": len(raw)}


def user_of(body: Json) -> str:
    """Return who wrote or did something."""
    return fields.text(_inner(body, "from").get("userid"))


def chat_of(body: Json) -> str:
    """Return the group's id; empty in a one-to-one chat."""
    return fields.text(body.get("chatid")) if body.get("chattype") == "group" else ""


def event_of(body: Json) -> Json:
    """Return an event, with ``eventtype`` always there."""
    event = _inner(body, "event")
    return event | {"eventtype": fields.text(event.get("eventtype")) or "event"}


def polled(body: Json) -> str:
    """Return the id of the stream a poll asks for."""
    return fields.text(_inner(body, POLL).get("id"))


def press_of(event: Json) -> tuple[str, str, list[str]]:
    """Return the card's task id, the button's key and what was chosen, of a template_card_event."""
    press = _inner(event, "template_card_event")
    chosen: list[str] = []
    for item in fields.mappings(_inner(press, "selected_items").get("selected_item")):
        chosen += fields.texts(_inner(item, "option_ids").get("option_id"))
    return fields.text(press.get("task_id")), fields.text(press.get("event_key")), chosen


_VERDICTS = {1: "like", 2: "dislike", 3: "withdrawn"}


def feedback_of(event: Json) -> tuple[str, Json]:
    """Return the id given with the answer, and what the user thinks of it, of a feedback_event."""
    told = _inner(event, "feedback_event")
    kind = fields.whole(told.get("type"))
    fact: Json = {"feedback": _VERDICTS.get(kind, str(kind)) if kind else "unknown"}
    if content := fields.text(told.get("content")):
        fact["content"] = content
    if isinstance(reasons := told.get("inaccurate_reason_list"), list) and reasons:
        fact["reasons"] = reasons
    return fields.text(told.get("id")), fact


def _parts(msgtype: str, body: Json) -> tuple[str, list[Part]]:
    """Return the kind and the parts of what was said."""
    content = _inner(body, msgtype)
    match msgtype:
        case "text":
            return "text", [text_part(fields.text(content.get("content")))]
        case "voice":  # the platform sends its speech to text and no sound
            return "voice", [Part("voice", fields.text(content.get("content")) or "[voice]")]
        case "mixed":
            parts = _mixed(content)
            return ("text" if any(part.kind == "text" for part in parts) else "image"), parts
        case "image" | "file" | "video":
            return msgtype, [_media(msgtype, content)]
    said = fields.text(content.get("content")) or f"[{msgtype or 'unknown'}]"
    return "raw", [Part("raw", said, {"msgtype": msgtype, "content": content})]


def _mixed(content: Json) -> list[Part]:
    parts: list[Part] = []
    for item in fields.mappings(content.get("msg_item")):
        kind = fields.text(item.get("msgtype"))
        if kind != "mixed":  # which no page knows inside of one
            parts += _parts(kind, item)[1]
    return parts or [Part("raw", "[mixed]", {"msgtype": "mixed", "content": content})]


def _media(kind: str, content: Json) -> Part:
    data: Json = {name: told for name in ("url", "aeskey") if (told := fields.text(content.get(name)))}
    # On no page, taken where it is.
    name = file_name(fields.text(content.get("filename")) or fields.text(content.get("name")))
    if name:
        data["name"] = name
    return Part(kind, f"[{kind}: {name}]" if name else f"[{kind}]", data)


def _quotes(body: Json) -> list[Part]:
    """Return what is quoted, and all of its files: no page says whose words they are."""
    quote = body.get("quote")
    if not isinstance(quote, dict) or not quote:
        return []
    kind = fields.text(quote.get("msgtype"))
    _, parts = _parts(kind, quote)
    text = "\n".join(part.text for part in parts if part.text)
    cut = text if len(text) <= _QUOTED else f"{text[: _QUOTED - 1]}…"
    files = [Part(part.kind, part.text, part.data | {"quoted": True}) for part in parts if part.kind in FILES]
    return [Part("quote", cut, {"kind": kind}), *files]


def _without_name(parts: list[Part], robot: str) -> list[Part]:
    """Take off that the bot is mentioned, which is how everything is said to a bot in a group.

    With its name known, it may stand behind mentions of others; else the first mention is taken for it.
    """
    for n, part in enumerate(parts):
        if part.kind == "text" and not part.foreign:
            text = _unnamed(part.text, robot) if robot else _unmentioned(part.text.lstrip())
            return [*parts[:n], text_part(text), *parts[n + 1 :]]
    return parts


def _unnamed(text: str, robot: str) -> str:
    """Return text without the first ``@robot`` among the mentions at its beginning."""
    found = re.match(rf"\s*((?:[@＠]\S+?[\s\u2005]+)*?)[@＠]{re.escape(robot)}(?:[\s\u2005]+|$|(?=\W))", text)
    if found is None:  # glued to what is said, as people type it
        found = re.match(rf"\s*()[@＠]{re.escape(robot)}", text)
    return found[1] + text[found.end() :] if found else text.lstrip()


def _unmentioned(text: str) -> str:
    if found := _MENTION.match(text):
        return text[found.end() :]
    return "" if text.startswith(("@", "＠")) else text


def _inner(value: Json, name: str) -> Json:
    return fields.mapping(value.get(name))
