"""The parts of a store in memory. A write is whole before another task runs: no transaction needs more."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence

import anyio.lowlevel
import orjson

from mindbot.domain import ids
from mindbot.domain.chat import ChatMessage
from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import StoreError
from mindbot.domain.host import TurnAnswer
from mindbot.domain.message import Json, Message, Part
from mindbot.domain.ports.store import Kept, Recorded, RolledBack
from mindbot.domain.shapes.turns import Plain
from mindbot.domain.trail import TRAIL
from mindbot.domain.turn import DONE_STATES, RETRIED, Turn
from mindbot.store.history import Exchange, exchange, lines_of
from mindbot.store.rows import record_of, storable
from mindbot.testing.stores.memory.tables import DeliveryRow, Tables, TurnRow, text_of

_OVER = ("sent", "dead", "discarded")
_DISCARDED = "; discarded"


class MemoryPart:
    """A part; ``opened`` by its store, which is the ``owner`` of the tables meanwhile."""

    def __init__(self, tables: Tables, owner: object) -> None:
        self._tables = tables
        self._owner = owner

    async def _reading(self) -> Tables:
        await anyio.lowlevel.checkpoint()
        self._tables.check(self._owner)
        return self._tables

    async def _writing(self) -> Tables:
        """As with a disk, a caller that gives up now cannot know whether it is written."""
        await anyio.lowlevel.cancel_shielded_checkpoint()
        self._tables.check(self._owner)
        self._tables.batches += 1
        return self._tables


class MemoryInbox(MemoryPart):
    """See the port."""

    _recovered = 0

    def storable(self, message: Message) -> Message:
        return storable(message)

    async def put(self, message: Message) -> tuple[Turn, bool]:
        return (await self.put_all([message], []))[0]

    async def put_all(self, messages: Sequence[Message], kept: Sequence[Kept]) -> list[tuple[Turn, bool]]:
        tables = await self._writing()
        rows = [TurnRow.of(ids.new_id(), message) for message in messages]
        values = _copied(kept)
        found: list[tuple[Turn, bool]] = []
        for row, message in zip(rows, messages, strict=True):
            older = tables.place(row.platform, row.bot, row.key)
            if older is None:
                tables.add(row)
            found.append((Turn(row.id if older is None else older, message), older is not None))
        tables.keep.update(values)
        return found

    async def recover(self, limit: int = -1) -> list[Turn]:
        tables = await self._writing()
        is_open = [row.id for row in tables.turns.values() if row.open]
        self._recovered = max(is_open, default=0)
        for number in tables.memo.keys() - set(is_open):
            del tables.memo[number]
        return await self.queued_after(0, limit)

    async def queued_after(self, number: int, limit: int) -> list[Turn]:
        tables = await self._reading()
        rows = [row for _, row in sorted(tables.turns.items()) if row.open and row.id > number]
        found = [
            Turn(row.id, row.read(), attempt=row.attempt) for row in rows[: limit if limit >= 0 else None]
        ]
        for turn in found:
            if turn.number <= self._recovered:
                turn.attempt += 1
                turn.memo = {k: orjson.loads(v) for k, v in tables.memo.get(turn.number, {}).items()}
        return found

    async def unheard(self) -> list[Turn]:
        await self._reading()
        return []  # what failed is not here

    async def message(self, turn: int) -> Message:
        row = (await self._reading()).turns.get(turn)
        if row is None:
            raise StoreError(f"turn {ids.show(turn)} is not there any more", hint="was it purged?")
        return row.read()

    async def turn_of(self, platform: str, bot: str, key: str) -> int | None:
        return (await self._reading()).place(platform, bot, key)


class MemoryTurns(MemoryPart):
    """See the port."""

    async def begin(self, turn: Turn) -> None:
        if (row := (await self._writing()).turns.get(turn.number)) is not None:
            row.attempt = turn.attempt

    async def excuse(self, turns: Sequence[Turn]) -> None:
        tables = await self._writing()
        for row, turn in ((tables.turns.get(turn.number), turn) for turn in turns):
            if row is not None:
                row.attempt = turn.attempt - 1

    async def finish(self, turn: Turn, deliveries: Sequence[Delivery]) -> None:
        tables = await self._writing()
        each = [t for t in (turn, *turn.together) if t.number in tables.turns]
        ends = [tables.ended(tables.turns[t.number], t, record_of(t)) for t in each]
        rows = [DeliveryRow.of(d) for d in deliveries]
        for d, row in zip(deliveries, rows, strict=True):
            row.notes = text_of(known) if (known := d.notes.to_json()) and d.kind == "stream" else None
        for end in ends:
            end()
        for row in rows:
            shown = tables.outbox.get((row.turn, row.n))
            if row.kind == "message":
                tables.outbox.setdefault((row.turn, row.n), row)
            elif shown is not None:
                shown.parts, shown.state = row.parts, row.state
                shown.attempts, shown.notes = row.attempts, row.notes

    async def once(self, turn: Turn, key: str, step: Callable[[], Awaitable[Recorded]]) -> Recorded:
        if key in turn.memo:
            known: Recorded = turn.memo[key]
            return known
        result = await step()
        turn.memo[key] = result
        self._tables.memo.setdefault(turn.number, {})[key] = text_of(result)
        return result

    def trail(self, turn: Turn, trail: Json) -> None:
        self._tables.memo.setdefault(turn.number, {})[TRAIL] = text_of(trail)

    async def answer(self, turn: int) -> TurnAnswer | None:
        tables = await self._reading()
        row = tables.turns.get(turn)
        if row is None:
            return None
        said = (each.read() for each in tables.of_turn(turn) if each.n >= 0)
        return TurnAnswer(row.state in DONE_STATES, tuple(said))

    async def note(self, turn: int, fact: Plain) -> bool:
        tables = await self._writing()
        row = tables.turns.get(turn)
        if row is None:
            return False
        facts = row.facts()
        notes = facts.setdefault("notes", [])
        if fact not in notes:
            notes.append(fact)
            row.record = text_of(facts)
        return True

    async def requeue(self, turn: int) -> Turn | None:
        tables = await self._writing()
        row, sent = tables.turns.get(turn), tables.of_turn(turn)
        if row is None or row.state not in ("failed", "dead") or any(d.state not in _OVER for d in sent):
            return None
        row.state, row.attempt, row.finished, row.reason, row.record = "queued", 1, None, None, None
        for each in sent:
            del tables.outbox[each.turn, each.n]
        tables.memo[turn] = {RETRIED: "true"}
        return Turn(turn, row.read(), memo={RETRIED: True})

    async def discard(self, turn: int) -> bool:
        row = (await self._writing()).turns.get(turn)
        if row is None or row.state != "dead":
            return False
        row.state, row.reason = "dropped", f"{row.reason or ''}{_DISCARDED}"
        return True

    async def restore(self, turn: int) -> bool:
        row = (await self._writing()).turns.get(turn)
        if row is None or row.state != "dropped" or not (row.reason or "").endswith(_DISCARDED):
            return False
        row.state, row.reason = "dead", (row.reason or "").removesuffix(_DISCARDED)
        return True


class MemoryHistory(MemoryPart):
    """See the port."""

    async def last(self, session: str, before: int, turns: int, group: str = "") -> list[ChatMessage]:
        tables = await self._reading()
        found = self._last(tables, session, before, turns)
        if group:
            found = sorted([*found, *self._last(tables, group, before, turns)])[-turns:]
        return lines_of(each for each in found if each[0] > tables.cleared.get(session, 0))

    async def until(self, session: str, before: int, turns: int, group: str = "") -> list[ChatMessage]:
        tables = await self._reading()
        found = self._last(tables, session, before, turns)
        if group:
            found = sorted([*found, *self._last(tables, group, before, turns)])[-turns:]
        cleared = tables.cleared.get(session, 0)
        return lines_of(each for each in found if each[0] > cleared or cleared > before)

    async def clear(self, session: str, platform: str, bot: str) -> None:
        tables = await self._writing()
        tables.cleared[session] = ids.new_id()
        tables.gone.pop(session, None)

    async def remembered(self, session: str, exchanges: int) -> list[int]:
        tables = await self._reading()
        found = self._last(tables, session, 1 << 63, exchanges)
        return [number for number, *_ in found if number > tables.cleared.get(session, 0)]

    async def roll_back(self, session: str, platform: str, bot: str, gone: RolledBack) -> None:
        (await self._writing()).gone.setdefault(session, []).append(gone)

    async def restore(self, session: str) -> RolledBack | None:
        known = (await self._writing()).gone.get(session)
        return known.pop() if known else None

    def _last(self, tables: Tables, session: str, before: int, turns: int) -> list[Exchange]:
        found: list[Exchange] = []
        hidden = {number for gone in tables.gone.get(session, ()) for number in gone.turns}
        for number in sorted((n for n, row in tables.turns.items() if row.session == session), reverse=True):
            row, facts = tables.turns[number], tables.turns[number].facts()
            heard = facts.get("vars", {}).get("heard")
            together = facts.get("vars", {}).get("together") or []
            told = row.state == "answered" or (row.state == "dropped" and heard is not None)
            if number >= before or number in hidden or not told or isinstance(together, str):
                continue
            said = "\n".join(Part.from_json(part).text for part in facts.get("reply", ()))
            also = [tables.turns[n].read() for n in map(ids.parse, together) if n in tables.turns]
            found.append((number, *exchange([row.read(), *also], said, heard)))
            if len(found) >= turns:
                break
        return found[::-1]


class MemoryOutbox(MemoryPart):
    """See the port."""

    async def enqueue(self, deliveries: Sequence[Delivery]) -> None:
        tables = await self._writing()
        for row in [DeliveryRow.of(d) for d in deliveries]:
            tables.outbox.setdefault((row.turn, row.n), row)

    async def mark(self, delivery: Delivery) -> None:
        d, row = delivery, (await self._writing()).outbox.get((delivery.turn, delivery.n))
        if row is not None:
            row.notes = row.noted(d.notes.to_json())
            row.state, row.attempts, row.again, row.next_at = d.state, d.attempts, d.again, d.next_at
            row.error, row.sent_id, row.ended = d.error or None, d.sent_id or None, d.ended or None

    async def open_deliveries(self, after: tuple[int, int] = (0, 0), limit: int = -1) -> list[Delivery]:
        tables = await self._writing()
        rows = [row for place, row in sorted(tables.outbox.items()) if place > after]
        unsent = [row for row in rows if row.state in ("pending", "sending", "unknown")]
        unsent = unsent[: limit if limit >= 0 else None]
        for row in unsent:
            if row.state == "sending":
                row.state, row.again = "unknown", True
        return [row.read() for row in unsent]

    async def open_streams(self) -> dict[int, Delivery]:
        rows = (await self._reading()).outbox.values()
        return {row.turn: row.read() for row in rows if row.state == "open"}

    async def note(self, turn: int, n: int, fact: Plain) -> bool:
        row = (await self._writing()).outbox.get((turn, n))
        if row is None:
            return False
        row.notes = row.noted(fact)
        return True

    async def refuse(self, turn: int, n: int, error: str) -> Delivery | None:
        row = (await self._writing()).outbox.get((turn, n))
        if row is None or row.state != "sent":
            return None
        row.state, row.error = "dead", error
        return row.read()

    async def sent_since(self, ts: float, platform: str, bot: str, limit: int = 20_000) -> list[Delivery]:
        rows = [row for _, row in sorted((await self._reading()).outbox.items())]
        sent = [r for r in rows if r.state == "sent" and (r.platform, r.bot) == (platform, bot)]
        return [row.read() for row in sent if row.turn >= ids.at(ts)][-limit:]

    async def delivery(self, turn: int, n: int) -> Delivery | None:
        row = (await self._reading()).outbox.get((turn, n))
        return row.read() if row is not None else None

    async def deliveries(self, turn: int) -> list[Delivery]:
        return [row.read() for row in (await self._reading()).of_turn(turn)]

    async def revive(self, turn: int, n: int) -> Delivery | None:
        row = (await self._writing()).outbox.get((turn, n))
        if row is None or row.state != "dead":
            return None
        row.state, row.attempts, row.next_at, row.error, row.ended = "pending", 0, 0.0, None, None
        if row.notes and "failed" in (notes := orjson.loads(row.notes)):
            del notes["failed"]
            row.notes, row.created = text_of(notes), time.time()
        delivery = row.read()
        delivery.revived = True
        return delivery

    async def discard(self, turn: int, n: int) -> bool:
        row = (await self._writing()).outbox.get((turn, n))
        if row is None or row.state != "dead":
            return False
        row.state = "discarded"
        return True

    async def restore(self, turn: int, n: int) -> bool:
        row = (await self._writing()).outbox.get((turn, n))
        if row is None or row.state != "discarded":
            return False
        row.state = "dead"
        return True


class MemoryKeepStore(MemoryPart):
    """See the port."""

    async def write(self, values: Sequence[Kept]) -> None:
        (await self._writing()).keep.update(_copied(values))

    async def get(self, platform: str, bot: str, key: str) -> Json | None:
        found = (await self._reading()).keep.get((platform, bot, key))
        return _value(found) if found is not None and not _over(found) else None

    async def items(self, platform: str, bot: str, prefix: str, limit: int) -> dict[str, Json]:
        tables = await self._reading()
        its = (k for _, k in sorted(tables.keep.items()) if (k.platform, k.bot) == (platform, bot))
        found = [k for k in its if k.key.startswith(prefix) and not _over(k)]
        return {k.key: _value(k) for k in found[:limit]}

    async def lost(self, platform: str, bot: str, key: str) -> bool:
        await self._reading()
        return False  # everything here can be read


def _copied(values: Iterable[Kept]) -> dict[tuple[str, str, str], Kept]:
    found: dict[tuple[str, str, str], Kept] = {}
    for k in values:
        found[k.platform, k.bot, k.key] = Kept(
            k.platform, k.bot, k.key, orjson.loads(text_of(k.value)), k.ends
        )
    return found


def _value(kept: Kept) -> Json:
    found: Json = orjson.loads(orjson.dumps(kept.value))
    return found


def _over(kept: Kept) -> bool:
    return kept.ends is not None and kept.ends <= time.time()
