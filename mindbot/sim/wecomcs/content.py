"""What a bot may put into one message. Source: WeCom developer centre, "Sending messages" (path/94677)."""

from __future__ import annotations

from collections.abc import Container

from mindbot.domain.message import Json
from mindbot.sim.wecom.tokens import ApiError

#: Bytes a text may have, by type and field; longer ones are refused.
_LONGEST = {
    ("text", "content"): 2048,
    ("link", "title"): 128,
    ("link", "desc"): 512,
    ("link", "url"): 2048,
    ("miniprogram", "title"): 64,
    ("msgmenu", "head_content"): 1024,
    ("msgmenu", "tail_content"): 1024,
}
_NEEDS = {
    "text": ("content",),
    "image": ("media_id",),
    "voice": ("media_id",),
    "video": ("media_id",),
    "file": ("media_id",),
    "link": ("title", "url", "thumb_media_id"),
    "miniprogram": ("appid", "title", "thumb_media_id", "pagepath"),
    "msgmenu": (),
    "location": ("latitude", "longitude"),
    "ca_link": ("link_url",),
}
#: Fields of a menu's items, with the bytes each may have.
_ITEMS = {
    "click": {"id": 128, "content": 128},
    "view": {"url": 2048, "content": 1024},
    "miniprogram": {"appid": 1024, "pagepath": 1024, "content": 1024},
    "text": {"content": 256},
}
_MENU = 10


def readable(body: Json, media: Container[str]) -> str:
    """Check a message and return what the customer reads of it.

    Raises:
        ApiError: 40008 no such type, 40058 a field is missing, 45002 too long, 44004 empty, 40007 no such
            media, 95008 and 95009 a menu that is too long or has unknown items.
    """
    msgtype = str(body.get("msgtype", ""))
    content = body.get(msgtype)
    if msgtype not in _NEEDS or not isinstance(content, dict):
        raise ApiError(40008)
    if missing := [name for name in _NEEDS[msgtype] if content.get(name) in (None, "")]:
        raise ApiError(44004 if msgtype == "text" else 40058, f"missing {missing[0]}. ")
    for name, value in content.items():
        most = _LONGEST.get((msgtype, name))
        if most and len(str(value).encode()) > most:
            raise ApiError(45002)
    for name in ("media_id", "thumb_media_id"):
        if name in content and content[name] not in media:
            raise ApiError(40007)
    if msgtype == "text":
        text = str(content["content"])
        if not text.strip():
            raise ApiError(44004)
        return text
    if msgtype == "msgmenu":
        return _menu(content)
    if msgtype == "location":
        place = [str(content[name]) for name in ("name", "address") if content.get(name)]
        return " ".join([*place, f"{content['latitude']},{content['longitude']}"])
    return str(content.get("title") or content.get("link_url") or f"[{msgtype}]")


def _menu(content: Json) -> str:
    items = content.get("list") or []
    if len(items) > _MENU:
        raise ApiError(95008)
    lines = [str(content.get("head_content", ""))]
    for item in items:
        kind = str(item.get("type", ""))
        inner = item.get(kind)
        if kind not in _ITEMS or not isinstance(inner, dict):
            raise ApiError(95009)
        for name, most in _ITEMS[kind].items():
            if len(str(inner.get(name, "")).encode()) > most:
                raise ApiError(45002)
        lines.append(str(inner.get("content", "")))
    return "\n".join([*lines, str(content.get("tail_content", ""))]).strip()
