"""A turn as OTLP in JSON, for any collector that takes OpenTelemetry's traces.

Sources: OpenTelemetry Protocol, "JSON Protobuf Encoding" (ids in hexadecimal, 64-bit numbers as text, enums
as numbers); opentelemetry-proto, ``trace.proto``; semantic conventions for generative AI (``gen_ai.…``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any

from mindbot.api.folding import failure_of
from mindbot.api.models import SpanView, TurnView
from mindbot.domain.distribution import version
from mindbot.domain.message import Json
from mindbot.domain.plain import dumps

_INTERNAL, _CLIENT, _SERVER = 1, 3, 2
_OUT = frozenset({"model", "workflow", "tool", "delivery", "retrieval"})  # steps that ask somebody else
_OK, _ERROR = 1, 2
_LONGEST = 8_000  # characters of one value
#: What the conventions call what a step notes.
_NAMES = {
    "provider": "gen_ai.provider.name",
    "model": "gen_ai.request.model",
    "finish": "gen_ai.response.finish_reason",
}
#: What is told of the turn itself.
_FACTS = ("platform", "bot", "session", "user", "state", "runner", "workflow", "reason", "text", "reply")
_USAGE = {"input_tokens": "gen_ai.usage.input_tokens", "output_tokens": "gen_ai.usage.output_tokens"}


def as_otlp(turn: TurnView) -> str:
    """Return one trace: the turn, inside it its steps, with the ids that every export of it has."""
    trace = _hex(f"turn {turn.id}", 16)
    spans = [_root(turn, trace), *(_span(turn, span, trace) for span in turn.spans)]
    resource = {"attributes": list(_attributes({"service.name": "mindbot", "service.version": version()}))}
    scoped = {"scope": {"name": "mindbot", "version": version()}, "spans": spans}
    whole = {"resourceSpans": [{"resource": resource, "scopeSpans": [scoped]}]}
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def _root(turn: TurnView, trace: str) -> Json:
    known = turn.to_json()
    facts = {f"mindbot.{name}": known.get(name) for name in ("platform", "bot", "session", "user", "state")}
    facts |= {
        f"mindbot.{name}": known.get(name) for name in ("runner", "workflow", "reason", "text", "reply")
    }
    failed = turn.state in ("failed", "dead")
    return {
        "traceId": trace,
        "spanId": _span_id(turn, 0),
        "name": f"turn {turn.platform}/{turn.bot}",
        "kind": _SERVER,
        **_times(turn.received, turn.took_ms),
        "attributes": list(_attributes({"mindbot.turn": turn.id, **facts})),
        "status": {"code": _ERROR, "message": turn.reason} if failed else {"code": _OK},
    }


def _span(turn: TurnView, span: SpanView, trace: str) -> Json:
    usage = span.data.get("usage")
    facts: Json = {"mindbot.kind": span.kind, "mindbot.status": span.status}
    for name, value in span.data.items():
        if name not in ("usage", "error"):
            facts[_NAMES.get(name, f"mindbot.{name}")] = value
    for name, value in usage.items() if isinstance(usage, Mapping) else ():
        facts[_USAGE.get(name, f"mindbot.usage.{name}")] = value
    failure = failure_of(span)
    if failure is not None:
        facts["error.type"] = failure.kind or "error"
    bad = span.status not in ("ok", "memo", "skipped")
    return {
        "traceId": trace,
        "spanId": _span_id(turn, span.id),
        "parentSpanId": _span_id(turn, span.parent),
        "name": f"{span.kind} {span.name}",
        "kind": _CLIENT if span.kind in _OUT else _INTERNAL,
        **_times(span.start, span.took_ms),
        "attributes": list(_attributes(facts)),
        "status": {"code": _ERROR, "message": str(failure or span.status)} if bad else {"code": _OK},
    }


def _times(start: float, took_ms: float | None) -> Json:
    """Return when something began and ended; of what still runs the end is its beginning."""
    begun = int(start * 1e6) * 1000
    return {"startTimeUnixNano": str(begun), "endTimeUnixNano": str(begun + int((took_ms or 0.0) * 1e6))}


def _attributes(facts: Mapping[str, Any]) -> Iterator[Json]:
    for name, value in facts.items():
        if value is not None and value != "":
            yield {"key": name, "value": _value(value)}


def _value(value: Any) -> Json:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    text = value if isinstance(value, str) else dumps(value).decode()
    return {"stringValue": text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"}


def _span_id(turn: TurnView, id: int) -> str:
    return _hex(f"turn {turn.id} span {id}", 8)


def _hex(text: str, size: int) -> str:
    return blake2b(text.encode(), digest_size=size).hexdigest()
