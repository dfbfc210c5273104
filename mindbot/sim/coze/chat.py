"""Coze's chat requests read, and refused as the API does. Source: coze.cn "Chat v3"; cozepy 0.20.0."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from mindbot.domain.message import Json
from mindbot.sim.coze.errors import refused
from mindbot.sim.coze.fields import CHAT, MESSAGE, OBJECTS
from mindbot.sim.models.conversation import ModelQuestion, Utterance

_MOST_MESSAGES = 100
_TYPES = frozenset({"", "question", "answer", "function_call", "tool_output", "tool_response"})
_OBJECTS = frozenset({"text", "image", "file", "audio"})
_MOST_PAIRS, _LONGEST_KEY, _LONGEST_VALUE = 16, 64, 512

#: Tells whether a file id is known.
KnownFile = Callable[[str], bool]


def check(body: Json, known: KnownFile) -> list[Json]:
    """Return the messages that came with a chat request; raises ModelApiError when it is not in order."""
    if field := CHAT.misfit(body):
        raise refused(4000, field)
    for name in ("bot_id", "user_id"):
        if not isinstance(body.get(name), str) or not body[name]:
            raise refused(4000, f"{name} is required")
    if not body.get("stream") and body.get("auto_save_history") is False:
        raise refused(4000, "auto_save_history must be true when stream is false")
    check_meta_data(body.get("meta_data"))
    return check_messages(body, known)


def check_messages(body: Json, known: KnownFile) -> list[Json]:
    """Return the messages of a request; raises ModelApiError when one is not in order."""
    messages: list[Json] = body.get("additional_messages") or []
    if len(messages) > _MOST_MESSAGES:
        raise refused(4000, f"additional_messages has at most {_MOST_MESSAGES} items")
    for message in messages:
        check_message(message, known)
    return messages


def check_meta_data(pairs: Any) -> None:
    """Raise ModelApiError unless the pairs are few and short."""
    if pairs is None:
        return
    short = isinstance(pairs, dict) and all(
        1 <= len(key) <= _LONGEST_KEY and isinstance(value, str) and 1 <= len(value) <= _LONGEST_VALUE
        for key, value in pairs.items()
    )
    if not short or len(pairs) > _MOST_PAIRS:
        raise refused(4000, "meta_data")


def check_message(message: Json, known: KnownFile) -> None:
    """Raise ModelApiError unless a message is one that may be sent."""
    if MESSAGE.misfit(message) or message.get("role") not in ("user", "assistant"):
        raise refused(4000, "role must be user or assistant")
    if (message.get("type") or "") not in _TYPES:
        raise refused(4000, "type")
    if not isinstance(message.get("content"), str):
        raise refused(4000, "content")
    match message.get("content_type"):
        case "text":
            return
        case "object_string":
            for each in objects(message["content"]):
                _check_object(each, known)
        case _:
            raise refused(4000, "content_type must be text or object_string")


def objects(content: str) -> list[Json]:
    """Return the parts of an ``object_string``; raises ModelApiError when it holds none."""
    try:
        found = orjson.loads(content)
    except ValueError as exc:
        raise refused(4000, "content is no JSON, as object_string wants it") from exc
    if not found or OBJECTS.misfit({"content": found}):
        raise refused(4000, "content is no array of objects")
    parts: list[Json] = found
    return parts


def _check_object(each: Json, known: KnownFile) -> None:
    if each.get("type") not in _OBJECTS:
        raise refused(4000, "content.type")
    if each["type"] == "text":
        return
    number, url = each.get("file_id"), each.get("file_url")
    if not number and not url:
        raise refused(4000, "file_id or file_url is required")
    if number and not known(number):
        raise refused(4000, f"file_id {number} is unknown")


def question(bot: str, messages: Sequence[Json], tools: tuple[str, ...], most: int) -> ModelQuestion:
    """Return what is asked by the messages of a conversation: the latest of them that fit into the context.

    The oldest are left out without a word, as a bot with a set number of rounds does.
    """
    said = [_utterance(message) for message in messages]
    while len(said) > 1 and ModelQuestion(bot, said).tokens > most:
        said.pop(0)
    return ModelQuestion(bot, said, tools)


def _utterance(message: Json) -> Utterance:
    kind, content = message.get("type"), message["content"]
    if kind == "function_call":
        return Utterance("assistant", content, calls=(message.get("id", ""),))
    if kind in ("tool_output", "tool_response"):
        return Utterance("tool", content, result_of=message.get("tool_call_id", ""))
    role = "assistant" if message["role"] == "assistant" else "user"
    if message.get("content_type") != "object_string":
        return Utterance(role, content)  # type: ignore[arg-type]
    parts = objects(content)
    text = " ".join(p.get("text") or "" if p["type"] == "text" else f"[{p['type']}]" for p in parts)
    return Utterance(role, text, pictures=sum(p["type"] == "image" for p in parts))  # type: ignore[arg-type]
