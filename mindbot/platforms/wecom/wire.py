"""WeCom's pushes as messages: what all types have. Pure functions.

Sources: WeCom developer centre, "Message formats" (path/90239), "Event formats" (path/90240).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from mindbot.domain import fields, plain
from mindbot.domain.message import Json, Message, Part
from mindbot.platforms.wecom.incoming import part_of
from mindbot.platforms.wecom_shared.refusals import Malformed
from mindbot.platforms.wecom_shared.xml import parse_xml, text_of

_MAX_KEY = 200  # characters; the store keeps 255


def to_message(
    push: bytes,
    *,
    bot: str,
    received: float,
    agent_id: int | None = None,
    platform: str = "wecom",
    read: Callable[[str, Json], Part] = part_of,
) -> Message:
    """Turn a decrypted push into a message. ``agent_id`` is what the envelope or the settings say.

    A type that is not known is kept: its ``kind`` is WeCom's own name, its part holds all fields. ``read``
    makes the part of what was sent.

    Raises:
        Malformed: the payload is not the XML of a message.
    """
    xml = parse_xml(push)
    kind = text_of(xml, "MsgType").lower()
    if not kind:
        raise Malformed("the message has no MsgType")
    sender = text_of(xml, "FromUserName")
    ts = fields.moment(text_of(xml, "CreateTime"))
    chat = "" if sender == "sys" else sender  # change_contact and the like come from nobody
    reply_to: Json = {}
    if chat:
        reply_to["touser"] = chat
        agent = fields.whole(text_of(xml, "AgentID")) or agent_id
        if agent:
            reply_to["agentid"] = agent
    return Message(
        platform=platform,
        bot=bot,
        key=_key(xml, push),
        session=f"{platform}:{bot}:{chat or '-'}",
        sender=sender,
        kind=kind,
        parts=(read(kind, xml),),
        reply_to=reply_to,
        raw=plain.decoded(push),
        chat=chat,
        ts=ts,
        received=received,
    )


def unread(kind: str, xml: Json) -> Part:
    """Return the part of what a mistake of ours cannot read."""
    return Part("raw", f"[{kind}: unreadable]")


def _key(xml: Json, push: bytes) -> str:
    """Return what makes a push unique.

    That is the MsgId; for events, which have none, sender, time, event and event key, as WeCom says. Events
    that come from no member (contacts changed, …) may be many in a second, so their content counts too: a
    repeated push has the same plaintext.
    """
    if msgid := text_of(xml, "MsgId"):
        return _short(msgid)
    sender, event = text_of(xml, "FromUserName"), text_of(xml, "Event")
    key = ":".join((sender, text_of(xml, "CreateTime"), event, text_of(xml, "EventKey")))
    if not event or sender in ("", "sys"):
        key = f"{key[:100]}:{hashlib.sha256(push).hexdigest()[:32]}"
    return _short(key)


def _short(key: str) -> str:
    if len(key) <= _MAX_KEY:
        return key
    return f"{key[:100]}:{hashlib.sha256(key.encode()).hexdigest()}"
