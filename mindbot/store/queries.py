"""Reads for operators: SQLAlchemy Core over aiosqlite, imported at the first question."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import func, or_, select
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from mindbot.domain import ids
from mindbot.domain.errors import NotFound
from mindbot.domain.message import Json, Message, Part
from mindbot.domain.records import turn_record
from mindbot.domain.turn import OPEN_STATES, Reply, Turn
from mindbot.store.rows import unpack_spans
from mindbot.store.schema import outbox, turns

_PAGE = 200
_SCAN = 50_000  # rows a filtered listing looks at before it gives up

Predicate = Callable[[Json], bool]


def number_of(turn: str) -> int:
    """Read a public turn id; raises NotFound for one that cannot exist."""
    try:
        return ids.parse(turn)
    except ValueError as error:
        raise NotFound(str(error), hint="`mindbot turns` lists them") from error


def _parts_text(parts: Any) -> str:
    return "\n".join(p.text for p in map(Part.from_json, parts) if p.text)


def turn_of(row: Row[Any]) -> Turn:
    """Return a turn as it is on disk."""
    record = orjson.loads(row.record) if row.record else {}
    return Turn(
        row.id,
        Message.from_json(orjson.loads(row.message)),
        state=row.state,
        vars=record.get("vars", {}),
        route=record.get("route", {}),
        reply=Reply([Part.from_json(p) for p in record.get("reply", ())]),
        spans=unpack_spans(record.get("spans", ())),
        reason=row.reason or "",
        attempt=row.attempt,
        finished=row.finished or 0.0,
    )


def summary_of(turn: Turn) -> Json:
    """Return a turn's line in a list."""
    return {"reply": "", "reason": "", **turn_record(turn)}


def delivery_json(row: Row[Any]) -> Json:
    """Return an outbox row as the API shows it."""
    return {
        "id": f"{ids.show(row.turn)}-{row.n}",
        "turn": ids.show(row.turn),
        "platform": row.platform,
        "bot": row.bot,
        "session": row.session,
        "kind": row.kind,
        "text": _parts_text(orjson.loads(row.parts)),
        "state": row.state,
        "attempts": row.attempts,
        "again": bool(row.again),
        "next_at": row.next_at or None,
        "error": row.error or "",
        "sent_id": row.sent_id or "",
        "notes": orjson.loads(row.notes) if row.notes else {},
        "created": row.created,
        "ended": row.ended,
        "took_ms": round((row.ended - row.created) * 1000, 3) if row.ended else None,
    }


def _session_of(last: Turn, count: int) -> Json:
    m = last.message
    found: Json = {"session": m.session, "platform": m.platform, "bot": m.bot, "user": m.sender}
    found |= {"chat": m.chat, "turns": count, "last": last.id, "active": m.received}
    return found | {"state": last.state, "text": m.text, "address": m.reply_to}


class Queries:
    """Questions the API asks. ``live`` returns the turn in memory for one that still runs, or None:
    on disk a turn is ``queued`` until its end."""

    def __init__(self, path: Path, live: Callable[[str, int], Turn | None]) -> None:
        self._engine: AsyncEngine = create_async_engine(f"sqlite+aiosqlite:///{path}", pool_size=4)
        self._live = live

    async def close(self) -> None:
        await self._engine.dispose()

    async def list_turns(self, keep: Predicate | None, limit: int, before: str) -> list[Json]:
        """Return summaries, newest first; ``before`` is the id to go on from."""
        found: list[Json] = []
        async for row in self._newest(number_of(before) if before else 0):
            record = summary_of(self._turn(row))
            if keep is None or keep(record):
                found.append(record)
                if len(found) >= limit:
                    break
        return found

    def _turn(self, row: Row[Any]) -> Turn:
        live = self._live(row.session, row.id) if row.state in OPEN_STATES else None
        # An end that is not on disk yet is none: the write may fail, and the turn then runs again.
        return live if live is not None and live.state in OPEN_STATES else turn_of(row)

    async def _newest(self, before: int) -> AsyncIterator[Row[Any]]:
        seen = 0
        while seen < _SCAN:
            query = select(turns).order_by(turns.c.id.desc()).limit(_PAGE)
            if before:
                query = query.where(turns.c.id < before)
            async with self._engine.connect() as connection:
                page = (await connection.execute(query)).fetchall()
            for row in page:
                yield row
            if len(page) < _PAGE:
                return
            before = page[-1].id
            seen += len(page)

    async def get_turn(self, turn: str) -> Json:
        """Return everything known of a turn; raises NotFound."""
        number = number_of(turn)
        async with self._engine.connect() as connection:
            row = (await connection.execute(select(turns).where(turns.c.id == number))).first()
            sent = await connection.execute(
                select(outbox).where(outbox.c.turn == number).order_by(outbox.c.n)
            )
            deliveries = [delivery_json(r) for r in sent]
        if row is None:
            raise NotFound(f"no turn {turn}", hint="`mindbot turns` lists them")
        found = self._turn(row)
        return {
            **summary_of(found),
            "message": orjson.loads(row.message),
            "finished": row.finished,
            "route": found.route,
            "vars": {k: v for k, v in found.vars.items() if not k.startswith("_")},
            "reply_parts": [p.to_json() for p in found.reply.parts],
            "spans": [s.to_json() for s in found.spans],
            "deliveries": deliveries,
            "notes": orjson.loads(row.record).get("notes", []) if row.record else [],
        }

    async def message_of(self, turn: str) -> Message:
        """Return the message of a turn; raises NotFound."""
        found = select(turns.c.message).where(turns.c.id == number_of(turn))
        async with self._engine.connect() as connection:
            row = (await connection.execute(found)).first()
        if row is None:
            raise NotFound(f"no turn {turn}", hint="`mindbot turns` lists them")
        return Message.from_json(orjson.loads(row.message))

    async def last_message(self, session: str) -> Message:
        """Return the last message of a session; raises NotFound."""
        newest = (
            select(turns.c.message).where(turns.c.session == session).order_by(turns.c.id.desc()).limit(1)
        )
        async with self._engine.connect() as connection:
            row = (await connection.execute(newest)).first()
        if row is None:
            raise NotFound(f"no session {session!r}", hint="`mindbot session list` shows them")
        return Message.from_json(orjson.loads(row.message))

    async def list_dead(self, limit: int) -> list[Json]:
        """Return dead letters, newest first: deliveries and turns that were given up on."""
        dead = (
            select(outbox)
            .where(outbox.c.state == "dead")
            .order_by(outbox.c.turn.desc(), outbox.c.n)
            .limit(limit)
        )
        gone = select(turns).where(turns.c.state == "dead").order_by(turns.c.id.desc()).limit(limit)
        async with self._engine.connect() as connection:
            letters = [{"kind": "delivery", **delivery_json(r)} for r in await connection.execute(dead)]
            letters += [{**summary_of(turn_of(r)), "kind": "turn"} for r in await connection.execute(gone)]
        letters.sort(key=lambda letter: letter["id"], reverse=True)
        return letters[:limit]

    async def list_sessions(self, limit: int, before: str) -> list[Json]:
        """Return sessions, the most recently active first; ``before`` is the turn to go on from."""
        last = func.max(turns.c.id).label("last")
        grouped = select(turns.c.session, last, func.count().label("turns")).group_by(turns.c.session)
        if before:
            grouped = grouped.having(last < number_of(before))
        page = grouped.order_by(last.desc()).limit(limit).subquery()
        query = select(turns, page.c.turns.label("how_many")).join(page, turns.c.id == page.c.last)
        async with self._engine.connect() as connection:
            rows = (await connection.execute(query.order_by(turns.c.id.desc()))).fetchall()
        return [_session_of(self._turn(row), row.how_many) for row in rows]

    async def counts(self) -> Json:
        """Return how many rows there are in each state."""
        async with self._engine.connect() as connection:
            by_turn = await connection.execute(select(turns.c.state, func.count()).group_by(turns.c.state))
            open_ = or_(outbox.c.state != "sent")
            by_out = await connection.execute(
                select(outbox.c.state, func.count()).where(open_).group_by(outbox.c.state)
            )
            return {"turns": dict(by_turn.tuples().all()), "outbox": dict(by_out.tuples().all())}
