"""Lines of a prompt as LangChain's messages, and back. Pure.

Source: langchain-core 1.x, `langchain_core.messages` ("Standard content blocks").
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from mindbot.domain.chat import (
    Attachment,
    ChatMessage,
    ChatPart,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from mindbot.domain.errors import Invalid
from mindbot.domain.message import Json
from mindbot.domain.plain import dumps
from mindbot.providers.shared.attachments import encoded


def to_langchain(messages: Iterable[ChatMessage], vendor: str = "") -> list[BaseMessage]:
    """Return LangChain's messages; ``vendor`` is whose sealed thinking goes back with its calls."""
    return [made for message in messages for made in _made(message, vendor)]


def _made(message: ChatMessage, vendor: str) -> Iterator[BaseMessage]:
    for result in message.results:
        status: Literal["success", "error"] = "error" if result.failed else "success"
        yield ToolMessage(result.text, tool_call_id=result.id, name=result.name, status=status)
    if message.role == "tool":
        return
    content: Any = message.content
    if message.attachments:
        content = [_block(part) for part in message.parts if isinstance(part, Text | Attachment)]
    match message.role:
        case "system":
            yield SystemMessage(content)
        case "user":
            yield HumanMessage(content)
        case "assistant":
            sealed = [json.loads(own) for part in message.parts if (own := _sealed(part, vendor))]
            said = [{"type": "text", "text": content}] if content else []
            yield AIMessage([*sealed, *said] if sealed else content, **_calls(message.tool_calls))


def _sealed(part: ChatPart, vendor: str) -> str:
    """Return a block of thinking that this vendor wants back; empty for anything else."""
    return part.sealed if isinstance(part, Reasoning) and vendor and part.vendor == vendor else ""


def _block(part: Text | Attachment) -> Json:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    where: Json = {"base64": encoded(part), "mime_type": part.type} if part.data else {"url": part.url}
    named: Json = {"filename": part.name} if part.kind == "file" and part.name else {}
    return {"type": part.kind, **where, **named}


def _calls(calls: Sequence[ToolCall]) -> dict[str, Any]:
    good: list[Any] = []
    bad: list[Any] = []
    for call in calls:
        arguments = arguments_of(call)
        if arguments is None:
            bad.append({"name": call.name, "args": call.arguments, "id": call.id, "error": "no JSON object"})
        else:
            good.append({"name": call.name, "args": arguments, "id": call.id})
    return {"tool_calls": good, "invalid_tool_calls": bad}


def arguments_of(call: ToolCall) -> Json | None:
    """Return a call's arguments; None where the model wrote no JSON object."""
    try:
        found = json.loads(call.arguments or "{}")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def from_langchain(messages: Iterable[BaseMessage]) -> list[ChatMessage]:
    """Return our lines.

    Raises:
        Invalid: a kind of message that nobody here knows.
    """
    return [_line(message) for message in messages]


def _line(message: BaseMessage) -> ChatMessage:
    if isinstance(message, ToolMessage):
        text = message.content if isinstance(message.content, str) else str(message.text)
        failed = message.status == "error"
        return ChatMessage("tool", [ToolResult(message.tool_call_id, message.name or "", text, failed)])
    if isinstance(message, AIMessage):
        return ChatMessage("assistant", [*_parts(message), *calls_of(message)])
    if isinstance(message, SystemMessage):
        return ChatMessage("system", _parts(message))
    if isinstance(message, HumanMessage):
        return ChatMessage("user", _parts(message))
    raise Invalid(
        f"no line of a prompt: {type(message).__name__}",
        hint="system, human, AI and tool messages are",
    )


def _parts(message: BaseMessage) -> list[ChatPart]:
    if isinstance(message.content, str):
        return [Text(message.content)] if message.content else []
    return [part for block in message.content_blocks if (part := _part(dict(block))) is not None]


def _part(block: Mapping[str, Any]) -> ChatPart | None:
    match block.get("type"):
        case "text" | "text-plain":
            return Text(str(block.get("text") or ""))
        case "reasoning":
            return Reasoning(str(block.get("reasoning") or ""))
        case "image" | "file" | "audio" as kind:
            type_ = str(block.get("mime_type") or {"image": "image/png", "audio": "audio/mpeg"}.get(kind, ""))
            name = str(block.get("filename") or block.get("name") or "")
            data = block.get("base64")
            if isinstance(data, str):
                try:
                    return Attachment(kind, type_, name, data=base64.b64decode(data, validate=True))
                except binascii.Error:
                    raise Invalid(f"the {kind} is not in base64") from None
            return Attachment(kind, type_, name, url=str(block.get("url") or ""))
    return None


def calls_of(message: AIMessage) -> tuple[ToolCall, ...]:
    """Return the calls of a message, those with broken arguments too."""
    good = [ToolCall(c["id"] or "", c["name"], dumps(c["args"]).decode()) for c in message.tool_calls]
    bad = [ToolCall(c["id"] or "", c["name"] or "", c["args"] or "") for c in message.invalid_tool_calls]
    return tuple(good + bad)
