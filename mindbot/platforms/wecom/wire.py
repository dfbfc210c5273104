"""WeCom's pushes as messages: the XML, and what all types have. Pure functions.

Sources: WeCom developer centre, "Message formats" (path/90239), "Event formats" (path/90240).
"""

from __future__ import annotations

import hashlib
import re
from typing import Any
from xml.parsers import expat

from mindbot.domain.message import Json, Message
from mindbot.platforms.wecom.errors import Malformed
from mindbot.platforms.wecom.incoming import part_of, text_of

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
    kind = text_of(fields, "MsgType").lower()
    if not kind:
        raise Malformed("the message has no MsgType")
    sender = text_of(fields, "FromUserName")
    ts = integer(text_of(fields, "CreateTime"))
    chat = "" if sender == "sys" else sender  # change_contact and the like come from nobody
    reply_to: Json = {}
    if chat:
        reply_to["touser"] = chat
        agent = integer(text_of(fields, "AgentID")) or agent_id
        if agent:
            reply_to["agentid"] = agent
    return Message(
        platform=platform,
        bot=bot,
        key=_key(fields, plain),
        session=f"{platform}:{bot}:{chat or '-'}",
        sender=sender,
        kind=kind,
        parts=(part_of(kind, fields),),
        reply_to=reply_to,
        raw=plain.decode("utf-8", "replace"),
        chat=chat,
        ts=float(ts),
        received=received,
    )


def _key(fields: Json, plain: bytes) -> str:
    """Return what makes a push unique.

    That is the MsgId; for events, which have none, sender, time, event and event key, as WeCom says. Events
    that come from no member (contacts changed, …) may be many in a second, so their content counts too: a
    repeated push has the same plaintext.
    """
    if msgid := text_of(fields, "MsgId"):
        return _short(msgid)
    sender, event = text_of(fields, "FromUserName"), text_of(fields, "Event")
    key = ":".join((sender, text_of(fields, "CreateTime"), event, text_of(fields, "EventKey")))
    if not event or sender in ("", "sys"):
        key = f"{key[:100]}:{hashlib.sha256(plain).hexdigest()[:32]}"
    return _short(key)


def _short(key: str) -> str:
    if len(key) <= _MAX_KEY:
        return key
    return f"{key[:100]}:{hashlib.sha256(key.encode()).hexdigest()}"
