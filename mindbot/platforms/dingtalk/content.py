"""What people say, as parts: every kind of message, what it quotes, whom it mentions. Pure.

Sources: "Receive messages" and "Robot message types" (open.dingtalk.com/document/development). Quotes are in
no official page; they are read as bots of the field see them, wherever they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from mindbot.domain.message import Json, Part, text_part

KINDS = {"picture": "image", "audio": "voice", "video": "video", "file": "file"}
#: The month's calls are used up: messages come without what was said.
QUOTA = "20001"

_QUOTED = 500  # characters of a quoted text


def read(data: Json) -> tuple[str, list[Part]]:
    """Return the kind and the parts of a message, what is quoted first, whom it mentions last."""
    msgtype = str(data.get("msgtype") or "")
    content = data.get("text" if msgtype == "text" else "content")
    if not isinstance(content, dict):
        content = {"text": content} if isinstance(content, str) else {}
    if not content and (code := str(data.get("errCode") or data.get("errorCode") or "")):
        why = str(data.get("errMsg") or data.get("errorMessage") or "no content")
        return "event", [Part("raw", f"[{msgtype}: {why} ({code})]", {"msgtype": msgtype, "code": code})]
    kind, said = _said(msgtype, content)
    return kind, [*_quotes(data, content), *said, *_mentions(data)]


def _said(msgtype: str, content: Json) -> tuple[str, list[Part]]:
    if msgtype == "text":
        return "text", [text_part(str(content.get("content") or content.get("text") or "").strip())]
    if msgtype == "richText":
        parts = list(_rich(content.get("richText"))) or [text_part("")]
        only_pictures = all(part.kind == "image" for part in parts)
        return ("image" if only_pictures else "text"), parts
    if msgtype in KINDS:
        return KINDS[msgtype], [_media(KINDS[msgtype], content)]
    words = ("unknownMsgType", "summary", "title", "text")
    text = next((str(content[each]) for each in words if content.get(each)), f"[{msgtype or 'unknown'}]")
    return "raw", [Part("raw", text, {"msgtype": msgtype, "content": content})]


def _media(kind: str, content: Json, **more: Any) -> Part:
    data: Json = {"code": str(content.get("downloadCode") or content.get("pictureDownloadCode") or "")}
    for field in ("duration", "videoType", "spaceId", "fileId"):
        if content.get(field) not in (None, ""):
            data[field] = content[field]
    if seconds := _seconds(content.get("duration")):
        data["seconds"] = seconds
    name = str(content.get("fileName") or "")
    if name:
        data["name"] = name
    words = str(content.get("recognition") or "")  # the platform's speech to text
    return Part(kind, words or (f"[{kind}: {name}]" if name else f"[{kind}]"), data | more)


def _seconds(duration: Any) -> float:
    """Return a duration in seconds: the page gives milliseconds, as numbers; videos come with "5"."""
    if isinstance(duration, str) and duration.isdigit():
        return float(duration)
    return duration / 1000 if isinstance(duration, int | float) and duration > 0 else 0.0


def _rich(pieces: Any) -> Iterable[Part]:
    for piece in pieces if isinstance(pieces, list) else ():
        if not isinstance(piece, dict):
            continue
        if piece.get("type") == "picture" or piece.get("downloadCode"):
            yield _media("image", piece)
        elif piece.get("type") == "at":
            name, user = str(piece.get("atName") or ""), str(piece.get("atUserId") or "")
            yield Part("mention", f"@{name or user}", {"user": user})
        elif text := str(piece.get("text") or "").strip():
            yield text_part(text)


def _mentions(data: Json) -> Iterable[Part]:
    """Yield who is mentioned besides the robot; their names are in the text already."""
    people = data.get("atUsers")
    for each in people if isinstance(people, list) else ():
        if isinstance(each, dict) and each.get("dingtalkId") != data.get("chatbotUserId"):
            facts = {"user": str(each.get("staffId") or ""), "id": str(each.get("dingtalkId") or "")}
            yield Part("mention", "", facts)


def _quotes(data: Json, content: Json) -> Iterable[Part]:
    """Yield what is quoted: what it says, and its file where it has one.

    ``data["ours"]`` of the part is the id that a send of the robot returned, when it was the robot's.
    """
    ours = str(data.get("originalProcessQueryKey") or "")
    quoted = content.get("repliedMsg") or data.get("repliedMsg") or data.get("quoteMessage")
    if not isinstance(quoted, dict):
        legacy = content.get("quoteContent")
        if not (content.get("isReplyMsg") or data.get("originalMsgId") or ours or legacy):
            return
        quoted = {"content": legacy}
    inner = quoted.get("content") if quoted.get("content") is not None else quoted.get("text")
    inner = _opened(inner)
    kind = str(quoted.get("msgType") or quoted.get("msgtype") or "")
    facts: Json = {"id": str(quoted.get("msgId") or data.get("originalMsgId") or ""), "kind": kind}
    if ours:
        facts["ours"] = ours
    if sender := str(quoted.get("senderId") or ""):
        facts["sender"] = sender
    files = [part for part in _rich(inner.get("richText")) if part.kind == "image"]
    if inner.get("downloadCode"):
        files.append(_media(KINDS.get(kind, "file" if inner.get("fileName") else "image"), inner))
    yield Part("quote", _words(inner)[:_QUOTED] or (f"[{kind}]" if kind else ""), facts)
    for part in files:
        yield Part(part.kind, part.text, part.data | {"quoted": True})


def _opened(inner: Any) -> Json:
    """Return a quote's content: an object, an object as text, or words."""
    if isinstance(inner, str) and inner.startswith("{"):
        try:
            inner = json.loads(inner)
        except (ValueError, RecursionError):
            return {"text": inner}
    if isinstance(inner, dict):
        return inner
    return {"text": inner} if isinstance(inner, str) else {}


def _words(inner: Json) -> str:
    for field in ("text", "content", "recognition", "fileName", "summary", "title"):
        if isinstance(inner.get(field), str) and inner[field].strip():
            return str(inner[field]).strip()
    return " ".join(part.text for part in _rich(inner.get("richText")))
