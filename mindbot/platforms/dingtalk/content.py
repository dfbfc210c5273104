"""What people say, as parts: every kind of message, and whom it mentions. Pure.

Sources: "Receive messages" and "Robot message types" (open.dingtalk.com/document/development). The pieces of
a rich text are named ``type`` and ``text`` there, and ``msgType`` and ``content`` inside quotes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mindbot.domain import fields
from mindbot.domain.message import Json, Part, text_part
from mindbot.domain.names import file_name

KINDS = {"picture": "image", "audio": "voice", "video": "video", "file": "file"}
#: The month's calls are used up: messages come without what was said.
QUOTA = "20001"

_LONGEST = 1e6  # what a duration in seconds can be


def said(data: Json, content: Json) -> tuple[str, list[Part]]:
    """Return the kind and the parts of a message's own ``content``."""
    msgtype = fields.text(data.get("msgtype"))
    code = fields.text(data.get("errCode")) or fields.text(data.get("errorCode"))
    if not content and code:
        why = fields.text(data.get("errMsg")) or fields.text(data.get("errorMessage")) or "no content"
        return "event", [Part("raw", f"[{msgtype}: {why} ({code})]", {"msgtype": msgtype, "code": code})]
    if msgtype == "text":
        return "text", [text_part(first_of(content, "content", "text").strip())]
    if msgtype == "richText":
        robot = fields.text(data.get("chatbotUserId"))
        parts = rich(content.get("richText"), robot) or [text_part("")]
        only_pictures = all(part.kind == "image" for part in parts)
        return ("image" if only_pictures else "text"), parts
    if msgtype in KINDS:
        return KINDS[msgtype], [media(KINDS[msgtype], content)]
    words = first_of(content, "unknownMsgType", "summary", "title", "text") or f"[{msgtype or 'unknown'}]"
    return "raw", [Part("raw", words, {"msgtype": msgtype, "content": content})]


def of(data: Json) -> Json:
    """Return the object that holds what is said."""
    found = data.get("text" if data.get("msgtype") == "text" else "content")
    return {"text": found} if isinstance(found, str) else fields.mapping(found)


def first_of(content: Json, *names: str) -> str:
    """Return the first of some fields that holds words."""
    return next((said for name in names if (said := fields.text(content.get(name))).strip()), "")


def media(kind: str, content: Json) -> Part:
    """Return the part of a file: a code to download it by, and what is said of it."""
    data: Json = {"code": first_of(content, "downloadCode", "pictureDownloadCode")}
    for field in ("duration", "videoType", "spaceId", "fileId"):
        if content.get(field) not in (None, ""):
            data[field] = content[field]
    if seconds := _seconds(content.get("duration")):
        data["seconds"] = seconds
    name = file_name(fields.text(content.get("fileName")))
    if name:
        data["name"] = name
    words = fields.text(content.get("recognition"))  # the platform's speech to text
    return Part(kind, words or (f"[{kind}: {name}]" if name else f"[{kind}]"), data)


def _seconds(duration: Any) -> float:
    """Return a duration in seconds: the page gives milliseconds, as numbers; videos come with "5"."""
    told = fields.number(duration)
    seconds = told if isinstance(duration, str) else told / 1000
    return seconds if 0 < seconds < _LONGEST else 0.0


def rich(pieces: Any, robot: str = "") -> list[Part]:
    """Return the parts of a rich text, of which each change of style is a piece: its lines stay as written.

    Pictures cut it. Whom it mentions is named in the text, and in parts of their own; not so the ``robot``.
    """
    parts: list[Part] = []
    run: list[str] = []
    mentions: list[Part] = []
    for piece in fields.mappings(pieces):
        kind = fields.text(piece.get("type")) or fields.text(piece.get("msgType"))
        if kind == "picture" or piece.get("downloadCode"):
            parts += _written(run)
            parts.append(media("image", piece))
            run = []
        elif kind == "at":
            user = fields.text(piece.get("atUserId"))
            if user and user == robot:
                continue
            run.append(f"@{fields.text(piece.get('atName')) or user}")
            mentions.append(Part("mention", "", {"user": user}))
        else:
            run.append(fields.text(piece.get("text")) or fields.text(piece.get("content")))
    return [*parts, *_written(run), *mentions]


def _written(run: list[str]) -> Iterable[Part]:
    """Yield pieces of text as one, with the indentation of its lines where it has several."""
    text = "".join(run).strip("\r\n").rstrip()
    if text := text if "\n" in text else text.strip():
        yield text_part(text)


def mentions(data: Json) -> Iterable[Part]:
    """Yield who is mentioned besides the robot; their names are in the text already."""
    for each in fields.mappings(data.get("atUsers")):
        if each.get("dingtalkId") != data.get("chatbotUserId"):
            facts = {"user": fields.text(each.get("staffId")), "id": fields.text(each.get("dingtalkId"))}
            yield Part("mention", "", facts)
