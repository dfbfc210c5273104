"""What members send and do, as parts. Pure.

Sources: WeCom developer centre, "Message formats" (path/90239), "Event formats" (path/90240).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mindbot.domain.message import Json, Part
from mindbot.platforms.wecom_shared.xml import text_of

_COMMON = frozenset({"ToUserName", "FromUserName", "CreateTime", "MsgType", "MsgId", "AgentID"})

#: The press of a button on a template card, and a choice from its menu.
PRESS, MENU = "template_card_event", "template_card_menu_event"


def part_of(kind: str, fields: Json) -> Part:
    """Return the part of a message; a type that is not known keeps all its fields."""
    match kind:
        case "text":
            return Part("text", text_of(fields, "Content"))
        case "image":
            return _media("image", fields, media_id="MediaId", url="PicUrl")
        case "voice":
            return _media("voice", fields, media_id="MediaId", format="Format")
        case "video":
            return _media("video", fields, media_id="MediaId", thumb_media_id="ThumbMediaId")
        case "file":  # not in the documented set of self-built apps, so its names are unsure
            return _media("file", fields, media_id="MediaId", name="FileName")
        case "location":
            return _place(fields, details={})
        case "link":
            data = _named(fields, title="Title", description="Description", url="Url", image_url="PicUrl")
            lines = [data[name] for name in ("title", "description", "url") if name in data]
            return Part("link", "\n".join(lines), data)
        case "event":
            return _event(fields)
    return Part("raw", f"[{kind}]", _details(fields))


def _event(fields: Json) -> Part:
    """Return an event: its readable form, and everything it says in ``data``."""
    event, data = text_of(fields, "Event"), _details(fields)
    name = event.lower()
    if name in (PRESS, MENU):
        return Part("card", _said(event, text_of(fields, "EventKey")), data)
    if name == "location":
        return _place(fields, x="Latitude", y="Longitude", details=data)
    if name == "location_select" and isinstance(place := fields.get("SendLocationInfo"), dict):
        return _place(place, details=data)
    adds = _ADDS.get(name)
    return Part("raw", _said(event, text_of(fields, "EventKey"), adds(fields) if adds else ""), data)


def _said(event: str, key: str, more: str = "") -> str:
    return f"[{event} {key}".rstrip() + "]" + (f" {more}" if more else "")


def _inside(fields: Json, outer: str, *names: str) -> str:
    found = fields.get(outer)
    return " ".join(filter(None, (text_of(found, n) for n in names))) if isinstance(found, dict) else ""


def _scan(fields: Json) -> str:
    return _inside(fields, "ScanCodeInfo", "ScanResult")


def _pictures(fields: Json) -> str:
    count = _inside(fields, "SendPicsInfo", "Count")
    return f"({count} pictures)" if count else ""


def _job(fields: Json) -> str:
    return _inside(fields, "BatchJob", "JobType", "ErrCode", "ErrMsg")


def _contact(fields: Json) -> str:
    names = ("ChangeType", "UserID", "Id", "TagId")
    return " ".join(filter(None, (text_of(fields, name) for name in names)))


#: What the readable form of an event says besides its name and key. All others need no more: subscribe,
#: unsubscribe, enter_agent, click, view, view_miniprogram, and the notices about the application.
_ADDS: dict[str, Callable[[Json], str]] = {
    "scancode_push": _scan,
    "scancode_waitmsg": _scan,
    "pic_sysphoto": _pictures,
    "pic_photo_or_album": _pictures,
    "pic_weixin": _pictures,
    "batch_job_result": _job,
    "change_contact": _contact,
    "open_approval_change": lambda f: _inside(f, "ApprovalInfo", "ThirdNo", "OpenSpName", "OpenSpStatus"),
    "inactive_alert": lambda f: text_of(f, "EffectTime"),
    "low_active_alert": lambda f: text_of(f, "EffectTime"),
}


def _details(fields: Json) -> Json:
    """Return what an event or unknown message says beyond the fields all of them have."""
    return {name: value for name, value in fields.items() if name not in _COMMON}


def _place(fields: Json, *, details: Json, x: str = "Location_X", y: str = "Location_Y") -> Part:
    data = _named(fields, latitude=x, longitude=y, scale="Scale", label="Label", name="Poiname")
    label = data.get("name") or data.get("label", "")
    text = f"{label} ({text_of(fields, x)}, {text_of(fields, y)})".strip()
    return Part("location", text, data | details)


def _media(kind: str, fields: Json, **names: str) -> Part:
    data = _named(fields, **names)
    return Part(kind, f"[{kind} {data['name']}]" if "name" in data else f"[{kind}]", data)


def _named(fields: Json, **names: str) -> Json:
    """Pick and rename the fields that are there."""
    return {ours: text for ours, theirs in names.items() if (text := text_of(fields, theirs))}


def selected(data: Json) -> dict[str, list[str]]:
    """Return the ids that were chosen on a card, by question."""
    found: dict[str, list[str]] = {}
    chosen = data.get("SelectedItems")
    for item in _list(chosen.get("SelectedItem") if isinstance(chosen, dict) else None):
        if isinstance(item, dict):
            options = item.get("OptionIds")
            ids = _list(options.get("OptionId") if isinstance(options, dict) else None)
            found[text_of(item, "QuestionKey")] = [id for id in ids if isinstance(id, str)]
    return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value in (None, "") else [value]
