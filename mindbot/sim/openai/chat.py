"""What the simulated model says: read a chat request, choose a reply, count its tokens.

Source: "Chat completions" in the API reference. A token is four characters here, so that lengths, usage and
the pieces of a stream agree and can be computed by a test.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from mindbot.domain.message import Json
from mindbot.sim.openai.errors import invalid

_TOKEN = 4  # characters
_ROLES = frozenset({"developer", "system", "user", "assistant", "tool", "function"})


def pieces(text: str) -> list[str]:
    """Return the tokens of a text."""
    return [text[i : i + _TOKEN] for i in range(0, len(text), _TOKEN)]


def count_tokens(text: str) -> int:
    """Return how many tokens a text has."""
    return (len(text) + _TOKEN - 1) // _TOKEN


@dataclass(slots=True)
class Scripted:
    """A reply prepared by a test, used instead of the echo.

    ``match`` is a regular expression searched in the last user message (empty: any). It is used ``times``
    times (0: for ever). A tool call is ``{"name", "arguments"}``; arguments given as text are sent as they
    are, valid JSON or not. ``finish`` overrides the finish reason.
    """

    text: str = ""
    tool_calls: list[Json] = field(default_factory=list)
    reasoning: str = ""
    finish: str = ""
    match: str = ""
    times: int = 1


@dataclass(slots=True)
class ChatCompletion:
    """One reply. ``text`` is cut already when ``finish`` is "length"."""

    model: str
    text: str
    tool_calls: list[Json]
    reasoning: str
    finish: str
    prompt_tokens: int
    completion_tokens: int

    @property
    def usage(self) -> Json:
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": count_tokens(self.reasoning),
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }


class Model:
    """The simulated model. ``script`` is consumed front to back; without a match it echoes."""

    def __init__(self, context_tokens: int) -> None:
        self.script: list[Scripted] = []
        self._context_tokens = context_tokens
        self._calls = 0

    def complete(self, body: Json) -> ChatCompletion:
        """Answer a request.

        Raises:
            ApiError: the request is not one the real API accepts.
        """
        messages = _checked_messages(body)
        texts = [text_of(message.get("content")) for message in messages]
        prompt_tokens = sum(map(count_tokens, texts)) + 4 * len(texts)
        if prompt_tokens > self._context_tokens:
            raise invalid(
                f"This model's maximum context length is {self._context_tokens} tokens."
                f" However, your messages resulted in {prompt_tokens} tokens."
                " Please reduce the length of the messages.",
                "messages",
                "context_length_exceeded",
            )
        asked = next(
            (t for m, t in zip(reversed(messages), reversed(texts), strict=True) if m["role"] == "user"), ""
        )
        reply = self._scripted(asked) or Scripted(_echo(asked, messages, texts))
        calls = [self._call(call) for call in reply.tool_calls]
        text, finish = reply.text, reply.finish or ("tool_calls" if calls else "stop")
        limit = body.get("max_completion_tokens") or body.get("max_tokens")
        if limit and count_tokens(text) > limit:
            text, finish = text[: limit * _TOKEN], "length"
        spent = count_tokens(text) + count_tokens(reply.reasoning)
        spent += sum(count_tokens(call["function"]["arguments"]) for call in calls)
        return ChatCompletion(body["model"], text, calls, reply.reasoning, finish, prompt_tokens, spent)

    def _scripted(self, asked: str) -> Scripted | None:
        """Take the first scripted reply that matches."""
        for reply in self.script:
            if re.search(reply.match, asked):
                if reply.times == 1:
                    self.script.remove(reply)
                elif reply.times > 1:
                    reply.times -= 1
                return reply
        return None

    def _call(self, call: Json) -> Json:
        """Return a tool call as it stands in an assistant message."""
        self._calls += 1
        arguments = call.get("arguments", {})
        if not isinstance(arguments, str):
            arguments = orjson.dumps(arguments).decode()
        return {
            "id": call.get("id") or f"call_{self._calls:024d}",
            "type": "function",
            "function": {"name": call["name"], "arguments": arguments},
        }


def text_of(content: Any) -> str:
    """Return the readable text of a message's content: a string, a list of parts, or null."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return " ".join(p.get("text", "") if p.get("type") == "text" else f"[{p.get('type')}]" for p in parts)


def _echo(asked: str, messages: Sequence[Json], texts: Sequence[str]) -> str:
    """Return the default answer: the last user message, and the tool results after it."""
    results: list[str] = []
    for message, text in zip(reversed(messages), reversed(texts), strict=True):
        if message["role"] != "tool":
            break
        results.insert(0, text)
    return f"echo: {asked}" + "".join(f" [tool: {result}]" for result in results)


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
