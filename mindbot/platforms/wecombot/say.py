"""Replies as AI bots send them. Pure, but for the pictures that `pictures` reads.

Sources: WeCom developer centre, "Passive reply" (path/101031), "Template cards" (path/101032) and "Active
reply" (path/101138) of AI bots; "AI bot long connection" (path/101463).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mindbot.domain.message import Json, Part
from mindbot.platforms import markdown, split
from mindbot.platforms.split import Room, clip, cut_notice, printable

MAX_TEXT = 20_480  # bytes of UTF-8
MAX_PICTURES = 10
MAX_PICTURE = 10 << 20  # bytes
FILES = frozenset({"image", "voice", "video", "file"})
TEXTS = frozenset({"text", "markdown"})
#: Ends an answer that grew for as long as it may; the whole of it comes as another message.
LATE = "… (the answer follows)"
_TITLE = 26  # characters, as recommended
_PICTURE_HEADS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")


def stream_id(turn: str) -> str:
    """Return the id of the stream that shows a turn's answer: the same in every process."""
    return f"mb-{turn}"


def turn_of(stream: str) -> str:
    """Return the turn a stream shows; empty when it is none of ours."""
    head, _, turn = stream.partition("-")
    return turn if head == "mb" else ""


def stream(
    turn: str, content: str, *, finish: bool, feedback: bool = False, items: Sequence[Json] = ()
) -> Json:
    """Return a frame of a stream: all of the text so far."""
    frame: Json = {"id": stream_id(turn), "finish": finish, "content": content}
    if items:
        frame["msg_item"] = list(items)
    if feedback:  # in the first frame only
        frame["feedback"] = {"id": turn}
    return {"msgtype": "stream", "stream": frame}


def so_far(text: str, placeholder: str) -> str:
    """Return what is shown of an answer that grows: never more than fits. The rest costs nothing."""
    text = printable(text[: MAX_TEXT + 1])
    if not text.strip():
        return placeholder
    return text if len(text) * 4 <= MAX_TEXT else markdown.first(text, MAX_TEXT)


def whole(text: str, beyond: int = 0) -> tuple[str, int]:
    """Return a text as one message, which tells what does not fit; and how many characters that are.

    ``beyond`` is how many characters more were to follow it in a message that cannot be.
    """
    text = printable(text)
    if not beyond and len(text) <= MAX_TEXT and len(text.encode()) <= MAX_TEXT:
        return text, 0
    kept = markdown.first(text, MAX_TEXT - len(cut_notice(len(text) + beyond).encode()) - 2)
    left_out = max(1, len(text) - len(kept) + beyond)
    return f"{kept.rstrip()}\n\n{cut_notice(left_out)}", left_out


def readable(part: Part) -> Part:
    """Return a part as text, with its kind in ``data["was"]`` unless it was text."""
    if part.kind in TEXTS:
        return Part(part.kind, printable(part.text))
    if part.kind == "card":
        return Part("text", printable(choices(part)), {"was": "card"})
    text = part.text or str(part.data.get("url") or "") or f"[{part.kind}]"
    if part.kind == "link" and part.data.get("url"):
        return Part("markdown", f"[{printable(text)}]({part.data['url']})", {"was": "link"})
    return Part("text", printable(text), {"was": part.kind})


def plan_messages(parts: Sequence[Part], most: int = split.MESSAGES) -> list[list[Part]]:
    """Make one message of each part, or several where it is too long (long connection): of text ``most``, and
    one that tells how much is left out."""
    messages: list[list[Part]] = []
    room = Room(most)
    for part in parts:
        if (part.kind in FILES and (part.data.get("media") or part.data.get("media_id"))) or is_card(part):
            messages.append([part])
            continue
        text = readable(part)
        pieces = room.fit(text.text, MAX_TEXT, markdown.pieces)
        messages += [[Part(text.kind, piece, text.data)] for piece in pieces]
    return messages + room.notice()


def plan_stream(parts: Sequence[Part]) -> list[list[Part]]:
    """Put a whole reply into one message, with up to ten pictures and a card (webhook mode).

    What is too long for it goes into a second one, for which there is no third: there the text is cut, which
    it says, and ``data["cut"]`` in characters.
    """
    texts: list[Part] = []
    pictures: list[Part] = []
    card: list[Part] = []
    for part in parts:
        if part.kind == "image" and part.data.get("media") and len(pictures) < MAX_PICTURES:
            pictures.append(part)
        elif is_card(part) and not card:
            card.append(part)
        elif (text := readable(part)).text.strip():
            texts.append(text)
    room = Room(2)
    pieces = room.fit("\n".join(text.text for text in texts), MAX_TEXT, markdown.pieces)
    was = [text.data["was"] for text in texts if "was" in text.data]
    data: Json = {"was": was[0] if len(was) == 1 else was} if was else {}
    kind = "markdown" if any(text.kind == "markdown" for text in texts) else "text"
    first = [Part(kind, pieces[0], data)] if pieces else []
    messages = [[*first, *pictures, *card]] if first or pictures or card else []
    if len(pieces) > 1:
        messages.append([_last(kind, pieces[1], room.left_out)])
    return messages


def _last(kind: str, text: str, left_out: int) -> Part:
    """Return the last message there may be, with what it tells of the rest."""
    if not left_out:
        return Part(kind, text)
    room = MAX_TEXT - len(cut_notice(left_out + len(text)).encode()) - 2
    kept = markdown.first(text, room)
    left_out += max(0, len(text) - len(kept))
    return Part(kind, f"{kept.rstrip()}\n\n{cut_notice(left_out)}", {"cut": left_out})


def length(parts: Sequence[Part]) -> int:
    """Return how many characters of the answer a planned message stands for: said, or told to be left out."""
    found = 0
    for part in parts:
        cut = int(part.data.get("cut", 0))
        found += len(part.text) + cut - (len(cut_notice(cut)) + 2 if cut else 0)
    return found


def remarks(parts: Sequence[Part]) -> Json:
    """Return what a delivery should say of its parts: what became text, and what was cut."""
    was = [each for part in parts if "was" in part.data for each in _listed(part.data["was"])]
    notes: Json = {"sent_as_text": was} if was else {}
    cut = sum(part.data.get("cut", 0) for part in parts)
    return notes | ({"cut": cut} if cut else {})


def _listed(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def pictures(paths: Sequence[Path]) -> tuple[list[Json], list[str]]:
    """Return pictures as a stream ends with them, and the names of those it cannot; for threads."""
    items: list[Json] = []
    refused: list[str] = []
    for path in paths:
        content = path.read_bytes() if path.stat().st_size <= MAX_PICTURE else b""
        if not content.startswith(_PICTURE_HEADS):
            refused.append(path.name)
            continue
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        image = {"base64": base64.b64encode(content).decode(), "md5": md5}
        items.append({"msgtype": "image", "image": image})
    return items, refused


def is_card(part: Part) -> bool:
    """Tell whether a part can be a template card."""
    return part.kind == "card" and bool(part.data.get("template_card") or part.data.get("buttons"))


def card(part: Part, task: str) -> Json:
    """Return a template card; ``task`` comes back with whatever is pressed on it."""
    if raw := part.data.get("template_card"):
        return {**raw, "task_id": raw.get("task_id") or task}
    buttons = part.data.get("buttons") or ()
    title, _, _ = part.text.partition("\n")
    head = str(part.data.get("title") or "") or clip(title, _TITLE)
    made: Json = {"main_title": {"title": head}, "sub_title_text": part.text, "task_id": task}
    links = [button for button in buttons if button.get("url")]
    if len(links) == len(buttons):
        jumps = [{"type": 1, "title": str(b.get("text") or ""), "url": str(b["url"])} for b in links[:3]]
        return {
            "card_type": "text_notice",
            **made,
            "jump_list": jumps,
            "card_action": {"type": 1, "url": str(links[0]["url"])},
        }
    keys = [
        {"text": str(b.get("text") or ""), "style": 1, "key": key_of(b, n)} for n, b in enumerate(buttons)
    ]
    return {"card_type": "button_interaction", **made, "button_list": keys[:6]}


def pressed(part: Part, task: str, key: str) -> Json:
    """Return the card as it is once somebody pressed a button: that one alone, ticked."""
    made = card(part, task)
    if made.get("button_list"):
        made["button_list"] = [{"text": f"✓ {label_of(part, key)}", "style": 1, "key": key}]
    return made


def key_of(button: Json, n: int) -> str:
    """Return a button's key; buttons without an id are numbered."""
    return str(button.get("id", n))


def label_of(part: Part, key: str) -> str:
    """Return what the button of a key says."""
    for n, button in enumerate(part.data.get("buttons") or ()):
        if key_of(button, n) == key:
            return str(button.get("value") or button.get("text") or key)
    return key


def choices(part: Part) -> str:
    """Return a card as text, for where no card can be shown: its buttons as a numbered list."""
    buttons = enumerate(part.data.get("buttons") or (), 1)
    lines = [f"{n}. {b.get('text', '')} {b.get('url', '')}".rstrip() for n, b in buttons]
    title = str(part.data.get("title") or "")
    return "\n".join([*([title] if title and not part.text else []), part.text, *lines]).strip()


def text_of(parts: Sequence[Part]) -> str:
    """Return the text of a planned message."""
    return "\n".join(printable(part.text) for part in parts if part.kind in TEXTS)
