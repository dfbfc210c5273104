"""A request as Anthropic's Messages take it. Pure.

Source: Anthropic API reference, "Messages", "Tool use", "Extended thinking", "Migrating to API version
2026-10-21".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from mindbot.domain.chat import (
    Attachment,
    ChatMessage,
    ChatPart,
    ChatRequest,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from mindbot.domain.message import Json
from mindbot.providers.shared.alternating import alternating
from mindbot.providers.shared.attachments import encoded

VENDOR = "anthropic"
#: The version that knows sampling, and the one that refuses it: see "Migrating to API version 2026-10-21".
SAMPLING, NEWEST = "2023-06-01", "2026-10-21"
#: Tokens of an answer where nobody says how many: the API wants a number, and every model takes this one.
MOST_TOKENS = 4096
_WARMEST = 1.0  # temperature; OpenAI's goes to 2
_LONGEST_USER = 256  # characters of a user's id


def request_body(request: ChatRequest, *, thinking: int | None = None) -> Json:
    """Return the body of a call; see `AnthropicProvider` for ``thinking``."""
    system, lines = alternating(request.messages, VENDOR)
    body: Json = {
        "model": request.model,
        "max_tokens": request.max_tokens or MOST_TOKENS,
        "messages": [_line(line) for line in lines],
    }
    if system:
        body["system"] = system
    thinks = bool(thinking) and _may_think(request, lines)
    if thinks and thinking:
        body["max_tokens"] += thinking
        body["thinking"] = {"type": "enabled", "budget_tokens": thinking}
    elif thinking is not None:
        body["thinking"] = {"type": "disabled"}
    if request.temperature is not None and not thinks:
        body["temperature"] = min(request.temperature, _WARMEST)
    _offer_tools(body, request, lines)
    if request.user:
        body["metadata"] = {"user_id": request.user[:_LONGEST_USER]}
    if request.stream:
        body["stream"] = True
    return body


def _may_think(request: ChatRequest, lines: Sequence[ChatMessage]) -> bool:
    """Tell whether it may think: not where a call is forced, nor amid calls of a turn that begins without."""
    if request.tools and request.tool_choice not in ("", "auto", "none"):
        return False
    if len(lines) < 2 or not lines[-1].results:
        return True
    return isinstance(lines[-2].parts[0], Reasoning)


def _offer_tools(body: Json, request: ChatRequest, lines: Sequence[ChatMessage]) -> None:
    choice = request.tool_choice
    if tools := request.tools:
        match choice:
            case "" | "auto":
                pass
            case "none":
                body["tool_choice"] = {"type": "none"}
            case "required":
                body["tool_choice"] = {"type": "any"}
            case name:
                body["tool_choice"] = {"type": "tool", "name": name}
    else:
        # Calls in the history want their tools named, offered or not.
        names = dict.fromkeys(call.name for line in lines for call in line.tool_calls)
        tools = tuple(map(Tool, names))
        if tools:
            body["tool_choice"] = {"type": "none"}
    if tools:
        body["tools"] = [_tool(tool) for tool in tools]


def _tool(tool: Tool) -> Json:
    out: Json = {"name": tool.name, "input_schema": {"type": "object", **tool.parameters}}
    return {**out, "description": tool.description} if tool.description else out


def _line(line: ChatMessage) -> Json:
    if len(line.parts) == 1 and isinstance(only := line.parts[0], Text):
        return {"role": line.role, "content": only.text}
    return {"role": line.role, "content": [_block(part) for part in line.parts]}


def _block(part: ChatPart) -> Json:
    match part:
        case Text():
            return {"type": "text", "text": part.text}
        case Reasoning(sealed=sealed) if sealed:
            return {"type": "redacted_thinking", "data": sealed}
        case Reasoning():
            return {"type": "thinking", "thinking": part.text, "signature": part.signature}
        case ToolCall():
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": _object(part.arguments)}
        case ToolResult():
            out: Json = {"type": "tool_result", "tool_use_id": part.id}
            if part.text:
                out["content"] = part.text
            return {**out, "is_error": True} if part.failed else out
        case Attachment():
            return _attached(part)


def _attached(part: Attachment) -> Json:
    kind = "image" if part.kind == "image" else "document"
    if part.url and not part.data:
        source = {"type": "url", "url": part.url}
    elif kind == "document" and part.type != "application/pdf":
        text = part.data.decode(errors="replace")
        source = {"type": "text", "media_type": "text/plain", "data": text}
    else:
        source = {"type": "base64", "media_type": part.type, "data": encoded(part)}
    block: Json = {"type": kind, "source": source}
    return {**block, "title": part.name} if kind == "document" and part.name else block


def _object(arguments: str) -> Any:
    """Return arguments as the object they have to be; what a model wrote that is none goes back in one."""
    try:
        found = orjson.loads(arguments or "{}")
    except orjson.JSONDecodeError:
        found = arguments
    return found if isinstance(found, dict) else {"arguments": found}
