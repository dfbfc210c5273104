"""GLM's chat requests read, and refused as the API does: near to OpenAI's, and narrower.

Sources: docs.z.ai "Chat Completion", zai-sdk 0.2.3. There is one kind of limit (``max_tokens``), tools are
chosen by the model alone, and sampling values lie between 0 and 1 without the ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from mindbot.domain.message import Json
from mindbot.sim.chatglm.errors import refused
from mindbot.sim.chatglm.fields import CHAT
from mindbot.sim.models.conversation import ModelQuestion, Utterance
from mindbot.sim.models.pictures import decoded, media_type

Role = Literal["system", "user", "assistant", "tool"]
_ROLES: Mapping[str, Role] = {"system": "system", "user": "user", "assistant": "assistant", "tool": "tool"}
_TOOLS = frozenset({"function", "web_search", "retrieval", "mcp"})
_SENT_WHOLE = ("http://", "https://")
_LINKED = frozenset({"image_url", "video_url", "file_url"})


def question(body: Json) -> ModelQuestion:
    """Read a request; raises ModelApiError when it is not one that the API accepts."""
    messages = body.get("messages")
    if not messages:
        raise refused("1213")
    if field := CHAT.misfit(body):
        raise refused("1214", f"{field} is illegal")
    _check_fields(body)
    stops = body.get("stop") or ()
    return ModelQuestion(
        model=body["model"],
        said=[_utterance(message) for message in messages],
        tools=_tools(body),
        limit=body.get("max_tokens") or 0,
        stops=(stops,) if isinstance(stops, str) else tuple(stops),
        thinks=_thinks(body.get("thinking")),
    )


def _check_fields(body: Json) -> None:
    for name in ("temperature", "top_p"):
        value = body.get(name)
        if value is not None and not (isinstance(value, int | float) and 0 < value < 1):
            raise refused("1214", f"{name} is illegal: it lies between 0 and 1, the ends excluded")
    limit = body.get("max_tokens")
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise refused("1214", "max_tokens is illegal")
    user = body.get("user_id")
    if user is not None and not (isinstance(user, str) and 6 <= len(user) <= 128):
        raise refused("1214", "user_id is illegal: 6 to 128 characters")
    if body.get("tool_choice") not in (None, "auto"):
        raise refused("1210", "tool_choice only supports auto")


def _thinks(thinking: Any) -> bool:
    """Tell whether reasoning was asked for; newer models think by default, this one does when told."""
    if thinking is None:
        return False
    kind = thinking.get("type") if isinstance(thinking, dict) else None
    if kind not in ("enabled", "disabled"):
        raise refused("1214", "thinking.type is illegal")
    return bool(kind == "enabled")


def _tools(body: Json) -> tuple[str, ...]:
    found = []
    for tool in body.get("tools") or ():
        if not isinstance(tool, dict) or tool.get("type") not in _TOOLS:
            raise refused("1214", "tools.type is illegal")
        if tool["type"] == "function":
            name = (tool.get("function") or {}).get("name")
            if not name:
                raise refused("1214", "tools.function.name is illegal")
            found.append(str(name))
    return tuple(found)


def _utterance(message: Any) -> Utterance:
    role = _ROLES.get(message.get("role", "")) if isinstance(message, dict) else None
    if role is None:
        raise refused("1214", "messages.role is illegal")
    calls = tuple(call.get("id", "") for call in message.get("tool_calls") or ())
    text, pictures = _content(message.get("content"))
    if not (text or pictures or calls or role == "tool"):
        raise refused("1214", "messages.content is empty")
    if role == "tool" and not message.get("tool_call_id"):
        raise refused("1214", "messages.tool_call_id is empty")
    return Utterance(role, text, calls, message.get("tool_call_id") or "", pictures)


def _content(content: Any) -> tuple[str, int]:
    """Return the text of a message's content and the number of its pictures."""
    if content is None or isinstance(content, str):
        return content or "", 0
    texts, pictures = [], 0
    for part in content if isinstance(content, list) else ():
        kind = part.get("type")
        if kind == "text":
            texts.append(part.get("text") or "")
        elif kind in _LINKED:
            texts.append(f"[{kind}]")
            if kind == "image_url":
                _check_picture((part.get("image_url") or {}).get("url"))
                pictures += 1
        else:
            raise refused("1214", "messages.content.type is illegal")
    return " ".join(texts), pictures


def _check_picture(url: Any) -> None:
    """Raise ModelApiError unless it is an address or base64, with or without the head of a data URL."""
    if not isinstance(url, str) or not url:
        raise refused("1214", "image_url.url is empty")
    if url.startswith(_SENT_WHOLE):
        return
    try:
        kind = media_type(decoded(url.partition(";base64,")[2] or url))
    except ValueError as exc:
        raise refused("1214", "image_url.url is no base64") from exc
    if not kind:
        raise refused("1210", "the format of the picture is not supported")
