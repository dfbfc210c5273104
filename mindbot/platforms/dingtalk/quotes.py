"""What a message quotes, as parts: words, whose they are, and files. Pure.

Quotes are in no official page; they are read as bots of the field see them, wherever they are: of rich texts
in both of their namings, of cards as a tree (``cardContent``) or as the card's variables (``cardParamMap``).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mindbot.domain import fields, plain
from mindbot.domain.message import Json, Part
from mindbot.platforms.dingtalk.content import KINDS, first_of, media, rich

QUOTED = 500  # characters of a quoted text
_WORDS = ("text", "content", "recognition", "fileName", "summary", "title")
#: Variables of cards that hold what they say, best first; templates name them as they like.
_CARD_WORDS = ("content", "markdown", "text", "msgContent", "summary", "title", "msgTitle")
_NO_WORDS = ("sys_", "{", "[", "http:", "https:")  # how variables begin that are not for people
_LEAVES = 1000  # of a card's tree


def quotes(data: Json, content: Json) -> Iterable[Part]:
    """Yield what is quoted: what it says, and its files where it has some.

    ``data["ours"]`` of the part is the id that a send of the robot returned, when it was the robot's.
    """
    ours = fields.text(data.get("originalProcessQueryKey"))
    quoted = _first_object(content.get("repliedMsg"), data.get("repliedMsg"), data.get("quoteMessage"))
    if quoted is None:
        legacy = content.get("quoteContent")
        if not (content.get("isReplyMsg") or data.get("originalMsgId") or ours or legacy):
            return
        quoted = {"content": legacy}
    inner = opened(quoted.get("content") if quoted.get("content") is not None else quoted.get("text"))
    kind = first_of(quoted, "msgType", "msgtype")
    facts: Json = {"id": first_of(quoted, "msgId") or fields.text(data.get("originalMsgId")), "kind": kind}
    if ours:
        facts["ours"] = ours
    if sender := fields.text(quoted.get("senderId")):
        facts["sender"] = sender
    if name := _whose(quoted, data, ours):
        facts["name"] = name
    files = [part for part in rich(inner.get("richText")) if part.kind == "image"]
    if inner.get("downloadCode"):
        files.append(media(KINDS.get(kind, "file" if inner.get("fileName") else "image"), inner))
    words = _words(inner) or _of_card(inner) or _of_card(quoted)
    yield Part("quote", shortened(words) or (f"[{kind}]" if kind else ""), facts)
    for part in files:
        yield Part(part.kind, part.text, part.data | {"quoted": True})


def shortened(words: str) -> str:
    """Return as much of quoted words as is kept; a mark says where they go on."""
    return words if len(words) <= QUOTED else f"{words[: QUOTED - 1]}…"


def _whose(quoted: Json, data: Json, ours: str) -> str:
    """Return whose words a quote is of, as people call them."""
    sender = fields.text(quoted.get("senderId"))
    if ours or (sender and sender == data.get("chatbotUserId")):
        return "the bot"
    if name := fields.text(quoted.get("senderNick")):
        return name
    return fields.text(data.get("senderNick")) if sender and sender == data.get("senderId") else ""


def _first_object(*values: Any) -> Json | None:
    return next((value for value in values if value and isinstance(value, dict)), None)


def opened(inner: Any) -> Json:
    """Return what may be an object, an object as text, or words."""
    if isinstance(inner, str) and inner.lstrip().startswith("{"):
        try:
            inner = plain.loads(inner)
        except ValueError:
            return {"text": inner}
    if isinstance(inner, dict):
        return inner
    return {"text": inner} if isinstance(inner, str) else {}


def _words(inner: Json) -> str:
    for field in _WORDS:
        if isinstance(inner.get(field), str) and inner[field].strip():
            return str(inner[field]).strip()
    return " ".join(part.text for part in rich(inner.get("richText")) if part.text)


def _of_card(holder: Json) -> str:
    """Return what a card says: the leaves of its tree, or the variables that hold words."""
    tree = holder.get("cardContent")
    if words := "\n".join(_leaves(opened(tree) if isinstance(tree, str) else tree)):
        return words
    variables = opened(opened(holder.get("cardData")).get("cardParamMap") or holder.get("cardParamMap"))
    if words := first_of(variables, *_CARD_WORDS):
        return words.strip()
    others = (fields.text(value).strip() for name, value in variables.items() if not name.startswith("sys_"))
    return "\n".join(each for each in others if each and not each.startswith(_NO_WORDS))


def _leaves(tree: Any) -> Iterable[str]:
    """Yield the words of a tree of ``children``, in their order."""
    left, seen = [tree], 0
    while left and seen < _LEAVES:
        node, seen = left.pop(), seen + 1
        if isinstance(node, list):
            left.extend(reversed(node))
        elif isinstance(node, dict):
            if words := first_of(node, "value", "text", "content").strip():
                yield words
            left.extend(reversed(fields.items(node.get("children"))))
