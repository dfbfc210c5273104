"""Reads for operators: SQLAlchemy Core over aiosqlite, imported at the first question.

What cannot be read does not hide the rest: its row is shown by its columns, dead, with the reason.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import anyio
import anyio.lowlevel
from sqlalchemy import URL, Select, TextClause, event, func, select, text, tuple_
from sqlalchemy.engine import Row
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from mindbot.domain import ids
from mindbot.domain.errors import NotFound, StoreCorrupt, StoreUnreadable
from mindbot.domain.message import Json, Message
from mindbot.domain.needs import ANYTHING, Need
from mindbot.domain.ports.store import Keeps, Live, TurnsFound, Wanted
from mindbot.domain.shapes.turns import DeadLetterJson, SessionRecord, TurnJson, TurnLineJson
from mindbot.domain.turn import Turn
from mindbot.store.database import as_text, explain
from mindbot.store.delivered import Told, deliveries_of
from mindbot.store.finder.finder import Finder
from mindbot.store.listing import Listing
from mindbot.store.rows import message_of, turn_name
from mindbot.store.schema import outbox, turns
from mindbot.store.sifting import WINDOW, sieve
from mindbot.store.unreadable import Unreadable
from mindbot.store.views import (
    answers_too,
    delivery_json,
    everything_of,
    lost_turn,
    number_of,
    session_of,
    summary_of,
    turn_now,
    turn_of,
)

T = TypeVar("T")

_PAGE = 200
_AT_ONCE = 20  # turns judged before others may use the loop: some milliseconds
_LAST = 1 << 62  # greater than any id
_SCAN = 50_000  # rows looked through for dead letters, where an index that leads to them is damaged


class SqliteQueries:
    """See the port. ``live`` returns the turn in memory for one that still runs, or None:
    on disk a turn is ``queued`` until its end. All raise StoreError."""

    def __init__(self, path: Path, live: Live, unreadable: Unreadable, finder: Finder | None = None) -> None:
        self._path = path
        # Never makes a file: where the database was is nothing, until it is back.
        query = {"mode": "rw", "uri": "true"}
        url = URL.create("sqlite+aiosqlite", database=f"file:{quote(str(path))}", query=query)
        self._engine: AsyncEngine = create_async_engine(url, pool_size=4)
        self._live = live
        self._unreadable = unreadable
        self._finder = finder

        @event.listens_for(self._engine.sync_engine, "connect")
        def _connected(connection: Any, record: object) -> None:
            connection.driver_connection.text_factory = as_text

    async def close(self) -> None:
        await self._engine.dispose()

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[AsyncConnection]:
        """Lend a connection; what the database says becomes one of our errors."""
        try:
            async with self._engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            if isinstance(error.orig, sqlite3.Error):
                raise explain(error.orig, self._path) from error
            raise

    async def _all(self, query: Select[Any]) -> Sequence[Row[Any]]:
        async with self._asking() as connection:
            found: Sequence[Row[Any]] = (await connection.execute(query)).fetchall()
            return found

    # --- turns

    async def list_turns(self, keep: Keeps | None, limit: int, before: str) -> list[TurnLineJson]:
        """Return summaries, newest first; ``before`` is the id to go on from."""
        wanted = None if keep is None else Wanted(keep)
        return (await self.find_turns(wanted, limit, before, math.inf)).turns

    async def find_turns(self, wanted: Wanted | None, limit: int, before: str, patience: float) -> TurnsFound:
        """See the port."""
        listing = Listing(wanted, limit, patience)
        last = number_of(before) if before else ids.LAST
        need = wanted.needs if wanted else ANYTHING
        finder = self._finder if need != ANYTHING else None
        while listing.going_on:
            may = await finder.may(need, last, 2 * limit + 20) if finder else None
            if may is None:
                end = finder.highest + 1 if finder and last > finder.highest + 1 else 1
                page, last = await self._sifted(need, last, end)
            else:
                page = await self._these(may.turns)
                last = may.down_to
            if not await self._judge(listing, page):
                break
            listing.passed(last)
            if last <= 1:
                listing.whole = True
                break
        return listing.found()

    async def _sifted(self, need: Need, before: int, end: int) -> tuple[Sequence[Row[Any] | int], int]:
        """Return turns that may have what is needed, and the id down to which these are all."""
        if conditions := sieve(need):
            numbers = select(turns.c.id).where(turns.c.id >= end, turns.c.id < before)
            try:
                found = await self._all(numbers.order_by(turns.c.id.desc()).offset(WINDOW - 1).limit(1))
                last = found[0].id if found else end
                kept = select(turns).where(turns.c.id >= last, turns.c.id < before, *conditions)
                return await self._all(kept.order_by(turns.c.id.desc())), last
            except StoreCorrupt:
                pass  # what is damaged is read one by one
        page = await self._page(before, end)
        return page, _number_of(page[-1]) if len(page) == _PAGE else end

    async def _judge(self, listing: Listing, page: Sequence[Row[Any] | int]) -> bool:
        """Judge turns, a few at a time: others use the loop as well."""
        told = await self._told(page)
        for start in range(0, len(page), _AT_ONCE):
            some = page[start : start + _AT_ONCE]
            if not listing.judge((_number_of(row), self._summary(row, told)) for row in some):
                return False
            await anyio.lowlevel.checkpoint()
        return True

    async def lines_of(self, numbers: Sequence[int]) -> list[TurnLineJson]:
        """Return summaries of turns, and of those answered together with them, the oldest first."""
        rows = list(await self._all(select(turns).where(turns.c.id.in_(sorted(numbers)))))
        if also := {number for row in rows for number in answers_too(row)}:
            rows += await self._all(select(turns).where(turns.c.id.in_(sorted(also))))
        told = await self._told(rows)
        return [self._summary(row, told) for row in sorted(rows, key=lambda row: int(row.id))]

    def _summary(self, row: Row[Any] | int, told: Told) -> TurnLineJson:
        return self._shown(row, partial(summary_of, delivered=told.of(row)))

    async def _told(self, rows: Sequence[Row[Any] | int]) -> Told:
        """Read what became of the deliveries of turns; of a damaged outbox what can be read."""
        try:
            return Told(await self._all(deliveries_of(rows)))
        except StoreCorrupt:
            found: list[Row[Any]] = []
        for row in (each for each in rows if not isinstance(each, int)):
            try:
                found += await self._all(deliveries_of([row]))
            except StoreCorrupt as error:
                self._unreadable.note(f"deliveries of {turn_name(row.id)}", error)
        return Told(found)

    def _shown(self, row: Row[Any] | int, how: Callable[[Turn], T]) -> T:
        """Show a turn; one that cannot be read is shown by its columns (an id alone: by that)."""
        if isinstance(row, int):
            return how(lost_turn(row, "unreadable: its page is damaged"))
        try:
            return self._unreadable.read(turn_name(row.id), lambda: how(self._turn(row)))
        except StoreUnreadable as error:
            return how(lost_turn(row, error.reason))

    def _turn(self, row: Row[Any]) -> Turn:
        return turn_now(row, self._live)

    async def _newest(self, before: int) -> AsyncIterator[tuple[Row[Any] | int, Told]]:
        seen = 0
        while seen < _SCAN:
            page = await self._page(before)
            told = await self._told(page)
            for row in page:
                yield row, told
            if len(page) < _PAGE:
                return
            before = _number_of(page[-1])
            seen += len(page)

    async def _page(self, before: int, end: int = 1) -> list[Row[Any] | int]:
        query = select(turns).where(turns.c.id >= end).order_by(turns.c.id.desc()).limit(_PAGE)
        if before:
            query = query.where(turns.c.id < before)
        try:
            return list(await self._all(query))
        except StoreCorrupt:
            numbers = await self._keys(_IDS, {"before": before or _LAST, "page": _PAGE})
            return [await self._one(row.id) for row in numbers if row.id >= end]

    async def _these(self, numbers: Sequence[int]) -> Sequence[Row[Any] | int]:
        """Return turns by their numbers, newest first."""
        try:
            return await self._all(select(turns).where(turns.c.id.in_(numbers)).order_by(turns.c.id.desc()))
        except StoreCorrupt:
            return [await self._one(number) for number in numbers]

    async def _keys(self, query: TextClause, args: Json) -> Sequence[Row[Any]]:
        """Return rows of an index alone: those of a table whose pages are damaged."""
        async with self._asking() as connection:
            return (await connection.execute(query, args)).fetchall()

    async def _one(self, number: int) -> Row[Any] | int:
        """Return a turn's row, or its id where the page it stands on is damaged."""
        try:
            return (await self._all(select(turns).where(turns.c.id == number)))[0]
        except StoreCorrupt as error:
            self._unreadable.note(turn_name(number), error)
            return number

    async def turns_between(self, low: int, high: int, limit: int) -> list[int]:
        """Return the ids of turns from one to another, both included, newest first."""
        known = select(turns.c.id).where(turns.c.id.between(low, high))
        return [row.id for row in await self._all(known.order_by(turns.c.id.desc()).limit(limit))]

    async def get_turn(self, turn: str) -> TurnJson:
        """Return everything known of a turn; raises NotFound."""
        number = number_of(turn)
        found = await self._all(select(turns).where(turns.c.id == number))
        if not found:
            raise NotFound(f"no turn {turn}", hint="`mindbot turns` lists them")
        row = found[0]
        sent = await self._all(select(outbox).where(outbox.c.turn == number).order_by(outbox.c.n))
        deliveries = [delivery_json(each, self._unreadable) for each in sent]
        told = (await self._told([row])).of(row)
        return self._shown(row, lambda turn: everything_of(turn, row, deliveries, told))

    async def kept_turn(self, turn: str) -> Turn:
        """See the port."""
        rows = await self._all(select(turns).where(turns.c.id == number_of(turn)))
        if not rows:
            raise NotFound(f"no turn {turn}", hint="`mindbot turns` lists them")
        return self._unreadable.read(turn_name(rows[0].id), lambda: turn_of(rows[0]))

    async def message_of(self, turn: str) -> Message:
        """Return the message of a turn; raises NotFound, StoreUnreadable."""
        rows = await self._all(select(turns.c.id, turns.c.message).where(turns.c.id == number_of(turn)))
        if not rows:
            raise NotFound(f"no turn {turn}", hint="`mindbot turns` lists them")
        return self._message(rows[0])

    async def last_message(self, session: str) -> Message:
        """Return the last message of a session; raises NotFound, StoreUnreadable."""
        newest = select(turns.c.id, turns.c.message).where(turns.c.session == session)
        rows = await self._all(newest.order_by(turns.c.id.desc()).limit(1))
        if not rows:
            raise NotFound(f"no session {session!r}", hint="`mindbot session list` shows them")
        return self._message(rows[0])

    async def last_in_group(self, group: str) -> Message:
        """See the port. Behind a colon stands a semicolon."""
        members = turns.c.session.between(f"{group}:", f"{group};")
        newest = select(turns.c.id, turns.c.message).where(members).order_by(turns.c.id.desc()).limit(1)
        rows = await self._all(newest)
        if not rows:
            raise NotFound(f"no session {group!r}", hint="`mindbot session list` shows them")
        return self._message(rows[0])

    def _message(self, row: Row[Any]) -> Message:
        return self._unreadable.read(turn_name(row.id), lambda: message_of(row.message))

    # --- dead letters, sessions, counts

    async def list_dead(self, limit: int, below: str = "") -> list[DeadLetterJson]:
        """Return deliveries and turns given up on, newest first; those older than ``below``, an id."""
        end = ids.letter_place(below) if below else (_LAST, 0)
        unsent = await self._dead_deliveries(limit, end)
        senders = await self._senders({row.turn for row in unsent})
        letters: list[DeadLetterJson] = [
            {**delivery_json(row, self._unreadable), "user": senders.get(row.turn, "")} for row in unsent
        ]
        # Behind the deliveries of its turn stands the turn itself.
        turns = await self._dead_turns(limit, end[0] + ("-" in below))
        told = await self._told(turns)
        letters += [{**self._summary(row, told), "kind": "turn"} for row in turns]
        letters.sort(key=lambda letter: ids.letter_place(letter["id"]), reverse=True)
        return letters[:limit]

    async def _dead_turns(self, limit: int, before: int) -> Sequence[Row[Any] | int]:
        """Return dead turns; of a damaged table also the ids of those whose pages cannot be read."""
        gone = select(turns).where(turns.c.state == "dead", turns.c.id < before)
        try:
            return await self._all(gone.order_by(turns.c.id.desc()).limit(limit))
        except StoreCorrupt:
            found: list[Row[Any] | int] = []
            async for row, _ in self._newest(before):
                if isinstance(row, int) or row.state == "dead":
                    found.append(row)
                    if len(found) >= limit:
                        break
            return found

    async def _dead_deliveries(self, limit: int, end: tuple[int, int]) -> Sequence[Row[Any]]:
        """Return dead deliveries; of a damaged table those that can be read."""
        older = tuple_(outbox.c.turn, outbox.c.n) < tuple_(*end)
        unsent = select(outbox).where(outbox.c.state == "dead", outbox.c.state != "sent", older)
        unsent = unsent.order_by(outbox.c.turn.desc(), outbox.c.n.desc())
        try:
            return await self._all(unsent.limit(limit))
        except StoreCorrupt:
            numbers = [row.id for row in await self._keys(_IDS, {"before": end[0] + 1, "page": _SCAN})]
        found: list[Row[Any]] = []
        for start in range(0, len(numbers), _PAGE):
            some = numbers[start : start + _PAGE]
            try:
                found += await self._all(unsent.where(outbox.c.turn.between(some[-1], some[0])))
            except StoreCorrupt:
                for number in some:
                    try:
                        found += await self._all(unsent.where(outbox.c.turn == number))
                    except StoreCorrupt as error:
                        self._unreadable.note(f"deliveries of {turn_name(number)}", error)
            if len(found) >= limit:
                break
        return found

    async def _senders(self, numbers: Collection[int]) -> dict[int, str]:
        """Return who wrote to these turns, as far as that can be read."""
        try:
            found = await self._all(select(turns.c.id, turns.c.sender).where(turns.c.id.in_(numbers)))
        except StoreCorrupt:
            return {}
        return {row.id: str(row.sender) for row in found}

    async def letters_now(self, letters: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Return how deliveries and turns are by now, by id: the state, and why it is so."""
        parts = [ids.parse_delivery(letter) for letter in letters if "-" in letter]
        numbers = [ids.parse(letter) for letter in letters if "-" not in letter]
        place = tuple_(outbox.c.turn, outbox.c.n)
        sent = select(outbox.c.turn, outbox.c.n, outbox.c.state, outbox.c.error).where(place.in_(parts))
        ran = select(turns.c.id, turns.c.state, turns.c.reason).where(turns.c.id.in_(numbers))
        now: dict[str, tuple[str, str]] = {}
        for row in await self._all(sent) if parts else ():
            now[f"{ids.show(row.turn)}-{row.n}"] = str(row.state), str(row.error or "")
        for row in await self._all(ran) if numbers else ():
            now[ids.show(row.id)] = str(row.state), str(row.reason or "")
        return now

    async def list_sessions(self, limit: int, before: str) -> list[SessionRecord]:
        """Return sessions, the most recently active first; ``before`` is the turn to go on from."""
        last = func.max(turns.c.id).label("last")
        grouped = select(turns.c.session, last, func.count().label("turns")).group_by(turns.c.session)
        if before:
            grouped = grouped.having(last < number_of(before))
        page = await self._all(grouped.order_by(last.desc()).limit(limit))
        try:
            found = await self._all(select(turns).where(turns.c.id.in_([row.last for row in page])))
            rows: dict[int, Row[Any] | int] = {row.id: row for row in found}
        except StoreCorrupt:
            rows = {row.last: await self._one(row.last) for row in page}
        return [
            self._shown(rows[each.last], partial(session_of, session=each.session, count=each.turns))
            for each in page
            if each.last in rows
        ]


def _number_of(row: Row[Any] | int) -> int:
    number: int = row if isinstance(row, int) else row.id
    return number


_IDS = text("SELECT id FROM turns INDEXED BY turns_session WHERE id < :before ORDER BY id DESC LIMIT :page")
