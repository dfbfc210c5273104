"""What Ollama refuses of a chat request before a model sees it.

Sources: docs/api.md ("Generate a chat completion"), server/routes.go, api/types.go of Ollama.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from mindbot.domain.message import Json
from mindbot.sim.ollama.fields import CHAT
from mindbot.sim.ollama.library import LocalModel, seconds

_THINKING = ("low", "medium", "high", "max")
_LENGTH = {
    "num_predict": int,
    "num_ctx": int,
    "seed": int,
    "top_k": int,
    "temperature": float,
    "top_p": float,
}


def complaint(body: Json, model: LocalModel) -> str:
    """Return the sentence with which a request is refused; empty when there is none."""
    if field := CHAT.misfit(body):
        option = field.removeprefix("options.")
        if option != field:
            return f'option "{option}" must be of another type'
        return f"json: cannot unmarshal value into Go struct field ChatRequest.{field}"
    return (
        _of_messages(body.get("messages"), model)
        or _of_capabilities(body, model)
        or _of_think(body.get("think"))
        or _of_keep_alive(body.get("keep_alive"))
    )


def _of_messages(messages: Sequence[Json] | None, model: LocalModel) -> str:
    for message in messages or ():
        if found := _of_images(message.get("images") or (), model):
            return found
    return ""


def _of_images(images: Sequence[Any], model: LocalModel) -> str:
    for image in images:
        try:
            base64.b64decode(image, validate=True)
        except (binascii.Error, TypeError, ValueError):
            return "illegal base64 data at input byte 0"
    if images and "vision" not in model.capabilities:
        return "this model is missing data required for image input"
    return ""


def _of_capabilities(body: Json, model: LocalModel) -> str:
    wanted = {"chat": "completion"}
    if body.get("tools"):
        wanted["tools"] = "tools"
    if body.get("think"):
        wanted["thinking"] = "thinking"
    for name, capability in wanted.items():
        if capability not in model.capabilities:
            return f'"{body["model"]}" does not support {name}'
    return ""


def _of_think(think: Any) -> str:
    if think is None or isinstance(think, bool) or think in _THINKING:
        return ""
    return f'invalid think value: "{think}" (must be "high", "medium", "low", "max", true, or false)'


def _of_keep_alive(keep_alive: Any) -> str:
    try:
        seconds(keep_alive)
    except ValueError as exc:
        return str(exc)
    return ""


def fitted(messages: Sequence[Json], sizes: Sequence[int], limit: int) -> list[Json]:
    """Return the messages that fit into ``limit`` tokens, as Ollama cuts a history without a word.

    System messages stay, and so does the last message; the oldest others go first.
    """
    left = sum(sizes)
    kept = []
    for i, (message, size) in enumerate(zip(messages, sizes, strict=True)):
        if left > limit and message.get("role") != "system" and i < len(messages) - 1:
            left -= size
            continue
        kept.append(message)
    return kept
