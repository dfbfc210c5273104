"""The parts of a turn as texts: as it was received, what the model was asked, what was said and sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from mindbot.api.models import TurnView
from mindbot.domain.message import Json

NAMES = ("message", "prompt", "reply", "deliveries", "route", "step", "all")


@dataclass(frozen=True, slots=True)
class Part:
    """``json`` says whether to colour it as such."""

    text: str
    json: bool = False


def part(turn: TurnView, name: str, step: Json | None = None) -> Part:
    """Return a part by its name; ``step`` is the span that is selected."""
    match name:
        case "message":
            return Part(_message(turn))
        case "prompt":
            return Part("\n".join(_prompts(turn)))
        case "reply":
            return Part(_reply(turn))
        case "deliveries":
            return Part("\n\n".join(_delivery(each) for each in turn.deliveries))
        case "route":
            return Part(_pretty({"route": turn.route, "vars": turn.vars}), json=True)
        case "step":
            return Part(_pretty(step), json=True) if step else Part("")
        case _:
            return Part(_pretty(turn.to_json()), json=True)


def _pretty(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)


def _message(turn: TurnView) -> str:
    raw = str(turn.message.get("raw") or "")
    if raw[:1] in ("{", "["):
        with suppress(ValueError):  # then as it came
            raw = _pretty(json.loads(raw))
    kinds = ", ".join(part.get("kind", "?") for part in turn.message.get("parts", ()))
    head = turn.text or f"({kinds or 'empty'})"
    return f"{head}\n\n── {kinds or 'raw'} ──\n{raw}" if raw else head


def _prompts(turn: TurnView) -> Iterator[str]:
    for span in turn.spans:
        request = span.data.get("request")
        if span.kind != "model" or not isinstance(request, dict):
            continue
        who = " · ".join(str(span.data[k]) for k in ("provider", "model") if span.data.get(k))
        yield f"── {who or span.name} ──"
        for message in request.get("messages", ()):
            yield f"{message.get('role', '?')}: {message.get('content', '')}"
        if usage := span.data.get("usage"):
            yield "── " + ", ".join(f"{name} {count}" for name, count in usage.items()) + " ──"
        if error := span.data.get("error"):
            yield f"── {error.get('message', error) if isinstance(error, dict) else error} ──"


def _reply(turn: TurnView) -> str:
    extra = [part for part in turn.reply_parts if part.get("kind") not in ("text", "markdown")]
    said = turn.reply or turn.reason
    return f"{said}\n\n{_pretty(extra)}" if extra else said


def _delivery(each: Json) -> str:
    lines = [
        f"{each.get('state', '?')}  {each.get('platform', '')}/{each.get('bot', '')}  {each.get('id', '')}"
    ]
    facts = [("attempts", each.get("attempts")), ("platform's id", each.get("sent_id"))]
    facts += [("took ms", each.get("took_ms")), ("error", each.get("error"))]
    facts += [("may have arrived before", each.get("again"))]
    lines += [f"  {name}: {value}" for name, value in facts if value]
    lines += [f"  {name}: {value}" for name, value in (each.get("notes") or {}).items()]
    return "\n".join([*lines, *(f"  │ {line}" for line in str(each.get("text", "")).split("\n"))])
