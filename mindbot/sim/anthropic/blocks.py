"""Content blocks of Anthropic's messages, checked as the API does and read.

Source: "Messages" in the API reference, "Tool use", "Vision", "Extended thinking", and "Migrating to API
version 2026-10-21" in the documentation.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any

from mindbot.domain.message import Json
from mindbot.sim.anthropic.refusals import invalid
from mindbot.sim.models.conversation import Utterance
from mindbot.sim.models.pictures import decoded, media_type

#: The version that took things away.
STRICTER = "2026-10-21"
_SIGNING = b"simulated"
_PICTURES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_MOST_BYTES = 5 << 20  # of a picture
#: Block type → (roles it may stand in, fields it must have, fields it may have besides).
_BLOCKS: Mapping[str, tuple[frozenset[str], frozenset[str], frozenset[str]]] = {
    "text": (frozenset({"user", "assistant"}), frozenset({"text"}), frozenset({"citations"})),
    "image": (frozenset({"user"}), frozenset({"source"}), frozenset()),
    "document": (
        frozenset({"user", "assistant"}),
        frozenset({"source"}),
        frozenset({"title", "context", "citations"}),
    ),
    "search_result": (
        frozenset({"user"}),
        frozenset({"content", "source", "title"}),
        frozenset({"citations"}),
    ),
    "tool_use": (frozenset({"assistant"}), frozenset({"id", "name", "input"}), frozenset({"caller"})),
    "tool_result": (frozenset({"user"}), frozenset({"tool_use_id"}), frozenset({"content", "is_error"})),
    "thinking": (frozenset({"assistant"}), frozenset({"thinking", "signature"}), frozenset()),
    "redacted_thinking": (frozenset({"assistant"}), frozenset({"data"}), frozenset()),
}


def signature(thinking: str) -> str:
    """Return what proves that a thought is the model's own."""
    return base64.b64encode(hmac.digest(_SIGNING, thinking.encode(), hashlib.sha256)).decode()


def blocks(content: Any, where: str) -> list[Json]:
    """Return content as blocks: text stands for one; raises ModelApiError."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        raise invalid(f"{where}: Input should be a valid list")
    return content


def check(block: Json, role: str, where: str, version: str) -> None:
    """Raise ModelApiError for a block that the API refuses in a message of this role."""
    type_ = block.get("type")
    roles, must, may = _BLOCKS.get(str(type_), (frozenset(), frozenset(), frozenset()))
    if role not in roles:
        known = ", ".join(f"'{name}'" for name, (roles, _, _) in _BLOCKS.items() if role in roles)
        raise invalid(
            f"{where}: Input tag {type_!r} found using 'type' does not match any of the expected tags:"
            f" {known}"
        )
    for name in sorted(must - block.keys()):
        raise invalid(f"{where}.{type_}.{name}: Field required")
    for name in sorted(block.keys() - must - may - {"type", "cache_control"}):
        raise invalid(f"{where}.{type_}.{name}: Extra inputs are not permitted")
    if version == STRICTER:
        if type_ == "document" and role == "assistant":
            raise invalid(f"{where}: `document` blocks are not allowed in assistant messages")
        if type_ == "text" and role == "user" and block.get("citations"):
            raise invalid(f"{where}.text.citations: citations are not allowed in user messages")
    if found := _CHECKS.get(str(type_)):
        found(block, f"{where}.{type_}")


def _check_text(block: Json, where: str) -> None:
    if not isinstance(block["text"], str):
        raise invalid(f"{where}.text: Input should be a valid string")
    if not block["text"]:
        raise invalid("messages: text content blocks must be non-empty")
    if not block["text"].strip():
        raise invalid("messages: text content blocks must contain non-whitespace text")


def _check_image(block: Json, where: str) -> None:
    source = block["source"] if isinstance(block["source"], dict) else {}
    match source.get("type"):
        case "url" | "file":
            return
        case "base64":
            said = source.get("media_type")
            if said not in _PICTURES:
                wanted = ", ".join(f"'{name}'" for name in _PICTURES)
                raise invalid(f"{where}.source.base64.media_type: Input should be {wanted}")
            try:
                data = decoded(source.get("data"))
            except ValueError as exc:
                raise invalid(f"{where}.source.base64.data: invalid base64 data") from exc
            if len(data) > _MOST_BYTES:
                raise invalid(
                    f"{where}.source.base64: image exceeds 5 MB maximum: {len(data)} bytes >"
                    f" {_MOST_BYTES} bytes"
                )
            found = media_type(data)
            if not found:
                raise invalid(f"{where}.source.base64.data: Could not process image")
            if found != said:
                raise invalid(
                    f"{where}.source.base64.data: Image does not match the provided media type {said}"
                )
        case _:
            raise invalid(
                f"{where}.source: Input tag found using 'type' does not match 'base64', 'url', 'file'"
            )


def _check_tool_use(block: Json, where: str) -> None:
    if not isinstance(block["input"], dict):
        raise invalid(f"{where}.input: Input should be a valid dictionary")


def _check_thinking(block: Json, where: str) -> None:
    if block["signature"] != signature(block["thinking"]):
        raise invalid(f"{where.removesuffix('.thinking')}: Invalid `signature` in `thinking` block")


_CHECKS: Mapping[str, Callable[[Json, str], None]] = {
    "text": _check_text,
    "image": _check_image,
    "tool_use": _check_tool_use,
    "thinking": _check_thinking,
}


def said(message: Json, where: str, version: str) -> list[Utterance]:
    """Return what a message says, results of tools first; raises ModelApiError."""
    role = message["role"]
    found: list[Utterance] = []
    texts: list[str] = []
    calls: list[str] = []
    pictures = 0
    for i, block in enumerate(message["content"]):
        check(block, role, f"{where}.content.{i}", version)
        match block["type"]:
            case "tool_result":
                found.append(_result(block, f"{where}.content.{i}.tool_result", version))
            case "text":
                texts.append(block["text"])
            case "tool_use":
                calls.append(block["id"])
            case "thinking" | "redacted_thinking":
                pass  # those of earlier turns are not counted
            case other:
                pictures += other == "image"
                texts.append(f"[{other}]")
    if texts or calls or not found:
        found.append(Utterance(role, " ".join(texts), tuple(calls), pictures=pictures))
    return found


def _result(block: Json, where: str, version: str) -> Utterance:
    inner = blocks(block.get("content") or [], f"{where}.content")
    for i, each in enumerate(inner):
        if each.get("type") not in ("text", "image", "document", "search_result"):
            raise invalid(f"{where}.content.{i}: unexpected {each.get('type')!r} in a tool_result")
        if each["type"] != "text" or each.get("text"):
            check(each, "user", f"{where}.content.{i}", version)
    text = " ".join(str(each.get("text", f"[{each['type']}]")) for each in inner)
    pictures = sum(each["type"] == "image" for each in inner)
    return Utterance("tool", text, result_of=block["tool_use_id"], pictures=pictures)
