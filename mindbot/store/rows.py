"""Turns and deliveries as rows of the journal, and back."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, TypedDict, TypeVar

import orjson

from mindbot.domain import ids, plain
from mindbot.domain.delivery import Delivery, DeliveryNotes
from mindbot.domain.errors import StoreUnreadable
from mindbot.domain.message import Json, Message, Part
from mindbot.domain.ports.store import Kept
from mindbot.domain.shapes.turns import PartJson, RouteJson
from mindbot.domain.span import Span, status_of
from mindbot.domain.turn import Turn
from mindbot.store.journal import Row
from mindbot.store.unreadable import Unreadable

T = TypeVar("T")

PARTITIONS = 256

#: The columns `delivery_of` reads.
DELIVERY = (
    "turn, n, platform, bot, session, address, parts, state, attempts, again, next_at, error, created, "
    "notes, kind, ended, sent_id"
)
#: A turn's state and its deliveries.
ANSWER = f"""
    SELECT t.state, {", ".join(f"o.{column.strip()}" for column in DELIVERY.split(","))}
    FROM turns AS t LEFT JOIN outbox AS o ON o.turn = t.id AND o.n >= 0 WHERE t.id = ? ORDER BY o.n"""


def partition_of(session: str) -> int:
    """Return the partition of a session, 0 to 255, the same in every process."""
    return zlib.crc32(session.encode()) % PARTITIONS


def pack_spans(spans: Iterable[Span]) -> list[Row]:
    """Return spans as short rows, half the size of objects; times in whole microseconds."""
    return [
        [s.id, s.parent, s.kind, s.name, int(s.start * 1e6), int(s.took * 1e6), s.status, s.data or None]
        for s in spans
    ]


def unpack_spans(rows: Iterable[Row]) -> list[Span]:
    """Read `pack_spans` back."""
    return [Span(a, b, c, d, e / 1e6, f / 1e6, status_of(g), h or {}) for a, b, c, d, e, f, g, h in rows]


class KeptTurn(TypedDict):
    """What is kept of an ended turn beside its message; spans as `pack_spans` makes them.

    ``memo`` is what its steps returned, in the order in which they were done: what makes it again takes them
    from there.
    """

    route: RouteJson
    vars: Json
    reply: list[PartJson]
    spans: list[Row]
    memo: Json
    config: str


def record_of(turn: Turn, spans: Sequence[Span] | None = None) -> KeptTurn:
    """Return what is kept of an ended turn; ``spans`` are those of its steps that are, None: all."""
    return {
        "route": turn.route,
        "vars": {k: v for k, v in turn.vars.items() if not k.startswith("_")},
        "reply": [p.to_json() for p in turn.reply.parts],
        "spans": pack_spans(turn.spans if spans is None else spans),
        "memo": turn.memo,
        "config": turn.config,
    }


def storable(m: Message) -> Message:
    """Return a message as a row can hold it, which is nearly always the same one.

    What JSON allows and no row can hold (see `mindbot.domain.plain.plain`) would be refused for ever, and
    pushed again for ever. Ids that a row would cut have marks, so that two never become one. ``raw`` is text,
    and says what it was; ``reply_to`` leads to whom it came from.
    """
    ids = (m.key, m.session, m.sender, m.chat, m.corp, *m.aliases)
    if (whole := tuple(map(plain.marked, ids))) != ids:
        key, session, sender, chat, corp, *aliases = whole
        m = replace(m, key=key, session=session, sender=sender, chat=chat, corp=corp, aliases=tuple(aliases))
    try:
        orjson.dumps([[[[[[m.to_json()]]]]]])  # wrapped as deep as it will be
    except TypeError:
        return Message.from_json(plain.plain(m.to_json()))
    return m


def put_row(number: int, m: Message) -> Row:
    """Return the row of an inbound message."""
    partition = partition_of(m.session)
    return [number, m.platform, m.bot, m.key, m.session, m.sender, partition, m.received, m.to_json()]


def enqueue_row(d: Delivery) -> Row:
    """Return the row of a new delivery."""
    parts = [p.to_json() for p in d.parts]
    row: Row = [d.turn, d.n, d.platform, d.bot, d.session, d.to, parts]
    return [*row, d.state, d.attempts, d.created, d.ended or None, d.kind]


def settle_row(d: Delivery) -> Row:
    """Return the row of a stream that has its final text."""
    return [d.turn, d.n, [p.to_json() for p in d.parts], d.state, d.attempts, d.notes.to_json() or None]


def deliver_row(d: Delivery) -> Row:
    """Return the row of a delivery's new state."""
    row: Row = [d.turn, d.n, d.state, d.attempts, int(d.again), d.next_at]
    return [*row, d.error or None, d.sent_id or None, d.notes.to_json() or None, d.ended or None]


def keep_row(k: Kept) -> Row:
    """Return the row of a value that is kept."""
    return [k.platform, k.bot, k.key, k.value, k.ends]


def json_of(text: Any, kind: type[T]) -> T:
    """Read a JSON column; raises ValueError, TypeError when it is no JSON, or not of that kind."""
    found = orjson.loads(text)
    if not isinstance(found, kind):
        raise TypeError(f"{kind.__name__} expected, not {type(found).__name__}")
    return found


def message_of(text: Any) -> Message:
    """Build a message from its column; raises one of `ODD`."""
    return Message.from_json(json_of(text, dict))


def open_turn_of(row: tuple[Any, ...]) -> Turn:
    """Build a turn from its id, message and attempt; raises one of `ODD`."""
    number, text, attempt = row
    return Turn(number, message_of(text), attempt=attempt + 0)


def delivery_name(turn: int, n: int) -> str:
    """Return what a delivery's row is called where it cannot be read."""
    return f"delivery {ids.show(turn)}-{n}"


def turn_name(turn: int) -> str:
    """Return what a turn's row is called where it cannot be read."""
    return f"turn {ids.show(turn)}"


def delivery_of(row: tuple[Any, ...]) -> Delivery:
    """Build a delivery from the columns of `DELIVERY`; raises one of `ODD`."""
    return Delivery(
        turn=row[0],
        n=row[1],
        platform=row[2],
        bot=row[3],
        session=row[4],
        to=json_of(row[5], dict),
        parts=[Part.from_json(p) for p in json_of(row[6], list)],
        state=row[7],
        attempts=row[8] + 0,
        again=bool(row[9]),
        next_at=row[10] + 0,
        error=row[11] or "",
        created=row[12] + 0,
        notes=DeliveryNotes.from_json(json_of(row[13], dict)) if row[13] else DeliveryNotes(),
        kind=row[14],
        ended=row[15] or 0.0,
        sent_id=row[16] or "",
    )


def read_delivery(row: tuple[Any, ...], unreadable: Unreadable) -> Delivery:
    """Build a delivery from the columns of `DELIVERY`; raises StoreUnreadable, and that is counted."""
    return unreadable.read(delivery_name(*row[:2]), partial(delivery_of, row))


def readable(rows: Iterable[tuple[Any, ...]], unreadable: Unreadable) -> list[Delivery]:
    """Return the deliveries that can be read."""
    found = []
    for row in rows:
        with suppress(StoreUnreadable):
            found.append(read_delivery(row, unreadable))
    return found
