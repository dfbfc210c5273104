"""What a reply becomes on the wire: bodies for the session webhook and for the robot API. Pure.

Sources: "Robot message types" (open.dingtalk.com/document/development/robot-message-type), "The robot sends a
group message" (15,000 bytes of msgParam) and "Upload media files". For webhooks no page gives a size.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from mindbot.domain.message import Json, Part
from mindbot.platforms import split
from mindbot.platforms.dingtalk import markdown as md
from mindbot.platforms.markdown import pieces as markdown_pieces
from mindbot.platforms.split import Room, printable

MAX_TEXT = 12_000  # bytes in one message, as a rule
MAX_PARAM = 14_500  # bytes of msgParam: the documented 15,000, and some for a title
_LINE_END = 4  # bytes that a line end may grow by: two blanks, and an empty line before a table
FILES = frozenset({"image", "voice", "video", "file"})
#: What each upload type takes: endings and bytes.
UPLOADS: dict[str, tuple[frozenset[str], int]] = {
    "image": (frozenset({"jpg", "jpeg", "gif", "png", "bmp"}), 20 << 20),
    "voice": (frozenset({"amr", "ogg"}), 2 << 20),  # of those that are uploaded only these are played
    "video": (frozenset({"mp4"}), 20 << 20),
    "file": (frozenset({"doc", "docx", "xls", "xlsx", "ppt", "pptx", "zip", "pdf", "rar"}), 20 << 20),
}


def plan(
    parts: Sequence[Part], *, markdown: bool, limit: int = MAX_TEXT, most: int = split.MESSAGES
) -> list[list[Part]]:
    """Make one message of each part, or several where it is too long; mentions join the text behind.

    ``markdown`` takes text for Markdown. There are at most ``most`` messages of text, and one that tells
    what is left out.
    """
    messages: list[list[Part]] = []
    room = Room(most)
    mentions: list[Part] = []
    for part in parts:
        if part.kind == "mention":
            mentions.append(part)
            continue
        if (part.kind in FILES and (part.data.get("media") or part.data.get("url"))) or part.kind == "card":
            messages.append([part])
            continue
        if part.kind == "link" and part.data.get("url") and len(part.text.encode()) <= limit:
            messages.append([part])
            continue
        pieces = _pieces(part, room, markdown=markdown, limit=limit)
        for n, piece in enumerate(pieces):
            messages.append([*(mentions if n == 0 else ()), piece])
        mentions = [] if pieces else mentions
    if mentions:
        messages.append([*mentions, Part("text", " ")])
    return messages + room.notice()


def _pieces(part: Part, room: Room, *, markdown: bool, limit: int) -> list[Part]:
    """Cut a part's text into messages; what can only be said in words keeps what it was."""
    kind = "markdown" if part.kind == "markdown" or (markdown and part.kind == "text") else "text"
    text = printable(part.text or str(part.data.get("url") or ""))
    data = {} if part.kind in ("text", "markdown") else {"was": part.kind}
    if not text and data:
        text = f"[{part.kind}]"
    cut = markdown_pieces if kind == "markdown" else split.pieces
    return [Part(kind, piece, data) for piece in room.fit(text, limit, _fitting(cut))]


def _fitting(cut: split.Cut) -> split.Cut:
    """Cut so that each piece also fits as JSON, where quotes and line ends count twice."""

    def fitting(text: str, limit: int) -> Iterator[split.Piece]:
        start = 0
        for piece in cut(text, limit):
            if limit > 1000 and not _fits(piece.text):
                for part in fitting(piece.text, limit // 2):
                    yield split.Piece(part.text, min(piece.end, start + part.end))
            else:
                yield piece
            start = piece.end

    return fitting


def _fits(text: str) -> bool:
    """Whether a piece fits as JSON. What its line ends add is made only where it decides."""
    size = len(json.dumps(text, ensure_ascii=False).encode())
    most = size + text.count("\n") * _LINE_END
    if size > MAX_PARAM or most <= MAX_PARAM:
        return most <= MAX_PARAM
    return len(json.dumps(md.broken(text), ensure_ascii=False).encode()) <= MAX_PARAM


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
    match part.kind:
        case "text":
            return {"msgtype": "text", "text": {"content": said + part.text}, "at": mention}
        case "markdown":
            text = md.broken(md.mentioning(said, part.text))
            body = {"title": md.title_of(part.text, title), "text": text}
            return {"msgtype": "markdown", "markdown": body, "at": mention}
        case "link":
            link = {"title": _title(part, title), "text": part.text or part.data["url"]}
            more = {"messageUrl": part.data["url"], "picUrl": str(part.data.get("picture") or "")}
            return {"msgtype": "link", "link": link | more}
        case "card" if feed := part.data.get("feed"):
            links = [
                {"title": str(e.get("title", "")), "messageURL": e["url"], "picURL": e.get("picture", "")}
                for e in feed
            ]
            return {"msgtype": "feedCard", "feedCard": {"links": links}}
        case "card" if "form" not in part.data and all(b.get("url") for b in _buttons(part)):
            body = {"title": _title(part, title), "text": md.broken(part.text)}
            buttons = [{"title": b.get("text", ""), "actionURL": b["url"]} for b in _buttons(part)]
            if not buttons:
                return {"msgtype": "markdown", "markdown": body, "at": mention}
            if len(buttons) == 1:
                body |= {"singleTitle": buttons[0]["title"], "singleURL": buttons[0]["actionURL"]}
                return {"msgtype": "actionCard", "actionCard": body}
            way = "1" if part.data.get("horizontal") else "0"
            return {"msgtype": "actionCard", "actionCard": body | {"btnOrientation": way, "btns": buttons}}
    return None


def by_api(parts: Sequence[Part], title: str) -> tuple[str, Json]:
    """Return msgKey and msgParam for the robot API; files have been uploaded (``data["media_id"]``)."""
    _, said = at(parts)
    part = next(p for p in parts if p.kind != "mention")
    data = part.data
    match part.kind:
        case "markdown":
            text = md.broken(md.mentioning(said, part.text))
            return "sampleMarkdown", {"title": md.title_of(part.text, title), "text": text}
        case "link":
            link = {"title": _title(part, title), "text": part.text or data["url"]}
            more = {"picUrl": str(data.get("picture") or ""), "messageUrl": data["url"]}
            return "sampleLink", link | more
        case "image":
            return "sampleImageMsg", {"photoURL": str(data.get("media_id") or data["url"])}
        case "voice":
            milliseconds = round(float(data.get("seconds") or 1) * 1000)
            return "sampleAudio", {"mediaId": data["media_id"], "duration": str(milliseconds)}
        case "video":
            video = {"videoMediaId": data["media_id"], "videoType": "mp4", "picMediaId": data["cover_id"]}
            return "sampleVideo", video | {"duration": str(max(1, round(float(data.get("seconds") or 1))))}
        case "file":
            name = str(data.get("name") or "file")
            return "sampleFile", {"mediaId": data["media_id"], "fileName": name, "fileType": ending_of(name)}
        case "card":
            if not data.get("feed") and "form" not in data and all(b.get("url") for b in _buttons(part)):
                found = _action_card(part, title)
                if found is not None:
                    return found
            return "sampleMarkdown", {"title": _title(part, title), "text": md.broken(options(part))}
    return "sampleText", {"content": said + part.text}


def _action_card(part: Part, title: str) -> tuple[str, Json] | None:
    """Return an action card of the API: one to five buttons, each with keys of its own."""
    buttons = [(str(b.get("text", "")), str(b["url"])) for b in _buttons(part)]
    param: Json = {"title": _title(part, title), "text": md.broken(part.text)}
    if not 1 <= len(buttons) <= 5:
        return None
    if len(buttons) == 1:
        return "sampleActionCard", param | {"singleTitle": buttons[0][0], "singleURL": buttons[0][1]}
    across = len(buttons) == 2 and part.data.get("horizontal")
    names = ("buttonTitle", "buttonUrl") if across else ("actionTitle", "actionURL")
    for n, (text, url) in enumerate(buttons, 1):
        param |= {f"{names[0]}{n}": text, f"{names[1]}{n}": url}
    return f"sampleActionCard{6 if across else len(buttons)}", param


def options(part: Part) -> str:
    """Return a card as text, for where no card can be shown: its choices, fields and links as a list."""
    lines = [f"{n}. {b.get('text', '')} {b.get('url', '')}".rstrip() for n, b in enumerate(_buttons(part), 1)]
    lines += [f"- [{each.get('title', '')}]({each.get('url', '')})" for each in part.data.get("feed") or ()]
    if fields := form_fields(part):
        lines = [f"- {label}:" for label in fields.values()]
    return "\n".join([part.text or str(part.data.get("title") or ""), "", *lines]).strip()


def form_fields(part: Part) -> dict[str, str]:
    """Return the fields of a card's form: their names, and what people call them."""
    form = part.data.get("form")
    fields = form.get("fields") if isinstance(form, dict) else form
    found = {}
    for each in fields if isinstance(fields, list) else ():
        if isinstance(each, dict) and each.get("name"):
            found[str(each["name"])] = str(each.get("label") or each["name"])
    return found


def in_words(part: Part) -> Part:
    """Return what a webhook can say of a file: an image by its address, anything else by its name."""
    if part.kind == "image" and part.data.get("url"):
        return Part("markdown", f"![{part.text}]({part.data['url']})", {"was": part.kind})
    name = str(part.data.get("name") or "")
    text = part.text or (f"[{part.kind}: {name}]" if name else f"[{part.kind}]")
    return Part("text", text, {"was": part.kind})


def uploaded(part: Part, **ids: str) -> Part:
    """Return a part with the ids its files have on the platform."""
    return replace(part, data=part.data | ids)


def ending_of(name: str) -> str:
    """Return a file name's ending without its dot, in lower case."""
    return name.rpartition(".")[2].lower() if "." in name else ""


def param_text(param: Json) -> str:
    """Return msgParam as the API wants it: JSON text."""
    return json.dumps(param, ensure_ascii=False)


def _buttons(part: Part) -> Sequence[Json]:
    return part.data.get("buttons") or ()


def _title(part: Part, otherwise: str) -> str:
    return str(part.data.get("title") or md.title_of(part.text, otherwise))
