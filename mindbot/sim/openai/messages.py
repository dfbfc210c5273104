"""The messages of a chat request: their roles, and that calls of tools and results fit together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from mindbot.domain.message import Json
from mindbot.sim.models.conversation import Utterance
from mindbot.sim.openai.errors import invalid
from mindbot.sim.openai.parts import check_content, pictures_in, text_of

_ROLES: Mapping[str, Literal["system", "user", "assistant", "tool"]] = {
    "developer": "system",
    "system": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}


def utterance(message: Json) -> Utterance:
    """Return a message in the form that all vendors share."""
    content = message.get("content")
    calls = tuple(call["id"] for call in message.get("tool_calls") or ())
    result_of = message.get("tool_call_id") or ""
    return Utterance(_ROLES[message["role"]], text_of(content), calls, result_of, pictures_in(content))


def checked_messages(messages: list[Json] | None) -> list[Json]:
    """Return the messages of a request, whose types are right; raises ModelApiError (400) as the API does."""
    if messages is None:
        raise invalid("Missing required parameter: 'messages'.", "messages", "missing_required_parameter")
    if not messages:
        raise invalid(
            "Invalid 'messages': empty array. Expected an array with minimum length 1.",
            "messages",
            "empty_array",
        )
    open_calls: set[str] = set()
    for i, message in enumerate(messages):
        role = message.get("role", "")
        if role not in _ROLES:
            raise invalid(f"Invalid value: {role!r}.", f"messages[{i}].role", "invalid_value")
        check_content(message.get("content"), role, f"messages[{i}].content")
        if role == "tool":
            if message.get("tool_call_id") not in open_calls:
                raise invalid(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message"
                    " with 'tool_calls'.",
                    f"messages.[{i}].role",
                )
            open_calls.discard(message["tool_call_id"])
            continue
        _check_answered(open_calls, i)
        open_calls = _calls(message, i)
        if message.get("content") is None and not open_calls and not message.get("refusal"):
            said = f"Invalid value for 'content': expected a string, got null (messages[{i}])."
            raise invalid(said, f"messages.[{i}].content")
    _check_answered(open_calls, len(messages))
    return messages


def _calls(message: Json, i: int) -> set[str]:
    """Return the ids of a message's tool calls; raises ModelApiError unless they are whole."""
    found: set[str] = set()
    for j, call in enumerate(message.get("tool_calls") or ()):
        where = f"messages[{i}].tool_calls[{j}]"
        function = call.get("function") or {}
        if not isinstance(call.get("id"), str) or not call["id"]:
            raise invalid(f"Missing required parameter: '{where}.id'.", where, "missing_required_parameter")
        if not isinstance(function.get("arguments"), str):
            said = f"Invalid type for '{where}.function.arguments': expected a string."
            raise invalid(said, f"{where}.function.arguments", "invalid_type")
        found.add(call["id"])
    return found


def _check_answered(open_calls: set[str], i: int) -> None:
    """Raise ModelApiError while tool calls of the last assistant message lack their results."""
    if open_calls:
        raise invalid(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each"
            " 'tool_call_id'. The following tool_call_ids did not have response messages: "
            + ", ".join(sorted(open_calls)),
            f"messages.[{i}].role",
        )
