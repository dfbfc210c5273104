"""OpenAI's chat requests read, and refused as the API does. Source: "Create chat completion" (reference)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mindbot.domain.message import Json
from mindbot.sim.models.conversation import ModelCall, ModelQuestion, ModelReply
from mindbot.sim.models.model import TooLong
from mindbot.sim.models.refusals import ModelApiError
from mindbot.sim.openai.errors import invalid
from mindbot.sim.openai.fields import CHAT
from mindbot.sim.openai.messages import checked_messages, utterance

_FINISH = {"stop": "stop", "length": "length", "calls": "tool_calls", "sequence": "stop"}
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_MOST_STOPS = 4
#: name → (least, most) of a number.
_RANGES: Mapping[str, tuple[float, float]] = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
    "top_logprobs": (0, 20),
}
_EFFORTS = frozenset({"none", "minimal", "low", "medium", "high", "xhigh", "max"})
_FORMATS = frozenset({"text", "json_object", "json_schema"})


def question(body: Json, *, reasons: bool) -> ModelQuestion:
    """Read a request; raises ModelApiError when it is not one that the real API accepts.

    ``reasons``: the model is one of those that think, and are stricter.
    """
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise invalid("you must provide a model parameter")
    if field := CHAT.misfit(body):
        raise invalid(f"Invalid type for '{field}'.", field, "invalid_type")
    said = [utterance(message) for message in checked_messages(body.get("messages"))]
    if body.get("n", 1) != 1:
        raise invalid("This simulator answers with one choice.", "n", "unsupported_value")
    _check_numbers(body)
    _check_format(body.get("response_format"))
    if reasons:
        _check_for_reasoning(body)
    names = _tools(body)
    offered, forced = _choice(body, names)
    limit = body.get("max_completion_tokens") or body.get("max_tokens") or 0
    return ModelQuestion(body["model"], said, offered, forced, limit, _stops(body), _thinks(body))


def _check_numbers(body: Json) -> None:
    for name, (least, most) in _RANGES.items():
        value = body.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise invalid(f"Invalid type for '{name}': expected a decimal.", name, "invalid_type")
        if not least <= value <= most:
            side = "above_max" if value > most else "below_min"
            raise invalid(f"Invalid '{name}': decimal {side}.", name, f"decimal_{side}_value")
    limits = [name for name in ("max_tokens", "max_completion_tokens") if body.get(name) is not None]
    if len(limits) == 2:
        said = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."
        raise invalid(said, "max_tokens", "invalid_parameter_combination")
    for name in limits:
        if not isinstance(body[name], int) or body[name] < 1:
            raise invalid(f"Invalid '{name}': integer below minimum value.", name, "integer_below_min_value")


def _check_format(wanted: Any) -> None:
    if wanted is None:
        return
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if kind not in _FORMATS:
        raise invalid(f"Invalid value: {kind!r}.", "response_format.type", "invalid_value")
    schema = wanted.get("json_schema") or {}
    if kind == "json_schema" and not (_NAME.fullmatch(schema.get("name") or "") and "schema" in schema):
        where = "response_format.json_schema"
        raise invalid(f"Missing required parameter: '{where}.name'.", where, "missing_required_parameter")


def _check_for_reasoning(body: Json) -> None:
    if body.get("max_tokens") is not None:
        said = (
            "Unsupported parameter: 'max_tokens' is not supported with this model."
            " Use 'max_completion_tokens' instead."
        )
        raise invalid(said, "max_tokens", "unsupported_parameter")
    for name in ("temperature", "top_p"):
        if body.get(name, 1) not in (None, 1):
            said = f"Unsupported value: '{name}' does not support {body[name]} with this model."
            raise invalid(said + " Only the default (1) value is supported.", name, "unsupported_value")


def _tools(body: Json) -> tuple[str, ...]:
    tools = body.get("tools")
    if tools is None:
        return ()
    if not isinstance(tools, list) or not tools:
        raise invalid("Invalid 'tools': empty array.", "tools", "empty_array")
    names = []
    for i, tool in enumerate(tools):
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind not in ("function", "custom"):
            raise invalid(f"Invalid value: {kind!r}.", f"tools[{i}].type", "invalid_value")
        name = (tool.get(kind) or {}).get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            said = f"Invalid 'tools[{i}].{kind}.name': string does not match pattern."
            raise invalid(said, f"tools[{i}].{kind}.name", "invalid_value")
        names.append(name)
    return tuple(names)


def _choice(body: Json, names: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """Return the tools that may be called, and the one that must be."""
    wanted = body.get("tool_choice")
    for name in ("tool_choice", "parallel_tool_calls"):
        if body.get(name) is not None and not names:
            raise invalid(f"'{name}' is only allowed when 'tools' are specified.", name)
    match wanted:
        case None | "auto":
            return names, ""
        case "none":
            return (), ""
        case "required":
            return names, "*"
        case {"type": "function", "function": {"name": str(name)}} if name in names:
            return names, name
    said = "Invalid value for 'tool_choice': it names no function in 'tools'."
    raise invalid(said, "tool_choice", "invalid_value")


def _stops(body: Json) -> tuple[str, ...]:
    stops = body.get("stop") or ()
    found = (stops,) if isinstance(stops, str) else tuple(stops)
    if len(found) > _MOST_STOPS:
        raise invalid(
            f"Invalid 'stop': array too long, at most {_MOST_STOPS}.", "stop", "array_above_max_length"
        )
    return found


def _thinks(body: Json) -> bool:
    """Tell whether reasoning is asked for, in the words of any of the vendors that speak this wire."""
    effort = body.get("reasoning_effort")
    if effort is not None and effort not in _EFFORTS:
        raise invalid(f"Invalid value: {effort!r}.", "reasoning_effort", "invalid_value")
    reasoning, thinking = body.get("reasoning"), body.get("thinking")
    if isinstance(reasoning, dict):  # OpenRouter
        return bool(reasoning.get("enabled", True)) and reasoning.get("effort") != "none"
    if isinstance(thinking, dict):  # DeepSeek, Moonshot
        return thinking.get("type") == "enabled"
    template = body.get("chat_template_kwargs") or {}  # vLLM
    asked = bool(template.get("enable_thinking") or body.get("enable_thinking"))  # SiliconFlow
    return asked or effort not in (None, "none", "minimal")


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
