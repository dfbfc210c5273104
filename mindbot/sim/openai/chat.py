"""OpenAI's chat requests, read and refused as the API does. Source: "Chat completions" in its reference."""

from __future__ import annotations

from typing import Any

from mindbot.domain.message import Json
from mindbot.sim.models.conversation import ModelCall, ModelQuestion, ModelReply, Utterance
from mindbot.sim.models.model import TooLong
from mindbot.sim.models.refusals import ModelApiError
from mindbot.sim.openai.errors import invalid

_ROLES = {
    "developer": "system",
    "system": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
_FINISH = {"stop": "stop", "length": "length", "calls": "tool_calls", "sequence": "stop"}


def question(body: Json) -> ModelQuestion:
    """Read a request; raises ModelApiError when it is not one that the real API accepts."""
    said = [_utterance(message) for message in _checked_messages(body)]
    limit = body.get("max_completion_tokens") or body.get("max_tokens") or 0
    return ModelQuestion(body["model"], said, _tools(body), limit=limit)


def _utterance(message: Json) -> Utterance:
    calls = tuple(call["id"] for call in message.get("tool_calls") or ())
    return Utterance(
        _ROLES[message["role"]],  # type: ignore[arg-type]
        text_of(message.get("content")),
        calls,
        message.get("tool_call_id") or "",
    )


def _tools(body: Json) -> tuple[str, ...]:
    functions = [tool.get("function") or {} for tool in body.get("tools") or () if isinstance(tool, dict)]
    return tuple(str(function.get("name")) for function in functions)


def too_long(exc: TooLong) -> ModelApiError:
    """Word a context that is exceeded."""
    return invalid(
        f"This model's maximum context length is {exc.most} tokens."
        f" However, your messages resulted in {exc.tokens} tokens."
        " Please reduce the length of the messages.",
        "messages",
        "context_length_exceeded",
    )


def finish(reply: ModelReply) -> str:
    """Return OpenAI's word for why an answer ends."""
    return reply.finish or _FINISH[reply.why]


def tool_call(call: ModelCall) -> Json:
    """Return a tool call as it stands in an assistant message."""
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def usage(reply: ModelReply) -> Json:
    """Return what an answer has used."""
    return {
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": reply.tokens,
        "total_tokens": reply.prompt_tokens + reply.tokens,
        "prompt_tokens_details": {"cached_tokens": reply.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": reply.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def text_of(content: Any) -> str:
    """Return the readable text of a message's content: a string, a list of parts, or null."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return " ".join(p.get("text", "") if p.get("type") == "text" else f"[{p.get('type')}]" for p in parts)


def _checked_messages(body: Json) -> list[Json]:
    """Return the messages of a request; raises ApiError (400) as the API does."""
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise invalid("you must provide a model parameter")
    messages = body.get("messages")
    if messages is None:
        raise invalid("Missing required parameter: 'messages'.", "messages", "missing_required_parameter")
    if not isinstance(messages, list):
        raise invalid(
            "Invalid type for 'messages': expected an array of objects.", "messages", "invalid_type"
        )
    if not messages:
        raise invalid(
            "Invalid 'messages': empty array. Expected an array with minimum length 1.",
            "messages",
            "empty_array",
        )
    if body.get("n", 1) != 1:
        raise invalid("This simulator answers with one choice.", "n", "unsupported_value")
    open_calls: set[str] = set()
    for i, message in enumerate(messages):
        role = message.get("role") if isinstance(message, dict) else None
        if role not in _ROLES:
            raise invalid(f"Invalid value: {role!r}.", f"messages[{i}].role", "invalid_value")
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
        open_calls = {call["id"] for call in message.get("tool_calls") or ()}
    _check_answered(open_calls, len(messages))
    return messages


def _check_answered(open_calls: set[str], i: int) -> None:
    """Raise ApiError while tool calls of the last assistant message lack their results."""
    if open_calls:
        raise invalid(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each"
            " 'tool_call_id'. The following tool_call_ids did not have response messages: "
            + ", ".join(sorted(open_calls)),
            f"messages.[{i}].role",
        )
