"""Rows as operators see them; see `mindbot.store.queries`.

A row is any object that has the columns of its table as attributes.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

from mindbot.domain import ids
from mindbot.domain.delivered import UNKNOWN, Delivered
from mindbot.domain.errors import NotFound, StoreUnreadable
from mindbot.domain.message import Message, Part
from mindbot.domain.ports.store import Live
from mindbot.domain.records import turn_record
from mindbot.domain.shapes.turns import (
    DeliveryColumns,
    DeliveryJson,
    MessageJson,
    RouteJson,
    SessionRecord,
    TurnJson,
    TurnLineJson,
)
from mindbot.domain.turn import OPEN_STATES, Reply, Turn
from mindbot.store.rows import delivery_name, json_of, message_of, unpack_spans
from mindbot.store.unreadable import ODD, Unreadable

Row = Any


def number_of(turn: str) -> int:
    """Read a public turn id; raises NotFound for one that cannot exist."""
    try:
        return ids.parse(turn)
    except ValueError as error:
        raise NotFound(str(error), hint="`mindbot turns` lists them") from error


def turn_of(row: Row) -> Turn:
    """Return a turn as it is on disk; raises one of `ODD`."""
    record = json_of(row.record, dict) if row.record else {}
    return Turn(
        row.id,
        message_of(row.message),
        state=row.state,
        vars=dict(record.get("vars", {})),
        route=cast("RouteJson", dict(record.get("route", {}))),
        reply=Reply([Part.from_json(p) for p in record.get("reply", ())]),
        spans=unpack_spans(record.get("spans", ())),
        reason=row.reason or "",
        attempt=max(1, row.attempt),  # one that was excused is on disk as none
        finished=row.finished or 0.0,
        memo=dict(record.get("memo", {})),
        config=str(record.get("config", "")),
    )


def turn_now(row: Row, live: Live) -> Turn:
    """Return a turn as it is, in memory where it still runs; raises one of `ODD`."""
    found = live(row.session, row.id) if row.state in OPEN_STATES else None
    # An end that is not on disk yet is none: the write may fail, and the turn then runs again.
    if found is None or found.state not in OPEN_STATES:
        return turn_of(row)
    return replace(found, message=message_of(row.message)) if found.on_disk else found


def answered_by(row: Row) -> int:
    """Return the turn whose deliveries answer a turn: its own number, or that of an earlier one."""
    number: int = row.id
    if row.record and '"together":"' in str(row.record):
        with suppress(*ODD):
            together = json_of(row.record, dict)["vars"]["together"]
            return ids.parse(together) if isinstance(together, str) else number
    return number


def answers_too(row: Row) -> list[int]:
    """Return the later turns that a turn's answer answers as well."""
    if row.record and '"together":[' in str(row.record):
        with suppress(*ODD):
            return [ids.parse(each) for each in json_of(row.record, dict)["vars"]["together"]]
    return []


def lost_turn(row: Row | int, reason: str) -> Turn:
    """Return what the columns say of a turn that cannot be read; of a lost page only its id is known.

    What is in the column is the text and the raw payload of its message.
    """
    if isinstance(row, int):
        nobody = Message("", "", "", "", "", "unreadable", (), {})
        return Turn(row, nobody, state="dead", reason=reason)
    stored = str(row.message or "")
    try:
        message = message_of(row.message)
    except ODD:
        message = Message(
            str(row.platform),
            str(row.bot),
            str(row.key),
            str(row.session),
            str(row.sender),
            "unreadable",
            (Part("raw", stored[:200]),),
            {},
            raw=stored,
            received=_number(row.received),
        )
    state = "dead" if row.state in OPEN_STATES else str(row.state)
    why = f"{row.reason}; {reason}" if row.reason and reason not in str(row.reason) else reason
    return Turn(row.id, message, state=state, reason=why, finished=_number(row.finished))  # type: ignore[arg-type]


def summary_of(turn: Turn, delivered: Delivered = UNKNOWN) -> TurnLineJson:
    """Return a turn's line in a list."""
    return {"reply": "", "reason": turn.reason, **turn_record(turn, delivered)}


def everything_of(turn: Turn, row: Row, deliveries: list[DeliveryJson], delivered: Delivered) -> TurnJson:
    """Return all that is known of a turn."""
    return {
        **summary_of(turn, delivered),
        "message": message_json(row, turn),
        "config": turn.config,
        "finished": row.finished,
        "route": turn.route,
        "vars": {k: v for k, v in turn.vars.items() if not k.startswith("_")},
        "reply_parts": [p.to_json() for p in turn.reply.parts],
        "spans": [s.to_json() for s in turn.spans],
        "notes": notes_of(row.record),
        "deliveries": deliveries,
        "saying": "".join(turn.saying or ()) if turn.state in OPEN_STATES else "",
        "behind": None,
    }


def message_json(row: Row, turn: Turn) -> MessageJson:
    """Return a turn's message as it is on disk, where it can be read."""
    try:
        return cast("MessageJson", json_of(row.message, dict))
    except ODD:
        return turn.message.to_json()


def notes_of(record: Any) -> list[Any]:
    """Return what the platform told of a turn later."""
    try:
        return list(json_of(record, dict).get("notes", ())) if record else []
    except ODD:
        return []


def delivery_json(row: Row, unreadable: Unreadable) -> DeliveryJson:
    """Return an outbox row as the API shows it; what cannot be read in it is shown as it is."""
    try:
        return unreadable.read(delivery_name(row.turn, row.n), lambda: _read(row))
    except StoreUnreadable as error:
        told = row.error or ""
        why = f"{told}; {error.reason}" if told and error.reason not in told else error.reason
        return {
            **_columns(row),
            "error": why,
            "text": str(row.parts)[:200],
            "parts": [],
            "attempts": 0,
            "next_at": None,
            "notes": {},
            "created": 0.0,
            "ended": None,
            "took_ms": None,
        }


def _read(row: Row) -> DeliveryJson:
    parts = [Part.from_json(part) for part in json_of(row.parts, list)]
    json_of(row.address, dict)
    more = len(parts) > 1 or any(part.data or part.kind not in ("text", "markdown") for part in parts)
    return {
        **_columns(row),
        "text": "\n".join(part.text for part in parts if part.text),
        "parts": [part.to_json() for part in parts] if more else [],
        "attempts": row.attempts,
        "next_at": row.next_at or None,
        "notes": json_of(row.notes, dict) if row.notes else {},
        "created": row.created,
        "ended": row.ended,
        "took_ms": round((row.ended - row.created) * 1000, 3) if row.ended else None,
    }


def _columns(row: Row) -> DeliveryColumns:
    """Return what needs no reading."""
    return {
        "id": f"{ids.show(row.turn)}-{row.n}",
        "turn": ids.show(row.turn),
        "platform": row.platform,
        "bot": row.bot,
        "session": row.session,
        "kind": row.kind,
        "state": row.state,
        "again": bool(row.again),
        "error": row.error or "",
        "sent_id": row.sent_id or "",
    }


def session_of(last: Turn, session: str, count: int) -> SessionRecord:
    """Return a session's line in a list, by its last turn."""
    m = last.message
    return {
        "session": session,
        "platform": m.platform,
        "bot": m.bot,
        "user": m.sender,
        "chat": m.chat,
        "turns": count,
        "last": last.id,
        "active": m.received,
        "state": last.state,
        "text": m.text,
        "address": m.reply_to,
    }


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
