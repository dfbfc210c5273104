"""What a reply becomes on the wire: bodies for the session webhook and for the robot API. Pure.

Sources: "Robot message types" (open.dingtalk.com/document/development/robot-message-type) and "The robot
sends a group message". The documents give 15,000 bytes of msgParam and nothing for webhooks; both stay below.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace

from mindbot.domain.message import Json, Part
from mindbot.platforms.split import printable, split_bytes

MAX_TEXT = 4000  # bytes: as JSON inside JSON it may triple
FILES = frozenset({"image", "voice", "video", "file"})
_TITLE = 40  # characters
_FILE_TYPES = frozenset({"xlsx", "pdf", "zip", "rar", "doc", "docx"})
_FENCE = re.compile(r"(```.*?(?:```|$))", re.DOTALL)
_BREAK = re.compile(r"(?<=[^ \n])\n(?!\n)")
_MARKS = re.compile(r"[#*_`>\[\]()~-]+")


def plan(parts: Sequence[Part], *, markdown: bool) -> list[list[Part]]:
    """Make one message of each part, or several where it is too long; mentions join the text behind."""
    messages: list[list[Part]] = []
    mentions: list[Part] = []
    for part in parts:
        if part.kind == "mention":
            mentions.append(part)
            continue
        if (part.kind in FILES and (part.data.get("media") or part.data.get("url"))) or part.kind == "card":
            messages.append([part])
            continue
        if part.kind == "link" and part.data.get("url") and len(part.text.encode()) <= MAX_TEXT:
            messages.append([part])
            continue
        kind = "markdown" if part.kind == "markdown" or (markdown and part.kind == "text") else "text"
        text = part.text or str(part.data.get("url") or "")
        data = {} if part.kind in ("text", "markdown") else {"was": part.kind}
        if not text and data:
            text = f"[{part.kind}]"
        pieces = [piece for piece in split_bytes(printable(text), MAX_TEXT) if piece.strip()]
        for n, piece in enumerate(pieces):
            messages.append([*(mentions if n == 0 else ()), Part(kind, piece, data)])
        mentions = [] if pieces else mentions
    if mentions:
        messages.append([*mentions, Part("text", " ")])
    return messages


def at(parts: Sequence[Part]) -> tuple[Json, str]:
    """Return the ``at`` of a webhook message and the text that must say the same."""
    users = [str(p.data["user"]) for p in parts if p.kind == "mention" and p.data.get("user")]
    mobiles = [str(p.data["mobile"]) for p in parts if p.kind == "mention" and p.data.get("mobile")]
    everybody = any(p.kind == "mention" and p.data.get("all") for p in parts)
    said = "".join(f"@{each} " for each in [*users, *mobiles])
    return {"atUserIds": users, "atMobiles": mobiles, "isAtAll": everybody}, said


def by_webhook(parts: Sequence[Part], title: str) -> Json | None:
    """Return the body for a session webhook, or None when it cannot carry this."""
    mention, said = at(parts)
    part = next(p for p in parts if p.kind != "mention")
    text = said + part.text
    match part.kind:
        case "text":
            return {"msgtype": "text", "text": {"content": text}, "at": mention}
        case "markdown":
            body = {"title": title_of(part.text, title), "text": broken(text)}
            return {"msgtype": "markdown", "markdown": body, "at": mention}
        case "link":
            link = {"title": title_of(part.text, title), "text": part.text or part.data["url"]}
            more = {"messageUrl": part.data["url"], "picUrl": str(part.data.get("picture") or "")}
            return {"msgtype": "link", "link": link | more}
        case "card" if all(button.get("url") for button in part.data.get("buttons") or ()):
            card = part.data
            buttons = [{"title": b.get("text", ""), "actionURL": b["url"]} for b in card.get("buttons") or ()]
            body = {"title": str(card.get("title") or title_of(part.text, title)), "text": broken(part.text)}
            if buttons:
                return {
                    "msgtype": "actionCard",
                    "actionCard": body | {"btnOrientation": "0", "btns": buttons},
                }
            return {"msgtype": "markdown", "markdown": body, "at": mention}
    return None


def by_api(parts: Sequence[Part], title: str) -> tuple[str, Json]:
    """Return msgKey and msgParam for the robot API; files have been uploaded (``data["media_id"]``)."""
    _, said = at(parts)
    part = next(p for p in parts if p.kind != "mention")
    data = part.data
    match part.kind:
        case "markdown":
            return "sampleMarkdown", {"title": title_of(part.text, title), "text": broken(said + part.text)}
        case "link":
            link = {"title": title_of(part.text, title), "text": part.text or data["url"]}
            more = {"picUrl": str(data.get("picture") or ""), "messageUrl": data["url"]}
            return "sampleLink", link | more
        case "image":
            return "sampleImageMsg", {"photoURL": str(data.get("media_id") or data["url"])}
        case "voice":
            return "sampleAudio", {"mediaId": data["media_id"], "duration": str(data.get("duration") or 1000)}
        case "video":
            video = {"videoMediaId": data["media_id"], "videoType": "mp4", "picMediaId": data["cover_id"]}
            return "sampleVideo", video | {"duration": str(data.get("duration") or 1)}
        case "file":
            name = str(data.get("name") or "file")
            ending = name.rpartition(".")[2].lower()
            kind = (
                ending if ending in _FILE_TYPES else "zip"
            )  # the table of endings is short; the name counts
            return "sampleFile", {"mediaId": data["media_id"], "fileName": name, "fileType": kind}
        case "card":
            body = by_webhook(parts, title)
            if body and "actionCard" in body:
                return _action_card(body["actionCard"])
            return "sampleMarkdown", {
                "title": str(data.get("title") or title_of(part.text, title)),
                "text": options(part),
            }
    return "sampleText", {"content": said + part.text}


def _action_card(card: Json) -> tuple[str, Json]:
    """Return an action card of the API: one to five buttons, each with keys of its own."""
    buttons = card["btns"][:5]
    param: Json = {"title": card["title"], "text": card["text"]}
    if len(buttons) == 1:
        return "sampleActionCard", param | {
            "singleTitle": buttons[0]["title"],
            "singleURL": buttons[0]["actionURL"],
        }
    for n, button in enumerate(buttons, 1):
        param |= {f"actionTitle{n}": button["title"], f"actionURL{n}": button["actionURL"]}
    return f"sampleActionCard{len(buttons)}", param


def options(part: Part) -> str:
    """Return a card as text, for where no card can be shown: its buttons as a numbered list."""
    lines = [
        f"{n}. {b.get('text', '')} {b.get('url', '')}".rstrip()
        for n, b in enumerate(part.data.get("buttons") or (), 1)
    ]
    return "\n".join([part.text, "", *lines]).strip()


def uploaded(part: Part, **ids: str) -> Part:
    """Return a part with the ids its files have on the platform."""
    return replace(part, data=part.data | ids)


def broken(text: str) -> str:
    """Return Markdown whose single line ends are seen: two blanks before each, outside of code."""
    pieces = _FENCE.split(text)
    return "".join(p if p.startswith("```") else _BREAK.sub("  \n", p) for p in pieces)


def title_of(text: str, otherwise: str) -> str:
    """Return what notifications show of a message: the beginning of its first line."""
    for line in text.splitlines():
        if found := " ".join(_MARKS.sub(" ", line).split()):
            return found[:_TITLE]
    return otherwise or "…"


def param_text(param: Json) -> str:
    """Return msgParam as the API wants it: JSON text."""
    return json.dumps(param, ensure_ascii=False)
