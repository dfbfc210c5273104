"""A reply becomes few messages, and each message a body of send_msg. Pure.

Sources: WeCom developer centre, "Sending messages" (path/94677), "Messages in answer to events" (path/95122).
"""

from __future__ import annotations

from collections.abc import Sequence

from mindbot.domain.delivery import Delivery
from mindbot.domain.message import Json, Part
from mindbot.platforms import split
from mindbot.platforms.split import cut_notice, printable
from mindbot.platforms.wecomcs.wire import BUDGET, FILES

MAX_TEXT = 2048  # bytes
_MENU_ITEMS = 10
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
#: Types that a ``raw`` part may name in ``data["msgtype"]``, with its object beside it.
RAW = frozenset({"miniprogram", "msgmenu", "ca_link", "link", "location"})


def msgid_of(delivery: Delivery) -> str:
    """Return the id a delivery has at WeCom: the same each time it is sent, at most 32 characters.

    The time it was made is part of it: a turn that runs again makes other deliveries under the same numbers.
    """
    made, digits = int(delivery.created * 1000), ""
    while made:
        made, digit = divmod(made, 36)
        digits = _DIGITS[digit] + digits
    return f"mb-{delivery.id}-{digits or 0}"


def delivery_of(msgid: str) -> str:
    """Return the delivery that has this id, empty for an id that is not ours."""
    return msgid.removeprefix("mb-").rpartition("-")[0] if msgid.startswith("mb-") else ""


def plan(parts: Sequence[Part], most: int = BUDGET) -> list[list[Part]]:
    """Split a reply into at most ``most`` messages.

    One message a part, as long as that are not too many; then texts that follow each other are put together,
    then all texts, in front of what is no text. What still does not fit is cut off, and the last message says
    so: ``data["cut"]`` (characters of text) and ``data["left_out"]`` (kinds of parts). Answers to an event
    (``data["code"]``) and transfers do not count.
    """
    free = [[_brief(part)] for part in parts if part.kind == "transfer" or part.data.get("code")]
    ready = [_shape(part) for part in parts if part.kind != "transfer" and not part.data.get("code")]
    messages: list[list[Part]] = []
    left_out: list[Part] = []
    for tried in (ready, _neighbours(ready), _texts_first(ready)):
        messages, left_out = _split(tried, most)
        if not left_out:
            return messages + free
    return _cut(messages, left_out) + free


def _brief(part: Part) -> Part:
    """Return an answer to an event: one code, one message."""
    if part.kind == "card":
        return part
    kind = part.kind if part.kind == "transfer" else "text"
    return Part(kind, clipped(part.text, MAX_TEXT), part.data)


def _shape(part: Part) -> Part:
    """Return a part as this platform can say it; ``data["was"]`` names what became text."""
    data = part.data
    if part.kind in FILES and (data.get("media") or data.get("media_id")):
        return part
    if part.kind == "card" and data.get("buttons"):
        return part
    if part.kind == "link" and data.get("url") and (data.get("media") or data.get("thumb_media_id")):
        return part
    if part.kind == "location" and "latitude" in data and "longitude" in data:
        return part
    if part.kind == "raw" and data.get("msgtype") in RAW and isinstance(data.get(data["msgtype"]), dict):
        return part
    if part.kind in ("text", "markdown"):
        return Part("text", printable(part.text), data)
    return as_text(part)


def as_text(part: Part, **why: str) -> Part:
    """Return a part that cannot be sent as it is in words."""
    form = part.text or str(part.data.get("url") or f"[{part.kind}]")
    if part.kind == "link" and part.data.get("url") and str(part.data["url"]) not in form:
        form = f"{form} {part.data['url']}"
    return Part("text", printable(form), {"was": part.kind, **why})


def _split(parts: Sequence[Part], most: int) -> tuple[list[list[Part]], list[Part]]:
    """Make messages while there is room for them; returns them and what there is no room for."""
    messages: list[list[Part]] = []
    left_out: list[Part] = []
    for part in parts:
        if part.kind != "text":
            if len(messages) < most:
                messages.append([part])
            else:
                left_out.append(part)
            continue
        start = 0
        for piece in split.pieces(part.text, MAX_TEXT):
            if piece.text.strip() and len(messages) == most:
                left_out.append(Part("text", part.text[start:], part.data))
                break
            if piece.text.strip():
                messages.append([Part("text", piece.text, part.data)])
            start = piece.end
    return messages, left_out


def _neighbours(parts: Sequence[Part]) -> list[Part]:
    found: list[Part] = []
    for part in parts:
        if found and part.kind == found[-1].kind == "text":
            data = found[-1].data | part.data
            found[-1] = Part("text", f"{found[-1].text}\n{part.text}", data)
        else:
            found.append(part)
    return found


def _texts_first(parts: Sequence[Part]) -> list[Part]:
    texts = [part for part in parts if part.kind == "text"]
    return _neighbours([*texts, *(part for part in parts if part.kind != "text")])


def _cut(messages: list[list[Part]], lost: Sequence[Part]) -> list[list[Part]]:
    """Have the last message tell what is lost, where it is one of text."""
    last = messages[-1][0]
    cut = sum(len(part.text) for part in lost if part.kind == "text")
    left_out = [part.kind for part in lost if part.kind != "text"]
    if last.kind == "text" and cut:
        head = split.head(last.text, MAX_TEXT - len(cut_notice(cut + len(last.text)).encode()) - 1)
        cut += len(last.text) - len(head)
        last = Part("text", f"{head.rstrip()}\n{cut_notice(cut)}", last.data)
    said: Json = ({"cut": cut} if cut else {}) | ({"left_out": left_out} if left_out else {})
    return [*messages[:-1], [Part(last.kind, last.text, last.data | said)]]


def clipped(text: str, most: int) -> str:
    """Return the beginning of a text, at most ``most`` bytes of it."""
    return split.head(printable(text), most)


def notes_of(part: Part) -> Json:
    """Return what is to be told of a part that is not sent as it was made."""
    notes: Json = {name: part.data[name] for name in ("cut", "left_out", "was", "why") if name in part.data}
    surplus = len(part.data.get("buttons") or ()) - _MENU_ITEMS
    return notes | ({"left_out": f"{surplus} buttons"} if part.kind == "card" and surplus > 0 else {})


def body_of(part: Part) -> Json:
    """Return msgtype and object of one message; files have been uploaded (``data["media_id"]``)."""
    data = part.data
    if part.kind in FILES:
        return {"msgtype": part.kind, part.kind: {"media_id": str(data["media_id"])}}
    if part.kind == "card":
        items = [_item(n, button) for n, button in enumerate(data["buttons"][:_MENU_ITEMS], 1)]
        menu: Json = {"head_content": clipped(part.text or " ", 1024), "list": items}
        if data.get("tail"):
            menu["tail_content"] = clipped(str(data["tail"]), 1024)
        return {"msgtype": "msgmenu", "msgmenu": menu}
    if part.kind == "link":
        link = {"title": clipped(str(data.get("title") or part.text or data["url"]), 128)}
        if data.get("desc"):
            link["desc"] = clipped(str(data["desc"]), 512)
        link |= {"url": str(data["url"]), "thumb_media_id": str(data["thumb_media_id"])}
        return {"msgtype": "link", "link": link}
    if part.kind == "location":
        place: Json = {name: str(data[name]) for name in ("name", "address") if data.get(name)}
        place |= {name: float(data[name]) for name in ("latitude", "longitude")}
        return {"msgtype": "location", "location": {"name": clipped(part.text or " ", 256)} | place}
    if part.kind == "raw":
        msgtype = str(data["msgtype"])
        content = dict(data[msgtype])
        if msgtype == "miniprogram":
            content["title"] = clipped(str(content.get("title") or part.text or " "), 64)
        if "thumb_media_id" in data:
            content["thumb_media_id"] = str(data["thumb_media_id"])
        return {"msgtype": msgtype, msgtype: content}
    return {"msgtype": "text", "text": {"content": part.text}}


def _item(n: int, button: Json) -> Json:
    text = str(button.get("text") or n)
    if button.get("url"):
        return {"type": "view", "view": {"url": str(button["url"]), "content": clipped(text, 1024)}}
    return {
        "type": "click",
        "click": {"id": clipped(str(button.get("id", n)), 128), "content": clipped(text, 128)},
    }
