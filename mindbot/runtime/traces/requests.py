"""The requests of a turn: each as it left, and of each part of its prompt where it is from. Pure.

What a provider counts as a token nobody else knows; the estimate of a part says how the whole is made up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mindbot.domain.origins import HISTORY, MESSAGE
from mindbot.domain.plain import dumps
from mindbot.domain.sent import SENT, bodies
from mindbot.domain.shapes.traces import PromptPartJson, RequestJson
from mindbot.domain.shapes.turns import Json, SpanJson, TurnJson
from mindbot.providers.shared import tokens

_OF_A_TURN = (f"{HISTORY}:", f"{MESSAGE}:")


def requests_of(turn: TurnJson) -> list[RequestJson]:
    """Return the calls of models and workflows of a turn, in the order of their steps."""
    return [
        {**request, "n": n}
        for n, request in enumerate((each for span in turn["spans"] for each in _of(span)), 1)
    ]


def prompt_of(turn: TurnJson) -> list[PromptPartJson]:
    """Return what the last model of a turn was asked; of a turn that asked none, nothing."""
    asked = [found for span in turn["spans"] if (found := _prompt(span.get("data", {})))]
    return asked[-1] if asked else []


def _of(span: SpanJson) -> Iterator[RequestJson]:
    data = span.get("data", {})
    calls = [each for each in _list(data.get(SENT)) if isinstance(each, dict)]
    prompt = _prompt(data)
    if not calls and not prompt:
        return
    usage = data.get("usage")
    told = usage.get("input_tokens") if isinstance(usage, Mapping) else None
    for n, (call, body) in enumerate(zip(calls, bodies(calls), strict=True) if calls else [({}, None)], 1):
        last = n == max(1, len(calls))
        yield {
            "n": 0,
            "span": span["id"],
            "kind": span["kind"],
            "name": span["name"],
            "provider": str(call.get("provider") or data.get("provider") or ""),
            "model": str(call.get("model") or data.get("model") or ""),
            "key": str(call.get("key") or ""),
            "path": str(call.get("path") or ""),
            "body": body,
            "size": len(dumps(body)) if body is not None else 0,
            "cut_from": call.get("cut_from"),
            "prompt": prompt if last else [],  # what earlier ones were made of, their bodies say
            "input_tokens": told if last and isinstance(told, int) else None,
            "estimated_tokens": sum(part["tokens"] for part in prompt) if last else 0,
        }


def _prompt(data: Mapping[str, Any]) -> list[PromptPartJson]:
    asked = data.get("request")
    lines = _list(asked.get("messages")) if isinstance(asked, Mapping) else []
    return [
        part
        for n, line in enumerate(lines, 1)
        for part in (_parts(n, line) if isinstance(line, dict) else [_left_out(n, str(line))])
    ]


def _parts(n: int, line: Json) -> Iterator[PromptPartJson]:
    content = line.get("content")
    if not isinstance(content, list):
        content = [{"kind": "text", "text": content, "origin": line.get("origin")}]
    for each in content:
        part = each if isinstance(each, dict) else {"kind": "cut", "text": each}
        origin, text = str(part.get("origin") or ""), _words(part)
        whose = next((origin.removeprefix(kind) for kind in _OF_A_TURN if origin.startswith(kind)), "")
        yield {
            "line": n,
            "role": str(line.get("role") or ""),
            "kind": str(part.get("kind") or ""),
            "origin": origin.partition(":")[0] or str(part.get("kind") or ""),
            "turn": whose,
            "text": text,
            "tokens": tokens.of_text(text),
        }


def _words(part: Json) -> str:
    """Return what a part says: of a call its name and arguments, of a picture its name."""
    match part.get("kind"):
        case "tool_call":
            return f"{part.get('name')}({part.get('arguments')})"
        case "image" | "file" | "audio":
            return str(part.get("name") or part.get("url") or part.get("type") or "")
    return str(part.get("text") or "")


def _left_out(n: int, mark: str) -> PromptPartJson:
    """Return what stands for lines of a prompt that was too long for its record."""
    return {"line": n, "role": "", "kind": "cut", "origin": "cut", "turn": "", "text": mark, "tokens": 0}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
