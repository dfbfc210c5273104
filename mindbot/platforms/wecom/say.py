"""What a reply becomes: messages within WeCom's limits, and the objects of ``message/send``. Pure.

Source: WeCom developer centre, "Send application message" (path/90236).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from mindbot.domain import fields
from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import Rejected
from mindbot.domain.message import Json, Part
from mindbot.platforms import markdown, split
from mindbot.platforms.split import Room, clip, printable
from mindbot.platforms.wecom import limits, templates

FILES = frozenset({"image", "voice", "video", "file"})
#: Bytes of a card's text that clients surely show whole; longer text goes ahead of the card. Unsure: the
#: documentation recommends lengths and names no limit.
CARD_TEXT = 480
_MARKS = re.compile(r"[#*_`>\[\]()~-]+")
_TITLE = 36  # characters


def plan(parts: Sequence[Part], most: int = split.MESSAGES) -> list[list[Part]]:
    """Make one message of each part, or several where it is longer than WeCom takes: of text ``most``, and
    one that tells how much is left out.

    Links that follow each other are one message. What WeCom cannot show goes out as its text form, with its
    kind in ``data["was"]``. Mentions are text before what follows: an application has no groups.
    """
    messages: list[list[Part]] = []
    room = Room(most)
    said = ""
    for part in parts:
        if part.kind == "mention":
            said += _mention(part)
            continue
        if part.kind in ("text", "markdown"):
            pieces = _pieces(room, part.kind, said + part.text, part.data)
            messages += pieces
            said = "" if pieces else said
            continue
        if said:
            messages += _pieces(room, "text", said, {})
            said = ""
        if part.kind == "link" and article(part) is not None:
            if messages and messages[-1][0].kind == "link" and len(messages[-1]) < limits.MAX_ARTICLES:
                messages[-1].append(part)
            else:
                messages.append([part])
        elif part.kind in FILES and (part.data.get("media") or part.data.get("media_id")):
            messages.append([part])
        elif part.kind == "card":
            messages += _card(part, room)
        else:
            url = str(part.data.get("url") or "")
            form = part.text if url in part.text else f"{part.text}\n{url}".strip()
            messages += _pieces(room, "text", form or f"[{part.kind}]", {"was": part.kind})
    return messages + _pieces(room, "text", said, {}) + room.notice()


def _pieces(room: Room, kind: str, text: str, data: Json) -> list[list[Part]]:
    """Split text; WeCom refuses empty text."""
    cut = markdown.pieces if kind == "markdown" else split.pieces
    return [[Part(kind, piece, data)] for piece in room.fit(printable(text), limits.MAX_TEXT, cut)]


def _mention(part: Part) -> str:
    names = ("name", "user", "mobile")
    name = next((str(part.data[n]) for n in names if part.data.get(n)), "")
    return f"@{name or ('all' if part.data.get('all') else part.text.lstrip('@'))} "


def _card(part: Part, room: Room) -> list[list[Part]]:
    """Plan a card: as it is, behind its text where that is long, or as text where there is no such card."""
    if part.data.get("msgtype"):
        return [[part]]
    if templates.of_part(part, "task") is None:
        return _pieces(room, "text", options(part), {"was": "card"})
    if "template_card" in part.data or len(part.text.encode()) <= CARD_TEXT:
        return [[part]]
    title = str(part.data.get("title") or title_of(part.text))
    return [*_pieces(room, "text", part.text, {}), [Part("card", "", part.data | {"title": title})]]


def article(part: Part) -> Json | None:
    """Return a link as an article of a news message; None when it has no address or is too long for one."""
    url = str(part.data.get("url") or "")
    lines = [line for line in part.text.splitlines() if line.strip() and line.strip() != url]
    title = str(part.data.get("title") or (lines.pop(0) if lines else "") or urlsplit(url).hostname or "")
    lines = lines[1:] if lines and lines[0] == title else lines
    description = str(part.data.get("description") or "\n".join(lines))
    picture = str(part.data.get("picture") or part.data.get("image_url") or "")
    found = {"title": title, "description": description, "url": url} | (
        {"picurl": picture} if picture else {}
    )
    try:
        limits.check("news", {"articles": [found]})
    except Rejected:
        return None
    return found if url else None


def content(parts: Sequence[Part], task: str) -> tuple[str, Json]:
    """Return msgtype and object of one planned message; files have been uploaded (``data["media_id"]``).

    ``task`` is the id of a card that has none. Raises Rejected: over a limit of WeCom's, which is named.
    """
    part = parts[0]
    msgtype, found = _content(part, parts, task)
    limits.check(msgtype, found)
    return msgtype, found


def _content(part: Part, parts: Sequence[Part], task: str) -> tuple[str, Json]:
    if part.kind == "link" and part.data.get("url"):
        articles = [found for each in parts if (found := article(each))]
        if len(articles) == 1 and "picurl" not in articles[0]:
            card = articles[0]
            return "textcard", card | {"description": card["description"] or card["title"]}
        if articles:
            return "news", {"articles": articles}
    if part.kind in FILES and part.data.get("media_id"):
        more = {k: str(part.data[k]) for k in ("title", "description") if part.data.get(k)}
        return part.kind, {"media_id": str(part.data["media_id"])} | (more if part.kind == "video" else {})
    if part.kind == "card":
        if msgtype := str(part.data.get("msgtype") or ""):
            found = part.data.get(msgtype)
            if not isinstance(found, dict):
                raise Rejected(
                    f"card.{msgtype} is missing", hint=f"`msgtype` says {msgtype}: give its object"
                )
            return msgtype, templates.with_task(found, task) if msgtype == "template_card" else found
        if (made := templates.of_part(part, task)) is not None:
            return "template_card", made
    kind = "markdown" if all(each.kind == "markdown" for each in parts) else "text"
    return kind, {"content": printable("\n".join(each.text for each in parts if each.text))}


def envelope(delivery: Delivery, agent_id: int | None) -> Json:
    """Return whom a message goes to.

    Raises:
        Rejected: no receiver, or no agent id.
    """
    user = delivery.to.get("touser")
    if not user:
        raise Rejected("this delivery has no receiver", hint="system events have nobody to answer")
    agent = delivery.to.get("agentid") or agent_id
    if not agent:
        raise Rejected("no agent id to send as", hint="set `agent_id` in the bot's wecom section")
    return {"touser": str(user), "agentid": int(agent)}


def extras(part: Part) -> Json:
    """Return what a raw card asks of the request itself."""
    names = ("safe", "enable_id_trans")
    return {n: part.data[n] for n in names if n in part.data} if part.data.get("msgtype") else {}


def receivers(to: Json) -> list[str]:
    """Return the members a message goes to, in lower case; none where it goes to everybody."""
    users = str(to.get("touser") or "").lower().split("|")
    return [] if "@all" in users else [user for user in users if user]


def unreached(answer: Json, to: Json) -> list[str]:
    """Return who of several did not get a message; WeCom names them in lower case.

    Raises:
        Rejected: nobody got it.
    """
    if not (answer.get("invaliduser") or answer.get("unlicenseduser")):  # as nearly always
        return []
    users = receivers(to)
    missed = {
        name: fields.text(answer.get(name)).lower().split("|") for name in ("invaliduser", "unlicenseduser")
    }
    lost = [user for user in users if any(user in names for names in missed.values())]
    if not lost or len(lost) < len(users):
        return lost
    who = ", ".join(users)
    if users[0] in missed["invaliduser"]:
        raise Rejected(f"{who} cannot be reached", hint="unknown, or outside the app's visible range")
    raise Rejected(f"{who} has no interface licence", hint="the admin console assigns licences")


def fingerprint(delivery: Delivery) -> str:
    """Return what two deliveries have in common that WeCom might take for one message sent twice."""
    first = delivery.parts[0] if delivery.parts else Part("text")
    if first.kind in ("text", "markdown"):
        return printable(delivery.text)
    mine = [delivery.id] if first.kind == "card" else []  # a card has an id of its own in it
    return json.dumps([*mine, *(part.to_json() for part in delivery.parts)], sort_keys=True)


def options(part: Part) -> str:
    """Return a card as text, for where no card can be shown: its buttons as a numbered list."""
    lines = [
        f"{n}. {b.get('text', '')} {b.get('url', '')}".rstrip()
        for n, b in enumerate(templates.choices(part), 1)
    ]
    title = str(part.data.get("title") or "")
    head = [title] if title and not part.text.startswith(title) else []
    return "\n".join([*head, part.text, *([""] if lines else []), *lines]).strip() or "[card]"


def title_of(text: str) -> str:
    """Return a title for text that has none: the beginning of its first line."""
    for line in text.splitlines():
        if found := " ".join(_MARKS.sub(" ", line).split()):
            return found if len(found) <= _TITLE else clip(found, _TITLE - 1) + "…"
    return "…"
