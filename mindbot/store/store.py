"""The store as the rest of MindBot sees it: turns in, turns out, deliveries on their way."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from mindbot.domain import ids
from mindbot.domain.chat import ChatMessage
from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import StoreError, StoreUnreadable
from mindbot.domain.host import Answer
from mindbot.domain.message import Json, Message
from mindbot.domain.turn import DONE_STATES, Turn
from mindbot.store import anew, changes, recovery
from mindbot.store.anew import Anew
from mindbot.store.database import Database
from mindbot.store.journal import Journal, Rows
from mindbot.store.lock import one_user
from mindbot.store.messages import Messages
from mindbot.store.past import Past
from mindbot.store.reads import GroupRead
from mindbot.store.rows import (
    ANSWER,
    DELIVERY,
    deliver_row,
    delivery_name,
    delivery_of,
    enqueue_row,
    json_of,
    put_row,
    record_of,
    settle_row,
)
from mindbot.store.unreadable import Unreadable
from mindbot.store.upgrade import ensure


class Store:
    """SQLite behind a group-commit journal. Use `opened`, or `open` for both at once."""

    def __init__(
        self,
        path: Path,
        *,
        interval: float = 0.005,
        rows: int = 500,
        pragmas: tuple[str, ...] = (),
        on_state: Callable[[StoreError | None], None] | None = None,
        from_now: bool = False,
        resume: bool = False,
    ) -> None:
        """What a restored database has open is put away (`mindbot.store.anew`), unless ``resume``;
        ``from_now`` does so with any."""
        self._database = Database(path, pragmas=pragmas)
        self.journal = Journal(self._database, interval=interval, rows=rows, on_state=on_state)
        self.unreadable = Unreadable()
        self.anew = Anew()
        self._put_away = partial(anew.begin, from_now=from_now, resume=resume, unreadable=self.unreadable)
        self._past = Past(self._database, self.unreadable)
        self.messages = Messages(self._database, self.unreadable)
        self._answers = GroupRead(self._database, ANSWER)
        #: Turns up to this one were open when a process ended.
        self._recovered = 0

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path, **settings: Any) -> AsyncIterator[Store]:
        """Make a store and have it `opened`."""
        store = cls(path, **settings)
        async with store.opened():
            yield store

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Bring the schema up to date and open the file for the length of the block.

        May be tried again when it failed.

        Raises:
            StoreError: the file cannot be opened, is damaged, locked, or newer than this program.
            Conflict: another process uses it.
        """
        with one_user(self.path):
            await anyio.to_thread.run_sync(ensure, self.path)
            try:
                await self._database.open()
                await self._begin()
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self.journal.run)
                    tasks.start_soon(self._past.run)
                    tasks.start_soon(self.messages.run)
                    tasks.start_soon(self._answers.run)
                    try:
                        yield
                    finally:
                        tasks.cancel_scope.cancel()
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(self._database.close)

    async def _begin(self) -> None:
        ids.follow(await self._database.read(recovery.newest))
        self.anew = await self._database.write_apart(self._put_away)
        await self._past.load()

    @property
    def path(self) -> Path:
        return self._database.path

    # --- inbox

    async def put(self, message: Message) -> tuple[Turn, bool]:
        """Write an inbound message; returns its turn and whether the message had been there before.

        Raises:
            StoreError: it is not on disk; the platform must not get its ack.
        """
        number = ids.new_id()
        repeated = await self.journal.commit({"put": [put_row(number, message)]})
        if repeated and number in repeated:
            return Turn(repeated[number], message), True
        return Turn(number, message), False

    async def put_all(self, messages: Sequence[Message], kept: Rows) -> list[tuple[Turn, bool]]:
        """Write messages and what a bot keeps in one transaction; returns as `put`, for each message.

        Raises:
            StoreError: nothing of it was written.
        """
        turns = [Turn(ids.new_id(), message) for message in messages]
        rows = {"put": [put_row(turn.number, turn.message) for turn in turns]} if turns else {}
        repeated = await self.journal.commit({**rows, **kept})
        return [
            (Turn(repeated[t.number], t.message), True) if repeated and t.number in repeated else (t, False)
            for t in turns
        ]

    async def recover(self, limit: int = -1) -> list[Turn]:
        """Return the turns that an earlier process left open, oldest first, ``limit`` at most.

        `queued_after` reads the others. Each counts one attempt more than on disk; `begin` writes it.
        """

        self._recovered, remembered = await self._database.write_apart(recovery.begin)
        self.journal.remembered.update(remembered)
        return await self.queued_after(0, limit)

    async def queued_after(self, number: int, limit: int) -> list[Turn]:
        """Return open turns that were put after ``number``, oldest first.

        Those that cannot be read become dead letters, and are not among them.
        """
        old = self._recovered
        while True:
            read = partial(recovery.open_turns, limit=limit, old=old, unreadable=self.unreadable)
            page = await self._database.read(partial(read, after=number))
            if page.lost:
                await self._database.write_apart(partial(recovery.bury_turns, lost=page.lost))
            if page.turns or not page.lost:
                return page.turns
            number = page.last

    async def unheard(self) -> list[Turn]:
        """Return turns that are on disk although whoever brought them heard the contrary.

        Their file was gone for a while (`StoreGone`) and is back. Each is returned once.

        Raises:
            StoreError: the next call returns them.
        """
        wanted = set(self.journal.doubtful)
        if not wanted:
            return []
        found = [turn for turn in await self.queued_after(min(wanted) - 1, -1) if turn.number in wanted]
        self.journal.doubtful = [number for number in self.journal.doubtful if number not in wanted]
        return found

    # --- turns

    async def begin(self, turn: Turn) -> None:
        """Count the attempt on disk before a turn that was open in a crash runs again; raises StoreError."""
        await self.journal.commit({"begin": [[turn.number, turn.attempt]]})

    async def excuse(self, turns: Sequence[Turn]) -> None:
        """Let the attempt that these turns are in not count; raises StoreError."""
        await self.journal.commit({"begin": [[turn.number, turn.attempt - 1] for turn in turns]})

    async def finish(self, turn: Turn, deliveries: list[Delivery]) -> None:
        """Write the end of a turn (and of those it answers as well) and its deliveries in one transaction.

        Raises:
            StoreError: nothing of it was written.
        """
        ended = [turn, *turn.together]
        rows: Rows = {
            "finish": [[t.number, t.state, t.finished, t.reason or None, record_of(t)] for t in ended]
        }
        fresh = [d for d in deliveries if d.kind == "message"]
        if fresh:
            rows["enqueue"] = [enqueue_row(d) for d in fresh]
        if len(fresh) < len(deliveries):
            rows["settle"] = [settle_row(d) for d in deliveries if d.kind == "stream"]
        for t in ended:
            self.journal.forget(t.number)
            if t.number in self.journal.remembered:
                rows.setdefault("forget", []).append(t.number)  # type: ignore[arg-type]
        await self.journal.commit(rows)
        self.journal.remembered.difference_update(t.number for t in ended)
        self._past.ended(turn)

    async def once(self, turn: Turn, key: str, step: Callable[[], Any]) -> Json:
        """Return the recorded result of a step, or run it and record what it returned."""
        if key in turn.memo:
            return turn.memo[key]  # type: ignore[no-any-return]
        result: Json = await step()
        turn.memo[key] = result
        self.journal.remember(turn.number, [turn.number, key, result])
        return result

    async def history(self, session: str, before: int, turns: int, group: str = "") -> list[ChatMessage]:
        """Return the last exchanges of a session, and of its group; see `Past`."""
        return await self._past.history(session, before, turns, group)

    async def clear(self, session: str, platform: str, bot: str) -> None:
        """Let what was said in a session so far be no history of what comes; the turns stay to be seen."""
        await self._past.clear(session, platform, bot)

    async def answer(self, turn: int) -> Answer | None:
        """Tell how far a turn is, and what it said; None when there is no such turn. Raises StoreError."""
        rows = await self._answers.get([turn])
        if not rows:
            return None
        said = self._deliveries(row[1:] for row in rows if row[1] is not None)
        return Answer(rows[0][0] in DONE_STATES, tuple(said))

    def _delivery(self, row: tuple[Any, ...]) -> Delivery:
        return self.unreadable.read(delivery_name(*row[:2]), partial(delivery_of, row))

    def _deliveries(self, rows: Iterable[tuple[Any, ...]]) -> list[Delivery]:
        """Return those that can be read."""
        found = []
        for row in rows:
            with suppress(StoreUnreadable):
                found.append(self._delivery(row))
        return found

    # --- outbox

    async def enqueue(self, deliveries: list[Delivery]) -> None:
        """Write deliveries ahead of their turn's end, or of no turn (a proactive message)."""
        await self.journal.commit({"enqueue": [enqueue_row(d) for d in deliveries]})

    async def mark(self, d: Delivery) -> None:
        """Write a delivery's new state."""
        await self.journal.commit({"deliver": [deliver_row(d)]})

    async def open_deliveries(self) -> list[Delivery]:
        """Return what is not sent and not dead, in order. What was being sent is now ``unknown``."""
        return await self._database.write_apart(partial(recovery.open_deliveries, unreadable=self.unreadable))

    async def open_streams(self) -> dict[int, Delivery]:
        """Return the answers that were on show when a process ended, by turn."""
        return await self._database.write_apart(partial(recovery.open_streams, unreadable=self.unreadable))

    async def note(self, turn: int, n: int | None, fact: Json) -> bool:
        """Keep what a platform said later of a turn, or of its delivery ``n``; false when there is none."""
        if n is None:
            return await self._database.write(partial(changes.note_turn, turn=turn, fact=fact))
        return await self._database.write(partial(changes.note_delivery, turn=turn, n=n, fact=fact))

    async def sent_since(self, ts: float, platform: str, bot: str, limit: int = 20_000) -> list[Delivery]:
        """Return a bot's newest sent deliveries of turns put since a moment (Unix seconds), oldest first."""
        sql = (
            f"SELECT {DELIVERY} FROM outbox WHERE turn >= ? AND platform = ? AND bot = ? AND state = 'sent' "
            "ORDER BY turn DESC, n DESC LIMIT ?"
        )
        rows = await self._database.read(
            lambda db: db.execute(sql, (ids.at(ts), platform, bot, limit)).fetchall()
        )
        return self._deliveries(reversed(rows))

    async def delivery(self, turn: int, n: int) -> Delivery | None:
        """Return one delivery; raises StoreUnreadable."""
        sql = f"SELECT {DELIVERY} FROM outbox WHERE turn = ? AND n = ?"
        row = await self._database.read(lambda db: db.execute(sql, (turn, n)).fetchone())
        return self._delivery(row) if row else None

    async def deliveries(self, turn: int) -> list[Delivery]:
        """Return what a turn sent and has to send, in order."""
        sql = f"SELECT {DELIVERY} FROM outbox WHERE turn = ? ORDER BY n"
        rows = await self._database.read(lambda db: db.execute(sql, (turn,)).fetchall())
        return self._deliveries(rows)

    async def revive(self, turn: int, n: int) -> Delivery | None:
        """Make a dead delivery ``pending`` again, as good as new; None when it is not dead (any more).

        Raises:
            StoreUnreadable: it cannot be read; it stays dead.
        """
        sql = (
            "UPDATE outbox SET state = 'pending', attempts = 0, next_at = 0, error = NULL, ended = NULL "
            f"WHERE turn = ? AND n = ? AND state = 'dead' RETURNING {DELIVERY}"
        )

        def work(db: sqlite3.Connection) -> Delivery | None:
            row = db.execute(sql, (turn, n)).fetchone()
            return self._delivery(row) if row else None

        return await self._database.write(work)

    async def kept(
        self, platform: str, bot: str, first: str, last: str, limit: int
    ) -> list[tuple[str, Json]]:
        """Return what a bot keeps under keys from ``first`` to ``last``, both included."""
        sql = (
            "SELECT key, value FROM keep WHERE platform = ? AND bot = ? AND key BETWEEN ? AND ? "
            "AND (ends IS NULL OR ends > ?) ORDER BY key LIMIT ?"
        )
        args = (platform, bot, first, last, time.time(), limit)
        rows = await self._database.read(lambda db: db.execute(sql, args).fetchall())
        found: list[tuple[str, Json]] = []
        for key, value in rows:
            try:
                what = f"what {platform}/{bot} keeps as {key!r}"
                found.append((key, self.unreadable.read(what, partial(json_of, value, dict))))
            except StoreUnreadable:
                aside = partial(changes.put_aside, platform=platform, bot=bot, key=key)
                await self._database.write(aside)
        return found

    async def lost(self, platform: str, bot: str, key: str) -> bool:
        """Whether a bot kept something under a key that could not be read and was put aside."""
        return await self._database.read(partial(changes.is_aside, platform=platform, bot=bot, key=key))

    async def turn_of(self, platform: str, bot: str, key: str) -> int | None:
        """Return the turn of the message that a bot got under this key."""
        sql = "SELECT id FROM turns WHERE platform = ? AND bot = ? AND key = ?"
        row = await self._database.read(lambda db: db.execute(sql, (platform, bot, key)).fetchone())
        return row[0] if row else None

    async def requeue(self, turn: int) -> Turn | None:
        """Make a failed or dead turn ``queued`` again, however old it is; what it sent is forgotten.

        Returns: None when it is neither, or has deliveries on their way.

        Raises:
            StoreUnreadable: its message cannot be read; it stays as it is.
        """
        change = partial(changes.requeue, turn=turn, unreadable=self.unreadable)
        again = await self._database.write(change)
        if again is not None:
            self.journal.remembered.add(turn)
        return again

    async def discard_delivery(self, turn: int, n: int) -> bool:
        """Make a dead delivery ``discarded``, also one that cannot be read; false when it is not dead."""
        sql = "UPDATE outbox SET state = 'discarded' WHERE turn = ? AND n = ? AND state = 'dead'"
        return await self._database.write(lambda db: db.execute(sql, (turn, n)).rowcount) == 1

    async def discard(self, turn: int) -> bool:
        """Make a dead turn ``dropped``; false when it is not dead."""
        note = "reason = reason || '; discarded'"
        sql = f"UPDATE turns SET state = 'dropped', {note} WHERE id = ? AND state = 'dead'"
        return await self._database.write(lambda db: db.execute(sql, (turn,)).rowcount) == 1

    async def purge(self, older_than: float, limit: int = 2000) -> int:
        """Delete ended turns and deliveries received before ``older_than`` (Unix seconds).

        Returns: how many went, of turns or of deliveries; at most ``limit`` of each do.
        """
        change = partial(changes.purge, older_than=older_than, limit=limit)
        return await self._database.write(change)

    async def check(self) -> None:
        """Look whether the files are still those that were opened; raises StoreGone."""
        await self._database.check()

    async def purge_kept(self, limit: int = 2000) -> int:
        """Delete what bots kept for a time that is over; returns how many went, at most ``limit``."""
        sql = (
            "DELETE FROM keep WHERE (platform, bot, key) IN "
            "(SELECT platform, bot, key FROM keep WHERE ends < ? LIMIT ?)"
        )
        return await self._database.write(lambda db: db.execute(sql, (time.time(), limit)).rowcount)

    async def backup(self, target: Path) -> None:
        """Copy everything to a new file, and prove it; raises StoreError, and Conflict when one is there."""
        await self._database.copy(target)

    async def probe(self) -> None:
        """Prove that the store can write; raises StoreError. Used after a failure to notice recovery."""

        def work(db: sqlite3.Connection) -> None:
            db.execute("INSERT INTO memo (turn, step, result) VALUES (0, 'probe', ?)", ("x" * 8192,))
            db.execute("DELETE FROM memo WHERE turn = 0")

        await self._database.write(work)
