"""A store in memory, for tests where the disk is not the point; it keeps the contract that SQLite's keeps.

    async with Runtime.open(loaded, tmp_path, store=(places := MemoryPlaces()).store) as runtime:
        ...

A second runtime with the same places and state directory is a restart.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

import anyio.lowlevel

from mindbot.domain import ids
from mindbot.domain.delivered import Delivered, delivered_of
from mindbot.domain.errors import Invalid, NotFound, StoreError
from mindbot.domain.message import Message
from mindbot.domain.ports.store import SPENDING_KEPT, Anew, GivenUp, Keeps, Live, TurnsFound, Wanted
from mindbot.domain.shapes.instruments import SqlAnswerJson
from mindbot.domain.shapes.turns import DeadLetterJson, SessionRecord, TurnJson, TurnLineJson
from mindbot.domain.turn import Turn
from mindbot.store.listing import Listing
from mindbot.store.unreadable import Unreadable
from mindbot.store.views import (
    answered_by,
    delivery_json,
    everything_of,
    number_of,
    session_of,
    summary_of,
    turn_now,
    turn_of,
)
from mindbot.testing.stores.memory.parts import (
    MemoryHistory,
    MemoryInbox,
    MemoryKeepStore,
    MemoryOutbox,
    MemoryPart,
    MemoryTurns,
)
from mindbot.testing.stores.memory.spending import MemorySpending
from mindbot.testing.stores.memory.tables import DeliveryRow, Tables, TurnRow

_PAGE = 200
_SHOWN = ("open", "pending", "sending", "unknown")

#: Told of each failure to write, and (None) when it can again.
OnState = Callable[[StoreError | None], None]


class MemoryStore:
    """See the port."""

    place = "in memory"
    damage = ""
    found_back_to = 0.0

    def __init__(self, tables: Tables | None = None, *, from_now: bool = False) -> None:
        self._tables = tables = tables if tables is not None else Tables()
        self._from_now = from_now
        self.anew = Anew()
        self.inbox = MemoryInbox(tables, self)
        self.turns = MemoryTurns(tables, self)
        self.history = MemoryHistory(tables, self)
        self.outbox = MemoryOutbox(tables, self)
        self.keep = MemoryKeepStore(tables, self)
        self.spending = MemorySpending(tables, self)
        self._part = MemoryPart(tables, self)

    @property
    def batches(self) -> int:
        return self._tables.batches

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """See the port."""
        self._tables.use(self)
        try:
            ids.follow(max(self._tables.turns, default=0))
            ids.work_as(self._tables.workers % ids.WORKERS)
            self._tables.workers += 1
            self.anew = self._begin()
            yield
        finally:
            with suppress(StoreError):
                self._tables.check(self)
            self._tables.user = None

    def _begin(self) -> Anew:
        tables = self._tables
        if not self._from_now:
            return Anew(tables.since)
        reason, now = "started from now", time.time()
        turns = [row for row in tables.turns.values() if row.open]
        for row in turns:
            row.state, row.finished, row.reason = "dead", now, reason
        deliveries = [row for row in tables.outbox.values() if row.state in _SHOWN]
        for each in deliveries:
            each.state, each.ended, each.error = "dead", now, reason
        tables.since = now
        return Anew(now, reason, len(turns), len(deliveries))

    async def query(self, sql: str, limit: int, timeout: float) -> SqlAnswerJson:
        raise Invalid("a store in memory answers no SQL")

    async def queries(self, live: Live) -> MemoryQueries:
        """See the port."""
        return MemoryQueries(self._tables, self, live)

    async def check(self) -> None:
        """See the port."""
        await anyio.lowlevel.checkpoint()
        self._tables.check(self)

    async def probe(self) -> None:
        """See the port."""
        await self.check()

    async def purge(self, older_than: float, limit: int = 2000) -> int:
        """See the port."""
        await self.check()
        tables, first = self._tables, ids.at(older_than)
        sent = [k for k, d in tables.outbox.items() if k[0] < first and d.state in ("sent", "discarded")]
        gone = [n for n, row in tables.turns.items() if n < first and not row.open]
        for key in sent[:limit]:
            del tables.outbox[key]
        for number in gone[:limit]:
            tables.remove(number)
        return min(limit, max(len(sent), len(gone)))

    async def thin_traces(self, after: int, before: int, limit: int = 200) -> int | None:
        """See the port. What is in memory ends with the process: its traces stay until then."""
        await self.check()
        return None

    async def weigh_traces(self, below: int, limit: int = 500) -> list[tuple[int, int]]:
        """See the port."""
        await self.check()
        return []

    async def purge_kept(self, limit: int = 2000) -> int:
        """See the port."""
        await self.check()
        keep, now = self._tables.keep, time.time()
        over = [place for place, kept in keep.items() if kept.ends is not None and kept.ends < now][:limit]
        for place in over:
            del keep[place]
        first, spending = date.fromtimestamp(now - SPENDING_KEPT).isoformat(), self._tables.spending
        old = [day for day in spending if day[0] < first][:limit]
        for day in old:
            del spending[day]
        return max(len(over), len(old))

    async def given_up(self) -> GivenUp:
        """See the port."""
        await self.check()
        tables = self._tables
        dead = [place for place, row in tables.outbox.items() if row.state == "dead"]
        return GivenUp(len(dead), len({turn for turn, _ in dead}))

    async def dead_turns(self) -> int:
        """See the port."""
        await self.check()
        return sum(row.state == "dead" for row in self._tables.turns.values())

    async def failed(self, since: float, limit: int) -> list[int]:
        """See the port."""
        await self.check()
        tables, first = self._tables, ids.at(since)
        found = {turn for (turn, _), row in tables.outbox.items() if row.state == "dead"}
        found |= {number for number, row in tables.turns.items() if row.state in ("failed", "dead")}
        return sorted((number for number in found if number >= first), reverse=True)[:limit]

    async def ended(self, since: float, before: float) -> dict[int, tuple[int, int]]:
        """See the port."""
        await self.check()
        found = dict[int, tuple[int, int]]()
        for row in self._tables.turns.values():
            when, right = row.finished or 0.0, row.state == "answered"
            over = since <= when < before and (right or row.state in ("failed", "dead"))
            if over and row.read().origin != "test":
                answered, failed = found.get(int(when), (0, 0))
                found[int(when)] = (answered + right, failed + (not right))
        return found

    async def reached(self, sessions: Sequence[str], since: float) -> dict[tuple[str, str], int]:
        """See the port."""
        await self.check()
        tables, found = self._tables, dict[tuple[str, str], int]()
        for number, row in sorted(tables.turns.items()):
            sent = [d.state for d in tables.of_turn(number) if d.n >= 0]
            arrived = bool(sent) and all(state == "sent" for state in sent)
            asked = row.session in sessions and number >= ids.at(since) and row.read().kind != "push"
            if asked and arrived and row.state == "answered":
                found[row.session, row.sender] = number
        return found

    async def backup(self, target: Path) -> None:
        """See the port: there is nothing that a file could be made of."""
        raise StoreError("a store in memory has no copy", hint="use the one on disk")


class MemoryPlaces:
    """Tables by state directory: what a disk is for the stores on it."""

    def __init__(self) -> None:
        self._tables: defaultdict[Path, Tables] = defaultdict(Tables)

    def tables(self, state_dir: Path) -> Tables:
        """Return what a runtime's store left."""
        return self._tables[state_dir]

    def store(self, settings: Any, state_dir: Path, *, from_now: bool, on_state: OnState) -> MemoryStore:
        """Make the store of a runtime: see `Runtime.open`."""
        return MemoryStore(self._tables[state_dir], from_now=from_now)


class MemoryQueries(MemoryPart):
    """See the port."""

    def __init__(self, tables: Tables, owner: object, live: Live) -> None:
        super().__init__(tables, owner)
        self._live = live
        self._unreadable = Unreadable()

    def _newest(self, before: str) -> list[TurnRow]:
        last = number_of(before) if before else 1 << 63
        return [row for n, row in sorted(self._tables.turns.items(), reverse=True) if n < last]

    def _summary(self, row: TurnRow) -> TurnLineJson:
        return summary_of(turn_now(row, self._live), self._delivered(row))

    def _delivered(self, row: TurnRow) -> Delivered:
        answer = self._tables.of_turn(answered_by(row))
        return delivered_of((each.n, each.state, each.error or "") for each in answer)

    async def list_turns(self, keep: Keeps | None, limit: int, before: str) -> list[TurnLineJson]:
        wanted = None if keep is None else Wanted(keep)
        return (await self.find_turns(wanted, limit, before, math.inf)).turns

    async def find_turns(self, wanted: Wanted | None, limit: int, before: str, patience: float) -> TurnsFound:
        await self._reading()
        listing = Listing(wanted, limit, patience)
        rows = self._newest(before)
        listing.whole = not rows
        while rows and listing.going_on:
            page, rows = rows[:_PAGE], rows[_PAGE:]
            judged = listing.judge((row.id, self._summary(row)) for row in page)
            listing.whole = judged and not rows
        return listing.found()

    async def lines_of(self, numbers: Sequence[int]) -> list[TurnLineJson]:
        tables = await self._reading()
        wanted = set(numbers)
        rows = [row for n, row in sorted(tables.turns.items()) if n in wanted or answered_by(row) in wanted]
        return [self._summary(row) for row in rows]

    async def turns_between(self, low: int, high: int, limit: int) -> list[int]:
        tables = await self._reading()
        return sorted((n for n in tables.turns if low <= n <= high), reverse=True)[:limit]

    async def get_turn(self, turn: str) -> TurnJson:
        tables = await self._reading()
        row = self._row(turn)
        sent = [delivery_json(each, self._unreadable) for each in tables.of_turn(row.id)]
        return everything_of(turn_now(row, self._live), row, sent, self._delivered(row))

    async def kept_turn(self, turn: str) -> Turn:
        await self._reading()
        return turn_of(self._row(turn))

    async def message_of(self, turn: str) -> Message:
        await self._reading()
        return self._row(turn).read()

    def _row(self, turn: str) -> TurnRow:
        row = self._tables.turns.get(number_of(turn))
        if row is None:
            raise NotFound(f"no turn {turn}", hint="`mindbot turns` lists them")
        return row

    async def last_message(self, session: str) -> Message:
        await self._reading()
        for row in self._newest(""):
            if row.session == session:
                return row.read()
        raise NotFound(f"no session {session!r}", hint="`mindbot session list` shows them")

    async def last_in_group(self, group: str) -> Message:
        await self._reading()
        for row in self._newest(""):
            if row.session.startswith(f"{group}:"):
                return row.read()
        raise NotFound(f"no session {group!r}", hint="`mindbot session list` shows them")

    async def list_dead(self, limit: int, below: str = "") -> list[DeadLetterJson]:
        tables = await self._reading()
        sent = (row for row in tables.outbox.values() if row.state == "dead")
        letters: list[DeadLetterJson] = [
            {**delivery_json(row, self._unreadable), "user": self._sender(row.turn)} for row in sent
        ]
        letters += [{**self._summary(row), "kind": "turn"} for row in self._newest("") if row.state == "dead"]
        letters.sort(key=lambda letter: ids.letter_place(letter["id"]), reverse=True)
        end = ids.letter_place(below) if below else (1 << 63, 0)
        return [letter for letter in letters if ids.letter_place(letter["id"]) < end][:limit]

    def _sender(self, turn: int) -> str:
        row = self._tables.turns.get(turn)
        return row.sender if row is not None else ""

    async def letters_now(self, letters: Sequence[str]) -> dict[str, tuple[str, str]]:
        tables = await self._reading()
        found: dict[str, tuple[str, str]] = {}
        for letter in letters:
            row = (
                tables.outbox.get(ids.parse_delivery(letter))
                if "-" in letter
                else tables.turns.get(ids.parse(letter))
            )
            if row is not None:
                why = row.error if isinstance(row, DeliveryRow) else row.reason
                found[letter] = (row.state, why or "")
        return found

    async def list_sessions(self, limit: int, before: str) -> list[SessionRecord]:
        await self._reading()
        of: defaultdict[str, list[TurnRow]] = defaultdict(list)
        for row in self._newest(""):
            of[row.session].append(row)
        last = number_of(before) if before else 1 << 63
        page = [(session, rows) for session, rows in of.items() if rows[0].id < last][:limit]
        return [session_of(turn_now(rows[0], self._live), session, len(rows)) for session, rows in page]
