"""The parts of a chunk or an answer, in whatever shape servers send them. Pure; bounded in work and depth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from mindbot.domain.chat import Usage
from mindbot.providers.shared.counts import count

#: Values that one content may be put together of. Who sends more, or hides them deeper, means harm.
_MOST_PARTS = 10_000
#: The fields of a delta or a message, and which part of the answer each holds.
OF_THE_ANSWER = {
    "content": "text",
    "refusal": "text",
    "reasoning_content": "thought",
    "reasoning": "thought",
    "thinking": "thought",
    "tool_calls": "calls",
    "function_call": "calls",
}


class SaidWords(NamedTuple):
    """Of a content: what is said, what is thought, and whether there was more than anybody needs."""

    said: str
    thought: str
    left_out: bool


def choice_of(doc: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the first choice of a chunk that is one."""
    choices = doc.get("choices")
    if not isinstance(choices, list) or not choices:
        return None
    if isinstance(choices[0], dict):
        return choices[0]
    return next((choice for choice in choices if isinstance(choice, dict)), None)


def is_piece(doc: Any) -> bool:
    """Tell whether a document is, or may be, one piece of an answer: one with a ``message`` beside what it
    adds is all of it only where no other follows (`has_message`)."""
    choice = choice_of(doc) if isinstance(doc, dict) else None
    if choice is None or not isinstance(delta := choice.get("delta"), dict):
        return False
    return not choice.get("message") or any(map(delta.get, OF_THE_ANSWER))


def has_message(doc: Any) -> bool:
    """Tell whether a document holds a ``message``, as a whole answer does."""
    choice = choice_of(doc) if isinstance(doc, dict) else None
    return choice is not None and bool(choice.get("message"))


def words(content: Any) -> SaidWords:
    """Read a content: a string, a number, an object, or a list of parts (Mistral), nested as it may be."""
    if isinstance(content, str):
        return SaidWords(content, "", False)
    said: list[str] = []
    thought: list[str] = []
    left = _MOST_PARTS
    waiting = [(content, said)]  # each with where it goes; the next one last
    while waiting and left:
        left -= 1
        part, into = waiting.pop()
        if isinstance(part, str):
            into.append(part)
        elif isinstance(part, int | float) and not isinstance(part, bool):
            into.append(str(part))
        elif isinstance(part, list):
            waiting += [(each, into) for each in reversed(part[: left + 1])]
        elif isinstance(part, dict):
            waiting.append((next((part[k] for k in ("text", "content", "value") if part.get(k)), None), into))
            waiting.append((part.get("thinking"), thought))
    return SaidWords("".join(said), "".join(thought), bool(waiting))


def usage_of(usage: Any) -> Usage | None:
    """Return usage in our words; None where none can be read. A number that cannot be read is left out."""
    if not isinstance(usage, dict):
        return None
    asked = count(usage.get("prompt_tokens", usage.get("input_tokens")))
    told = count(usage.get("completion_tokens", usage.get("output_tokens")))
    if asked is None and told is None:
        return None
    cost = _money(usage.get("cost"))  # OpenRouter, in its credits: US dollars
    return Usage(
        asked or 0,
        told or 0,
        cached_tokens=_detail(usage, "prompt_tokens_details", "cached_tokens")
        or count(usage.get("prompt_cache_hit_tokens"))  # DeepSeek
        or count(usage.get("cached_tokens"))  # Moonshot
        or 0,
        reasoning_tokens=_detail(usage, "completion_tokens_details", "reasoning_tokens"),
        cost=cost,
        currency="" if cost is None else "USD",
    )


def _money(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return max(0.0, float(value))


def _detail(usage: Mapping[str, Any], details: str, name: str) -> int:
    found = usage.get(details)
    return (count(found.get(name)) or 0) if isinstance(found, dict) else 0
