"""WeCom's frames and MindBot's nouns, both ways. Pure functions.

Sources: WeCom developer centre, "Message formats" (path/90239), "Event formats" (path/90240), "Send
application message" (path/90236).
"""

from __future__ import annotations

import hashlib
import re
from typing import Any
from xml.parsers import expat

from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import Rejected
from mindbot.domain.message import Json, Message, Part
from mindbot.platforms.split import printable
from mindbot.platforms.wecom.errors import Malformed

#: Bytes of UTF-8 in one text or markdown message; WeCom cuts longer text without a word.
MAX_TEXT = 2048

_MAX_DEPTH = 32  # elements inside elements; the deepest documented message has five
_MAX_ELEMENTS = 5000  # the longest documented message has some dozens
_MAX_KEY = 200  # characters; the store keeps 255
_ILLEGAL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")  # bytes that XML 1.0 does not allow


def parse_xml(data: bytes) -> Json:
    """Return the children of the root element: text, or a nested object, or a list where a name repeats.

    Control characters that XML forbids, but people paste, are left out.

    Raises:
        Malformed: not XML, with a document type, or larger than any message.
    """
    try:
        return _Tree().parse(data)
    except expat.ExpatError as error:
        cleaned = _ILLEGAL.sub(b"", data)
        if cleaned == data:
            raise Malformed(f"not XML: {error}") from error
    try:
        return _Tree().parse(cleaned)
    except expat.ExpatError as error:
        raise Malformed(f"not XML: {error}") from error


class _Tree:
    """Builds the nested object while expat reads."""

    def __init__(self) -> None:
        self._open: list[tuple[str, Json]] = [("", {})]
        self._text: list[str] = []
        self._elements = 0
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        parser.StartDoctypeDeclHandler = _no_doctype
        self._parser = parser

    def parse(self, data: bytes) -> Json:
        self._parser.Parse(data, True)
        (root,) = self._open[0][1].values()
        return root if isinstance(root, dict) else {}

    def _start(self, name: str, _attributes: Json) -> None:
        self._elements += 1
        if len(self._open) > _MAX_DEPTH or self._elements > _MAX_ELEMENTS:
            raise Malformed("XML nested too deeply, or of too many elements")
        self._open.append((name, {}))
        self._text.clear()

    def _end(self, _name: str) -> None:
        name, children = self._open.pop()
        value: Any = children or "".join(self._text)
        self._text.clear()
        into = self._open[-1][1]
        if name not in into:
            into[name] = value
        elif isinstance(into[name], list):
            into[name].append(value)
        else:
            into[name] = [into[name], value]


def _no_doctype(*_: object) -> None:
    raise Malformed("XML with a document type is refused")


def integer(value: object) -> int:
    """Read digits; anything else, or more of them than a 64-bit number has, is 0."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    return 0


def to_message(
    plain: bytes, *, bot: str, received: float, agent_id: int | None = None, platform: str = "wecom"
) -> Message:
    """Turn a decrypted push into a message. ``agent_id`` is what the envelope or the settings say.

    A type that is not known is kept: its ``kind`` is WeCom's own name, its part holds all fields.

    Raises:
        Malformed: the payload is not the XML of a message.
    """
    fields = parse_xml(plain)
    kind = _text(fields, "MsgType").lower()
    if not kind:
        raise Malformed("the message has no MsgType")
    sender = _text(fields, "FromUserName")
    ts = integer(_text(fields, "CreateTime"))
    chat = "" if sender == "sys" else sender  # change_contact and the like come from nobody
    reply_to: Json = {}
    if chat:
        reply_to["touser"] = chat
        agent = integer(_text(fields, "AgentID")) or agent_id
        if agent:
            reply_to["agentid"] = agent
    return Message(
        platform=platform,
        bot=bot,
        key=_key(fields, plain),
        session=f"{platform}:{bot}:{chat or '-'}",
        sender=sender,
        kind=kind,
        parts=(_part(kind, fields),),
        reply_to=reply_to,
        raw=plain.decode("utf-8", "replace"),
        chat=chat,
        ts=float(ts),
        received=received,
    )


def send_body(delivery: Delivery, *, agent_id: int | None) -> Json:
    """Return the body of ``message/send``, but for the duplicate check.

    Raises:
        Rejected: no receiver, no agent id, or longer than one message may be.
    """
    user = delivery.to.get("touser")
    if not user:
        raise Rejected("this delivery has no receiver", hint="system events have nobody to answer")
    agent = delivery.to.get("agentid") or agent_id
    if not agent:
        raise Rejected("no agent id to send as", hint="set `agent_id` in the bot's wecom section")
    text = printable(delivery.text)
    if (size := len(text.encode())) > MAX_TEXT:
        raise Rejected(
            f"{size} bytes of text in one message", hint=f"WeCom takes {MAX_TEXT}; was it planned?"
        )
    kind = "markdown" if all(part.kind == "markdown" for part in delivery.parts) else "text"
    return {"touser": user, "msgtype": kind, "agentid": int(agent), kind: {"content": text}}


def check_receiver(answer: Json, user: str) -> None:
    """Look for our user among those an accepted request did not reach; WeCom names them in lower case.

    Raises:
        Rejected: the message did not reach the user.
    """
    if user.lower() in str(answer.get("invaliduser", "")).lower().split("|"):
        raise Rejected(f"{user} cannot be reached", hint="unknown, or outside the app's visible range")
    if user.lower() in str(answer.get("unlicenseduser", "")).lower().split("|"):
        raise Rejected(f"{user} has no interface licence", hint="the admin console assigns licences")


def _key(fields: Json, plain: bytes) -> str:
    """Return what makes a push unique.

    That is the MsgId; for events, which have none, sender, time, event and event key, as WeCom says. Events
    that come from no member (contacts changed, …) may be many in a second, so their content counts too: a
    repeated push has the same plaintext.
    """
    if msgid := _text(fields, "MsgId"):
        return _short(msgid)
    sender, event = _text(fields, "FromUserName"), _text(fields, "Event")
    key = ":".join((sender, _text(fields, "CreateTime"), event, _text(fields, "EventKey")))
    if not event or sender in ("", "sys"):
        key = f"{key[:100]}:{hashlib.sha256(plain).hexdigest()[:32]}"
    return _short(key)


def _short(key: str) -> str:
    if len(key) <= _MAX_KEY:
        return key
    return f"{key[:100]}:{hashlib.sha256(key.encode()).hexdigest()}"


def _part(kind: str, fields: Json) -> Part:
    match kind:
        case "text":
            return Part("text", _text(fields, "Content"))
        case "image":
            return _media("image", fields, media_id="MediaId", url="PicUrl")
        case "voice":
            return _media("voice", fields, media_id="MediaId", format="Format")
        case "video":
            return _media("video", fields, media_id="MediaId", thumb_media_id="ThumbMediaId")
        case "file":  # not in the documented set of self-built apps, so its names are unsure
            return _media("file", fields, media_id="MediaId", name="FileName")
        case "location":
            label, x, y = (_text(fields, name) for name in ("Label", "Location_X", "Location_Y"))
            data = _named(fields, latitude="Location_X", longitude="Location_Y", scale="Scale", label="Label")
            return Part("location", f"{label} ({x}, {y})".strip(), data)
        case "link":
            data = _named(fields, title="Title", description="Description", url="Url", image_url="PicUrl")
            lines = [data[name] for name in ("title", "description", "url") if name in data]
            return Part("link", "\n".join(lines), data)
        case "event":
            event = _text(fields, "Event")
            text = f"[{event} {_text(fields, 'EventKey')}".rstrip() + "]"
            return Part("card" if event.startswith("template_card") else "raw", text, _details(fields))
        case _:
            return Part("raw", f"[{kind}]", _details(fields))


_COMMON = frozenset({"ToUserName", "FromUserName", "CreateTime", "MsgType", "MsgId", "AgentID"})


def _details(fields: Json) -> Json:
    """Return what an event or unknown message says beyond the fields all of them have."""
    return {name: value for name, value in fields.items() if name not in _COMMON}


def _media(kind: str, fields: Json, **names: str) -> Part:
    data = _named(fields, **names)
    return Part(kind, f"[{kind} {data['name']}]" if "name" in data else f"[{kind}]", data)


def _named(fields: Json, **names: str) -> Json:
    """Pick and rename the fields that are there."""
    return {ours: text for ours, theirs in names.items() if (text := _text(fields, theirs))}


def _text(fields: Json, name: str) -> str:
    value = fields.get(name, "")
    return value if isinstance(value, str) else ""
