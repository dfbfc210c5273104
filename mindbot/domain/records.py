"""A turn as one flat record: what lists and events show, and what filters see.

Its names are those of ``mindbot.filters.fields.TURN_FIELDS``. A list read from disk and an event published
while the turn runs are made by the same function, so that they agree.
"""

from __future__ import annotations

from typing import cast

from mindbot.domain.delivered import UNKNOWN, Delivered
from mindbot.domain.message import OPERATOR, Message
from mindbot.domain.shapes.turns import MessageRecord, PassingRecord, PersonJson, TimedRecord, TurnRecord
from mindbot.domain.turn import Turn


def turn_record(turn: Turn, delivered: Delivered = UNKNOWN) -> TurnRecord:
    """Return the record; ``took`` is seconds, ``received`` Unix seconds."""
    return record_of(turn, message_record(turn), delivered)


def origin_of(m: Message) -> str:
    """Return who brought a message: ``user``, ``test``, ``push``, ``operator`` or ``replay``."""
    return "push" if m.kind == "push" and m.origin != OPERATOR else m.origin


def message_record(turn: Turn) -> MessageRecord:
    """Return the part of the record that never changes."""
    m = turn.message
    record: MessageRecord = {
        "id": turn.id,
        "origin": origin_of(m),
        "platform": m.platform,
        "bot": m.bot,
        "session": m.session,
        "user": m.sender,
        "chat": m.chat,
        "kind": m.kind,
        "text": m.said,
        "received": m.received,
    }
    if quote := "\n".join(part.text for part in m.parts if part.kind == "quote"):
        record["quote"] = quote
    if m.tried_for:
        record["dry_run"] = True
    return record


def passing_record(message: MessageRecord, state: str, took: float, attempt: int) -> PassingRecord:
    """Return the record of a turn that is not ended; ``took`` is seconds."""
    return {**message, "state": state, "took": took, "took_ms": _ms(took), "attempt": attempt}


def timed_record(message: MessageRecord, took: float, attempt: int) -> TimedRecord:
    """Return the record of a turn whose state is not known; ``took`` is seconds."""
    return {**message, "took": took, "took_ms": _ms(took), "attempt": attempt}


def _ms(took: float) -> float:
    return int(took * 1e6) / 1000


def record_of(turn: Turn, message: MessageRecord, delivered: Delivered = UNKNOWN) -> TurnRecord:
    """Return the record, its part that never changes having been made before."""
    passing = passing_record(message, turn.state, turn.took, turn.attempt)
    record = cast("TurnRecord", {**passing, **delivered.to_record()})
    if user := turn.vars.get("user"):
        _add_person(record, user)
    if turn.finished:
        _add_outcome(record, turn)
    return record


def record_at(turn: Turn) -> TurnRecord:
    """Return the record of a turn that is under way, with what its stages made of it so far."""
    record = turn_record(turn)
    _add_outcome(record, turn)
    return record


def _add_person(record: TurnRecord, user: PersonJson) -> None:
    """Add what a directory says of the sender."""
    if name := str(user.get("name") or ""):
        record["user_name"] = name
    if departments := [str(each) for each in user.get("departments") or ()]:
        record["department"] = departments


def _add_outcome(record: TurnRecord, turn: Turn) -> None:
    route = turn.route
    record["reply"] = turn.reply.text
    record["reason"] = turn.reason
    record["error"] = turn.reason.partition(":")[0] if turn.state in ("failed", "dead") else ""
    record["route"] = route.get("why", "")
    record["runner"] = route.get("runner", "")
    if workflow := route.get("workflow"):
        record["workflow"] = workflow
    if "confidence" in route:
        record["confidence"] = route["confidence"]
    if rule := route.get("rule"):
        record["rule"] = rule
    if shown := {k: v for k, v in turn.vars.items() if k[:1] != "_" and isinstance(v, str | int | float)}:
        record["vars"] = shown
    for span in turn.spans:
        if span.kind == "model" and span.data:  # the last one says who answered, all of them what it cost
            record["provider"] = str(span.data.get("provider", ""))
            record["model"] = str(span.data.get("model", ""))
            if usage := span.data.get("usage"):
                spent = usage.get("input_tokens", 0) + usage.get("output_tokens", 0)
                record["tokens"] = record.get("tokens", 0) + spent
