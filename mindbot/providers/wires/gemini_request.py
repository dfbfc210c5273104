"""A request as Gemini's generateContent takes it. Pure.

Source: Google AI for Developers, API reference, "Generating content", "Function calling", "Thinking",
"Thought signatures".
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from mindbot.domain.chat import Attachment, ChatMessage, ChatRequest, Text, Tool, ToolCall, ToolResult
from mindbot.domain.message import Json
from mindbot.providers.shared.alternating import alternating
from mindbot.providers.shared.attachments import encoded
from mindbot.providers.wires.gemini_schema import understood

VENDOR = "google"
#: Models that refuse a call without the signature that came with it, and what stands for one where a call is
#: another model's: "Thought signatures" names it for such conversations.
_WANTS_SIGNATURES = re.compile(r"gemini-([3-9]|\d\d)")
_UNSIGNED = "skip_thought_signature_validator"


def request_body(request: ChatRequest, *, thinking: int | None = None, system_role: bool = True) -> Json:
    """Return the body of a call; see `GoogleProvider` for ``thinking``."""
    system, lines = alternating(request.messages, VENDOR)
    if system and not system_role:
        first = lines[0]
        lines[0] = ChatMessage(first.role, (Text(f"{system}\n\n"), *first.parts))
    signed = bool(_WANTS_SIGNATURES.search(request.model.lower()))
    body: Json = {"contents": [_content(line, signed=signed) for line in lines]}
    if system and system_role:
        body["systemInstruction"] = {"parts": [{"text": system}]}
    if request.tools:
        body["tools"] = [{"functionDeclarations": [_function(tool) for tool in request.tools]}]
        if choice := _choice(request.tool_choice):
            body["toolConfig"] = {"functionCallingConfig": choice}
    wanted: Json = {}
    if request.temperature is not None:
        wanted["temperature"] = request.temperature
    if request.max_tokens is not None:
        wanted["maxOutputTokens"] = request.max_tokens
    if thinking is not None:
        wanted["thinkingConfig"] = {"thinkingBudget": thinking, "includeThoughts": thinking != 0}
    if wanted:
        body["generationConfig"] = wanted
    return body


def _choice(choice: str) -> Json:
    match choice:
        case "" | "auto":
            return {}
        case "none":
            return {"mode": "NONE"}
        case "required":
            return {"mode": "ANY"}
        case name:
            return {"mode": "ANY", "allowedFunctionNames": [name]}


def _function(tool: Tool) -> Json:
    out: Json = {"name": tool.name, "description": tool.description or tool.name}
    if tool.parameters.get("properties"):  # an object without any is refused
        out["parametersJsonSchema"] = understood(tool.parameters)
    return out


def _content(line: ChatMessage, *, signed: bool) -> Json:
    parts = [part for each in line.parts if (part := _part(each))]
    calls = [part for part in parts if "functionCall" in part]
    if signed and calls:  # the first of a step's calls carries the signature of all
        calls[0].setdefault("thoughtSignature", _UNSIGNED)
    return {"role": "model" if line.role == "assistant" else "user", "parts": parts}


def _part(part: Any) -> Json | None:
    match part:
        case Text():
            return {"text": part.text}
        case Attachment():
            return {"inlineData": {"mimeType": part.type, "data": encoded(part)}}
        case ToolCall():
            call: Json = {"functionCall": {"id": part.id, "name": part.name, "args": _object(part.arguments)}}
            return {**call, "thoughtSignature": part.signature} if part.signature else call
        case ToolResult():
            response = {"error" if part.failed else "output": part.text}
            return {"functionResponse": {"id": part.id, "name": part.name, "response": response}}
    return None  # thoughts stay here: what has to go back is signed on the calls


def _object(arguments: str) -> Any:
    """Return arguments as the object they have to be; what a model wrote that is none goes back in one."""
    try:
        found = orjson.loads(arguments or "{}")
    except orjson.JSONDecodeError:
        found = arguments
    return found if isinstance(found, dict) else {"arguments": found}
