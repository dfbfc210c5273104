"""A turn as one flat record: what lists and events show, and what filters see.

Its names are those of ``mindbot.filters.fields.TURN_FIELDS``. A list read from disk and an event published
while the turn runs are made by the same function, so that they agree.
"""

from __future__ import annotations

from mindbot.domain.message import Json
from mindbot.domain.turn import Turn


def turn_record(turn: Turn) -> Json:
    """Return the record; ``took`` is seconds, ``received`` Unix seconds."""
    return record_of(turn, message_record(turn))


def message_record(turn: Turn) -> Json:
    """Return the part of the record that never changes."""
    m = turn.message
    quote = "\n".join(part.text for part in m.parts if part.kind == "quote")
    return {
        "id": turn.id,
        "platform": m.platform,
        "bot": m.bot,
        "session": m.session,
        "user": m.sender,
        "chat": m.chat,
        "kind": m.kind,
        "text": m.said,
        "received": m.received,
    } | ({"quote": quote} if quote else {})


def passing_record(message: Json, state: str, took: float, attempt: int) -> Json:
    """Return the record of a turn that is not ended; ``took`` is seconds."""
    return {
        **message,
        "state": state,
        "took": took,
        "took_ms": int(took * 1e6) / 1000,
        "attempt": attempt,
    }


def record_of(turn: Turn, message: Json) -> Json:
    """Return the record, its part that never changes having been made before."""
    record = passing_record(message, turn.state, turn.took, turn.attempt)
    if user := turn.vars.get("user"):
        record |= _person(user)
    if turn.finished:
        record |= _outcome(turn)
    return record


def _person(user: Json) -> Json:
    """Return what a directory says of the sender, as fields of the record."""
    departments = [str(each) for each in user.get("departments") or ()]
    found = {"user_name": str(user.get("name") or ""), "department": departments}
    return {name: value for name, value in found.items() if value}


def _outcome(turn: Turn) -> Json:
    route = turn.route
    found: Json = {
        "reply": turn.reply.text,
        "reason": turn.reason,
        "error": turn.reason.partition(":")[0] if turn.state in ("failed", "dead") else "",
        "route": route.get("why", ""),
        "runner": route.get("runner", ""),
    }
    if workflow := route.get("workflow"):
        found["workflow"] = workflow
    if shown := {k: v for k, v in turn.vars.items() if k[:1] != "_" and isinstance(v, str | int | float)}:
        found["vars"] = shown
    for span in turn.spans:
        if span.kind == "model":  # the last one says who answered, all of them what it cost
            found["provider"] = str(span.data.get("provider", ""))
            found["model"] = str(span.data.get("model", ""))
            if usage := span.data.get("usage"):
                spent = usage.get("input_tokens", 0) + usage.get("output_tokens", 0)
                found["tokens"] = found.get("tokens", 0) + spent
    return found
