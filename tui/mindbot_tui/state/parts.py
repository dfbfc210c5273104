"""The parts of a turn as texts: as it was received, what the model was asked, what was said and sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from mindbot.api.models import TurnView
from mindbot.api.shown_routes import explained
from mindbot.domain.message import Json
from mindbot_tui.cells import size
from mindbot_tui.state.decisions import decision_of

NAMES = ("message", "prompt", "reply", "deliveries", "route", "step", "all")


@dataclass(frozen=True, slots=True)
class Part:
    """``json`` says whether to colour it as such."""

    text: str
    json: bool = False


#: Characters from which on a text is shortened, and how many are then shown of it; in JSON less.
_LONG, _SHOWN = 16_000, 8_000
_LONG_JSON, _SHOWN_JSON = 2_000, 500

#: Says of a text of some size that the rest is elsewhere.
Fold = Callable[[str], str]


def part(turn: TurnView, name: str, step: Json | None = None, fold: Fold | None = None) -> Part:
    """Return a part by its name; ``step`` is the span that is selected. With ``fold`` long texts in it are
    shortened, each with what that says of its size."""
    if fold is not None:
        sizes = (_LONG_JSON, _SHOWN_JSON) if name in ("route", "step", "all") else (_LONG, _SHOWN)
        step = _folded(step, fold, *sizes)
        turn = TurnView.model_validate(_folded(turn.to_json(), fold, *sizes))
    return _part(turn, name, step)


def _folded(value: Any, fold: Fold, most: int, shown: int) -> Any:
    """Return a value with the long texts in it shortened."""
    if isinstance(value, str):
        return (
            f"{value[:shown]}{fold(size(len(value.encode(errors='replace'))))}"
            if len(value) > most
            else value
        )
    if isinstance(value, dict):
        return {key: _folded(each, fold, most, shown) for key, each in value.items()}
    if isinstance(value, list):
        return [_folded(each, fold, most, shown) for each in value]
    return value


def _part(turn: TurnView, name: str, step: Json | None) -> Part:
    match name:
        case "message":
            return Part(_message(turn))
        case "prompt":
            return Part("\n".join(_prompts(turn)))
        case "reply":
            return Part(_reply(turn))
        case "deliveries":
            return Part("\n\n".join([*(_delivery(each) for each in turn.deliveries), *_notes(turn)]))
        case "route":
            return _route(turn)
        case "step":
            return Part(_pretty(step), json=True) if step else Part("")
        case _:
            return Part(_pretty(turn.to_json()), json=True)


def _route(turn: TurnView) -> Part:
    """Return what the router weighed, where it was asked, and what became of it."""
    became = _pretty({"route": turn.route, "vars": turn.vars})
    if (decision := decision_of(turn)) is None:
        return Part(became, json=True)
    return Part("\n".join([*explained(decision), "── route ──", became]))


def _pretty(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)


def _message(turn: TurnView) -> str:
    raw = str(turn.message.get("raw") or "")
    if raw[:1] in ("{", "["):
        with suppress(ValueError):  # then as it came
            raw = _pretty(json.loads(raw))
    kinds = ", ".join(part.get("kind", "?") for part in turn.message.get("parts", ()))
    head = turn.text or f"({kinds or 'empty'})"
    blocks = [head, *_together(turn), *_files(turn), *_sender(turn)]
    if raw:
        blocks.append(f"── {kinds or 'raw'} ──\n{raw}")
    return "\n\n".join(blocks)


def _sender(turn: TurnView) -> Iterator[str]:
    """Yield what the platform's directory says of who wrote."""
    user = turn.vars.get("user")
    failed = [span.data["error"] for span in turn.spans if span.kind == "people" and span.data.get("error")]
    if isinstance(user, dict):
        facts = (
            (name, ", ".join(map(str, v)) if isinstance(v, list) else str(v)) for name, v in user.items()
        )
        yield "\n".join([f"── {turn.user} ──", *(f"{name}: {value}" for name, value in facts if value)])
    elif failed:
        yield f"── {turn.user} ──\nnot found: {failed[-1]}"


def _together(turn: TurnView) -> Iterator[str]:
    """Yield which turns one reply answers: those taken along, or the one that took this along."""
    found, asked = turn.vars.get("together"), turn.vars.get("asked")
    if isinstance(found, str):
        yield f"── together ──\nanswered with {found}"
    elif isinstance(found, list):
        texts = asked[1:] if isinstance(asked, list) else []
        lines = (f"{id}  {text}".rstrip() for id, text in zip_longest(found, texts, fillvalue=""))
        yield "\n".join(["── together ──", *lines])


def _files(turn: TurnView) -> Iterator[str]:
    """Yield the files that came with the message, and those that could not be had."""
    lines = [f"{span.name}: {_file(span.data)}" for span in turn.spans if span.kind == "media"]
    if lines:
        yield "\n".join(["── files ──", *lines])


def _file(facts: Json) -> str:
    if error := facts.get("error"):
        return f"not there: {error}"
    if not facts.get("id"):
        return "nothing to download"
    said = [facts.get("name"), facts.get("type"), size(float(facts.get("size") or 0)), facts["id"]]
    return "  ".join(str(each) for each in said if each)


def _notes(turn: TurnView) -> Iterator[str]:
    """Yield what the platform said of the turn later: feedback, a late failure."""
    for note in turn.notes:
        lines = (f"  {name}: {value}" for name, value in note.items() if value not in ("", None, [], {}))
        yield "\n".join(["── later ──", *lines])


def _prompts(turn: TurnView) -> Iterator[str]:
    for span in turn.spans:
        request = span.data.get("request")
        if span.kind != "model" or not isinstance(request, dict):
            continue
        who = " · ".join(str(span.data[k]) for k in ("provider", "model") if span.data.get(k))
        yield f"── {who or span.name} ──"
        for message in request.get("messages", ()):
            yield f"{message.get('role', '?')}: {message.get('content', '')}"
        if isinstance(less := span.data.get("left_out"), dict):
            yield "── " + ", ".join(_left_out(less)) + " ──"
        if usage := span.data.get("usage"):
            yield "── " + ", ".join(f"{name} {count}" for name, count in usage.items()) + " ──"
        if error := span.data.get("error"):
            yield f"── {error.get('message', error) if isinstance(error, dict) else error} ──"


def _left_out(less: Json) -> Iterator[str]:
    """Yield what a model that refused the whole prompt was not asked, and why."""
    if less.get("lines"):
        yield f"left out: {less['lines']} lines, {less.get('characters', 0)} characters of the conversation"
    if less.get("system"):
        yield f"system line {less['system']}"
    yield str(less.get("why", ""))


def _reply(turn: TurnView) -> str:
    extra = [part for part in turn.reply_parts if part.get("kind") not in ("text", "markdown")]
    blocks = [turn.reply or turn.reason]
    for part in extra:
        data = part.get("data") or {}
        known = _file({**data, "id": data.get("media", "")}) if data.get("media") else _pretty(data)
        blocks.append(f"── {part.get('kind')} ──\n{known}")
    return "\n\n".join(blocks)


def _delivery(each: Json) -> str:
    lines = [
        f"{each.get('state', '?')}  {each.get('platform', '')}/{each.get('bot', '')}  {each.get('id', '')}"
    ]
    kind = each.get("kind")
    facts = [("kind", kind if kind != "message" else "")]
    facts += [("attempts", each.get("attempts")), ("platform's id", each.get("sent_id"))]
    facts += [("took ms", each.get("took_ms")), ("error", each.get("error"))]
    facts += [("may have arrived before", each.get("again"))]
    lines += [f"  {name}: {value}" for name, value in facts if value]
    lines += [f"  {name}: {value}" for name, value in (each.get("notes") or {}).items()]
    return "\n".join([*lines, *(f"  │ {line}" for line in str(each.get("text", "")).split("\n"))])
