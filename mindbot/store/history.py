"""What was said in a session so far, in memory for those that are alive."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from sys import getsizeof
from typing import Any

import anyio
import orjson

from mindbot.domain import ids, origins
from mindbot.domain.chat import ChatMessage
from mindbot.domain.conversation import WORDLESS, by_a_person, wordless
from mindbot.domain.errors import StoreCorrupt, StoreUnreadable
from mindbot.domain.message import OPERATOR, Json, Message, Part
from mindbot.domain.ports.store import RolledBack
from mindbot.domain.turn import Turn
from mindbot.store import rollbacks
from mindbot.store.database import Database
from mindbot.store.grouped_reads import Found, GroupRead
from mindbot.store.rows import json_of, message_of, turn_name
from mindbot.store.unreadable import Unreadable

SESSIONS_KEPT = 5_000  # whose last exchanges stay in memory
BYTES_KEPT = 32 << 20  # of them all; what goes is read from disk when it is wanted again
_ONE = 8  # a session that takes this part of them by itself is always read from disk
_OVERHEAD = 400  # bytes of an exchange beside its texts, and of a session beside its exchanges

Exchange = tuple[int, str, str]  # the turn, what the user wrote, what was answered
Questions = dict[int, Message]  # by turn


class SqliteHistory:
    """See the port: the last exchanges. Run `run` in a task group while it is used."""

    def __init__(self, database: Database, unreadable: Unreadable, *, most: int = BYTES_KEPT) -> None:
        self._database = database
        self._unreadable = unreadable
        self._rows = GroupRead(database, _HISTORY)
        self._messages = GroupRead(database, _MESSAGES)
        self._known: OrderedDict[str, deque[Exchange]] = OrderedDict()
        self._most = most
        self._sizes: dict[str, int] = {}  # bytes, about, by session
        self.bytes = 0
        #: Sessions whose exchanges up to this turn an operator had forgotten.
        self._cleared: dict[str, int] = {}
        #: What was rolled back of sessions, the last one last.
        self._gone: dict[str, list[RolledBack]] = {}
        self._rolling = anyio.Lock()
        #: Ends of pushes, and what was rolled back: both may come while somebody else reads their session.
        self._pushed = 0

    async def run(self) -> None:
        """Serve until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._rows.run)
            tasks.start_soon(self._messages.run)

    async def load(self) -> None:
        """Read which sessions were forgotten, and what was rolled back; raises StoreError."""
        try:
            rows = await self._database.read(lambda db: db.execute(_KNOWN).fetchall())
        except StoreCorrupt as error:
            self._unreadable.note("which sessions were forgotten", error)
            return
        for session, cleared, gone in rows:
            if isinstance(cleared, int):
                self._cleared[session] = cleared
            if gone:
                self._gone[session] = rollbacks.read(gone)

    async def clear(self, session: str, platform: str, bot: str) -> None:
        """Let what was said in a session so far be no history of what comes; raises StoreError."""
        last = ids.new_id()
        await self._write(session, platform, bot, last, [])
        self._cleared[session] = last
        self._gone.pop(session, None)

    async def remembered(self, session: str, exchanges: int) -> list[int]:
        """See the port; raises StoreError."""
        rows = await self._read(self._rows, session, [session, _EVER, self._hidden(session), exchanges])
        return [row[0] for row in reversed(rows) if row[0] > self._cleared.get(session, 0)]

    async def roll_back(self, session: str, platform: str, bot: str, gone: RolledBack) -> None:
        """See the port; raises StoreError."""
        async with self._rolling:
            known = rollbacks.with_one_more(self._gone.get(session, ()), gone)
            await self._roll(session, platform, bot, known)

    async def restore(self, session: str) -> RolledBack | None:
        """See the port; raises StoreError."""
        async with self._rolling:
            known = self._gone.get(session)
            if not known:
                return None
            await self._roll(session, "", "", known[:-1])  # its row is there
            return known[-1]

    async def _roll(self, session: str, platform: str, bot: str, gone: list[RolledBack]) -> None:
        await self._write(session, platform, bot, self._cleared.get(session), gone)
        self._gone[session] = gone
        self._pushed += 1
        self._forget(session)

    async def _write(
        self, session: str, platform: str, bot: str, cleared: int | None, gone: list[RolledBack]
    ) -> None:
        known: Json = {} if cleared is None else {"cleared": cleared}
        if gone:
            known["gone"] = rollbacks.to_json(gone)
        row = (session, platform, bot, orjson.dumps(known).decode(), time.time())
        await self._database.write(lambda db: db.execute(_KNOW, row).rowcount)

    def _hidden(self, session: str) -> str:
        """Return the turns that are no history any more, as the query takes them."""
        numbers = [number for gone in self._gone.get(session, ()) for number in gone.turns]
        return orjson.dumps(numbers).decode()

    def ended(self, turn: Turn) -> None:
        """Learn what a turn said that is on disk now."""
        self._pushed += turn.message.kind == "push"
        known = self._known.get(turn.session)
        if known is None or not (turn.state == "answered" or "heard" in turn.vars):
            return
        if turn.together:  # each message is by itself on disk: read it from there
            self._forget(turn.session)
        elif all(number != turn.number for number, _, _ in known):
            said = exchange([turn.message], turn.reply.text, turn.vars.get("heard"))
            known.append((turn.number, *said))
            self._keep(turn.session, known)

    def _keep(self, session: str, known: deque[Exchange]) -> None:
        """Keep a session's exchanges; those that were not used for longest go when it is too much."""
        self._forget(session)
        size = _OVERHEAD + sum(_OVERHEAD + getsizeof(text) + getsizeof(said) for _, text, said in known)
        if size * _ONE > self._most:
            return
        self._known[session], self._sizes[session] = known, size
        self.bytes += size
        while len(self._known) > SESSIONS_KEPT or self.bytes > self._most:
            self._forget(next(iter(self._known)))

    def _forget(self, session: str) -> None:
        if self._known.pop(session, None) is not None:
            self.bytes -= self._sizes.pop(session)

    async def last(self, session: str, before: int, turns: int, group: str = "") -> list[ChatMessage]:
        """Return the last exchanges of a session, oldest first.

        Those of ``group`` were heard in the session as well: what the bot said of its own accord to a whole
        group, in which each member has a session.
        """
        found = list(await self._last(session, before, turns))
        if group:
            heard = [each for each in await self._last(group, before, turns) if each[0] < before]
            found = sorted([*found, *heard])[-turns:] if heard else found
        if cleared := self._cleared.get(session):
            found = [each for each in found if each[0] > cleared]
        return lines_of(found)

    async def until(self, session: str, before: int, turns: int, group: str = "") -> list[ChatMessage]:
        """Return what `last` returned to a turn that is over. What was forgotten since had not been then."""
        found = list(await self._from_disk(session, before, turns))
        if group:
            found = sorted([*found, *await self._from_disk(group, before, turns)])[-turns:]
        if (cleared := self._cleared.get(session, 0)) < before:
            found = [each for each in found if each[0] > cleared]
        return lines_of(found)

    async def _last(self, session: str, before: int, turns: int) -> deque[Exchange]:
        known = self._known.get(session)
        if known is not None and known.maxlen == turns:
            self._known.move_to_end(session)
            return known
        while True:
            pushed = self._pushed
            known = await self._from_disk(session, before, turns)
            if pushed == self._pushed:
                break
        self._keep(session, known)
        return known

    async def _from_disk(self, session: str, before: int, turns: int) -> deque[Exchange]:
        found: deque[Exchange] = deque(maxlen=turns)
        rows = await self._read(self._rows, session, [session, before, self._hidden(session), turns])
        more = await self._asked_with(session, rows)
        for row in reversed(rows):
            with suppress(StoreUnreadable):  # the others are remembered
                read = partial(exchange_of, row, more)
                found.append(self._unreadable.read(turn_name(row[0]), read))
        return found

    async def _asked_with(self, session: str, rows: Found) -> Questions:
        """Return the messages that were answered together with others, whose turns say so."""
        numbers = [number for row in rows for number in _together(row)]
        found: Questions = {}
        if numbers:
            for number, stored in await self._read(self._messages, session, [orjson.dumps(numbers).decode()]):
                with suppress(StoreUnreadable):
                    found[number] = self._unreadable.read(turn_name(number), partial(message_of, stored))
        return found

    async def _read(self, rows: GroupRead, session: str, parameters: list[Any]) -> Found:
        """Return the rows; where a page is damaged the session begins anew, and its answers go on."""
        try:
            return await rows.get(parameters)
        except StoreCorrupt as error:
            self._unreadable.note(f"the history of session {session!r}", error)
            return []


_EVER = (1 << 63) - 1  # behind all turns
_KNOWN = """
    SELECT session, vars ->> '$.cleared', vars -> '$.gone' FROM sessions WHERE json_valid(vars)"""
_KNOW = """
    INSERT INTO sessions (session, platform, bot, vars, updated) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (session) DO UPDATE SET vars = excluded.vars, updated = excluded.updated"""
#: ``together`` is a list where a turn answered others as well, and a text in those: they have no answer of
#: their own, and are told with the one that they had.
_HISTORY = """
    SELECT t.id, t.message, iif(json_valid(t.record), json_extract(t.record, '$.reply'), '[]'),
           iif(json_valid(t.record), json_extract(t.record, '$.vars.heard'), NULL) AS heard,
           iif(json_valid(t.record), json_extract(t.record, '$.vars.together'), NULL) AS together
    FROM turns AS t WHERE t.session = ? AND t.id < ? AND t.id NOT IN (SELECT value FROM json_each(?))
    AND (t.state = 'answered' OR t.state = 'dropped'
    AND heard IS NOT NULL) AND (together IS NULL OR together LIKE '[%') ORDER BY t.id DESC LIMIT ?"""
_MESSAGES = "SELECT id, message FROM turns WHERE id IN (SELECT value FROM json_each(?))"


def _together(row: tuple[Any, ...]) -> list[int]:
    """Return the turns that were answered together with a row's, as far as they can be read."""
    try:
        return [ids.parse(each) for each in json_of(row[4] or "[]", list)]
    except (ValueError, TypeError, AttributeError):
        return []


def exchange_of(row: tuple[Any, ...], more: Questions) -> Exchange:
    number, stored, reply, heard, _ = row
    said = "\n".join(Part.from_json(p).text for p in json_of(reply or "[]", list))
    asked = [message_of(stored), *(more[each] for each in _together(row) if each in more)]
    return (number, *exchange(asked, said, heard))


def lines_of(exchanges: Iterable[Exchange]) -> list[ChatMessage]:
    """Return exchanges as a model is told them."""
    lines: list[ChatMessage] = []
    for number, text, said in exchanges:
        origin = origins.history(ids.show(number))
        if text:
            lines.append(ChatMessage("user", text, origin=origin))
        if said:
            lines.append(ChatMessage("assistant", said, origin=origin))
    return lines


def exchange(asked: Sequence[Message], said: str, heard: Any) -> tuple[str, str]:
    """Return who said what: the user said nothing where the bot, or a person, spoke of their own accord.

    All that was answered together stands before the answer: behind it, it would be asked again.
    """
    if heard == "assistant":
        return "", asked[0].text
    if not asked[0].written:
        return "", by_a_person(said) if asked[0].origin == OPERATOR else said
    texts = [message.text for message in asked if not wordless(message.text)]
    return "\n".join(texts) or WORDLESS, said
