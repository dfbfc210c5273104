"""The store keeps what it said it kept, whatever happens to the disk or the process."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from mindbot.domain.chat import ChatMessage
from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import StoreBusy, StoreCorrupt, StoreError, StoreFull
from mindbot.domain.message import Message, text_part
from mindbot.domain.turn import Turn
from mindbot.store.rows import partition_of
from mindbot.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio


def a_message(key: str = "m1", text: str = "hello", user: str = "lin", **more: Any) -> Message:
    fields: dict[str, Any] = {
        "platform": "console",
        "bot": "default",
        "key": key,
        "session": f"console:default:{user}",
        "sender": user,
        "kind": "text",
        "parts": (text_part(text),),
        "reply_to": {"to": user},
        "received": time.time(),
    }
    return Message(**fields | more)


def answered(turn: Turn, text: str) -> Turn:
    turn.reply.say(text)
    turn.state, turn.finished = "answered", time.time()
    return turn


def a_delivery(turn: Turn, n: int = 0, **more: Any) -> Delivery:
    m = turn.message
    return Delivery(
        turn.number, n, m.platform, m.bot, m.session, m.reply_to, turn.reply.parts, created=1.0, **more
    )


@asynccontextmanager
async def a_store(folder: Path, **options: Any) -> AsyncIterator[SqliteStore]:
    async with SqliteStore.open(folder / "mindbot.db", **options) as store:
        yield store


async def test_a_message_is_there_after_a_restart(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        turn, duplicate = await store.inbox.put(a_message(text="keep me"))
        assert not duplicate
    async with a_store(tmp_path) as store:
        (again,) = await store.inbox.recover()
        assert (again.number, again.message.text, again.attempt) == (turn.number, "keep me", 2)


async def test_the_same_message_gets_the_same_turn_also_in_one_batch(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        found: list[tuple[Turn, bool]] = []

        async def put() -> None:
            found.append(await store.inbox.put(a_message("same")))

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(put)
        assert len({turn.number for turn, _ in found}) == 1
        assert sorted(duplicate for _, duplicate in found) == [False, True, True, True, True]
    async with a_store(tmp_path) as store:
        _, duplicate = await store.inbox.put(a_message("same"))
        assert duplicate


async def test_equal_texts_with_different_keys_are_two_turns(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        one, _ = await store.inbox.put(a_message("a", "same text"))
        two, duplicate = await store.inbox.put(a_message("b", "same text"))
        assert one.number != two.number and not duplicate


async def test_the_end_of_a_turn_and_its_deliveries_are_one_transaction(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        turn, _ = await store.inbox.put(a_message())
        async with turn.span("stage", "run"):
            pass
        answered(turn, "hi")
        bad = a_delivery(turn)
        bad.to = {"not": object()}
        with pytest.raises(StoreError, match="not plain JSON"):
            await store.turns.finish(turn, [bad])
        assert [t.number for t in await store.inbox.recover()] == [turn.number], "the turn is still open"
        await store.turns.finish(turn, [a_delivery(turn)])
        assert await store.inbox.recover() == []
        (waiting,) = await store.outbox.open_deliveries()
        assert waiting.text == "hi"


async def test_one_bad_turn_does_not_fail_its_neighbours(tmp_path: Path) -> None:
    states: list[StoreError | None] = []
    async with a_store(tmp_path, on_state=states.append) as store:
        good, _ = await store.inbox.put(a_message("good"))
        bad, _ = await store.inbox.put(a_message("bad"))
        bad.vars["x"] = object()
        failures: list[StoreError] = []

        async def finish(turn: Turn) -> None:
            try:
                await store.turns.finish(answered(turn, "x"), [])
            except StoreError as error:
                failures.append(error)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(finish, bad)
            tasks.start_soon(finish, good)
        assert len(failures) == 1
        assert not states, "the store itself is well"
        assert [t.number for t in await store.inbox.recover()] == [bad.number]


async def test_what_was_being_sent_comes_back_as_unknown_and_the_rest_as_pending(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        turn, _ = await store.inbox.put(a_message())
        answered(turn, "two parts")
        await store.turns.finish(
            turn, [a_delivery(turn, 0, state="sending", attempts=1), a_delivery(turn, 1)]
        )
    async with a_store(tmp_path) as store:
        first, second = await store.outbox.open_deliveries()
        assert (first.state, first.again, first.attempts) == ("unknown", True, 1)
        assert (second.state, second.again) == ("pending", False)
        first.state, first.sent_id, first.ended = "sent", "MSG1", 2.0
        await store.outbox.mark(first)
        assert [d.n for d in await store.outbox.open_deliveries()] == [1]


async def test_history_is_oldest_first_and_only_of_that_session(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        for key, user, text in (("1", "lin", "one"), ("2", "mei", "other"), ("3", "lin", "two")):
            turn, _ = await store.inbox.put(a_message(key, text, user))
            await store.turns.finish(answered(turn, f"re {text}"), [])
        now, _ = await store.inbox.put(a_message("4", "three"))
    async with a_store(tmp_path) as store:
        lines = await store.past.history(now.session, now.number, 10)
        assert [line.content for line in lines] == ["one", "re one", "two", "re two"]
        assert [line.content for line in await store.past.history(now.session, now.number, 1)] == [
            "two",
            "re two",
        ]


async def test_what_people_said_in_the_bots_place_is_history_too(tmp_path: Path) -> None:
    said = (("1", "text", "help", "user"), ("2", "event", "I am Anna", "assistant"), ("3", "text", "off", ""))
    expected = [("user", "help"), ("assistant", "I am Anna"), ("assistant", "welcome")]
    async with a_store(tmp_path) as store:
        for key, kind, text, heard in said:
            turn, _ = await store.inbox.put(a_message(key, text, kind=kind))
            turn.state, turn.finished = "dropped", 1.0
            turn.vars |= {"heard": heard} if heard else {}
            await store.turns.finish(turn, [])
        event, _ = await store.inbox.put(a_message("4", "[enter]", kind="event"))
        await store.turns.finish(answered(event, "welcome"), [])
        now, _ = await store.inbox.put(a_message("5", "three"))
    async with a_store(tmp_path) as store:
        lines = await store.past.history(now.session, now.number, 10)
        assert [(line.role, line.content) for line in lines] == expected
        turn, _ = await store.inbox.put(a_message("6", "Bye", kind="event"))
        turn.state, turn.finished, turn.vars = "dropped", 1.0, {"heard": "assistant"}
        await store.turns.finish(turn, [])
        lines = await store.past.history(now.session, now.number + 2, 10)
        assert lines[-1] == ChatMessage("assistant", "Bye", origin="history"), "also where it is remembered"


async def test_a_state_written_late_keeps_what_the_platform_said_meanwhile(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        turn, _ = await store.inbox.put(a_message())
        delivery = a_delivery(answered(turn, "hi"), state="sending", attempts=1)
        await store.turns.finish(turn, [delivery])
        assert await store.outbox.note(turn.number, 0, {"failed": "refused"})
        delivery.state, delivery.notes = "sent", {"left": 4}
        await store.outbox.mark(delivery)
        row = await store.outbox.delivery(turn.number, 0)
        assert row is not None and row.notes == {"failed": "refused", "left": 4}
        delivery.notes = {}
        await store.outbox.mark(delivery)
        row = await store.outbox.delivery(turn.number, 0)
        assert row is not None and row.notes == {"failed": "refused", "left": 4}


async def test_what_was_sent_is_read_with_its_id_and_its_time(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        turn, _ = await store.inbox.put(a_message())
        two = [a_delivery(turn, n) for n in (0, 1)]
        await store.turns.finish(answered(turn, "hi"), two)
        two[0].state, two[0].sent_id, two[0].ended = "sent", "m1", 1234.5
        await store.outbox.mark(two[0])
        found = await store.outbox.deliveries(turn.number)
        assert [(d.n, d.sent_id, d.ended) for d in found] == [(0, "m1", 1234.5), (1, "", 0.0)]
        (known,) = await store.outbox.sent_since(0, two[0].platform, two[0].bot)
        assert (known.sent_id, known.ended) == ("m1", 1234.5)


async def test_the_turn_of_a_message_is_found_by_its_key(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        turn, _ = await store.inbox.put(a_message("k1"))
        assert await store.inbox.turn_of("console", "default", "k1") == turn.number
        assert await store.inbox.turn_of("console", "other", "k1") is None


async def test_a_step_marked_once_is_not_run_again_after_a_crash(tmp_path: Path) -> None:
    calls = []

    async def step() -> dict[str, Any]:
        calls.append(1)
        return {"n": len(calls)}

    async with a_store(tmp_path) as store:
        turn, _ = await store.inbox.put(a_message())
        assert await store.turns.once(turn, "model", step) == {"n": 1}
        await store.inbox.put(a_message("another"))  # the memo row went out with this batch or an earlier one
    async with a_store(tmp_path) as store:
        again = next(t for t in await store.inbox.recover() if t.number == turn.number)
        assert await store.turns.once(again, "model", step) == {"n": 1}
        assert len(calls) == 1
        await store.turns.finish(answered(again, "x"), [])
    with sqlite3.connect(tmp_path / "mindbot.db") as db:
        assert db.execute("SELECT count(*) FROM memo").fetchone() == (0,)


async def test_a_full_disk_is_said_and_ends_when_space_returns(tmp_path: Path) -> None:
    states: list[StoreError | None] = []
    async with a_store(tmp_path, on_state=states.append) as store:
        kept, _ = await store.inbox.put(a_message("before"))
        await store._database.write_pragma("PRAGMA max_page_count=1")
        with pytest.raises(StoreFull, match="no space left"):
            await store.inbox.put(a_message("during", "x" * 100_000))
        with pytest.raises(StoreFull):
            await store.probe()
        await store._database.write_pragma("PRAGMA max_page_count=1000000")
        await store.probe()
        await store.inbox.put(a_message("after"))
        assert [type(s) for s in states] == [StoreFull, type(None)]
        assert [t.message.key for t in await store.inbox.recover()] == ["before", "after"]
        assert kept


async def test_a_locked_database_is_named(tmp_path: Path) -> None:
    async with a_store(tmp_path, pragmas=("PRAGMA busy_timeout=20",)) as store:
        other = sqlite3.connect(tmp_path / "mindbot.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match="locked by another process"):
            await store.inbox.put(a_message())
        other.execute("ROLLBACK")
        other.close()
        await store.inbox.put(a_message())


async def test_a_damaged_database_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "mindbot.db").write_bytes(b"this is not a database, it only has its name" * 100)
    with pytest.raises(StoreCorrupt, match="mindbot db check"):
        async with a_store(tmp_path):
            pass


async def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    async with a_store(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "mindbot.db") as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="schema 9999"):
        async with a_store(tmp_path):
            pass


async def test_what_was_noted_of_a_turn_while_it_ran_stays_at_its_end(tmp_path: Path) -> None:
    async with SqliteStore.open(tmp_path / "mindbot.db") as store:
        turn, _ = await store.inbox.put(a_message("noted"))
        assert await store.turns.note(turn.number, {"recalled": 1.0})
        turn.state, turn.finished = "answered", time.time()
        turn.reply.say("words")
        await store.turns.finish(turn, [])
        assert await store.turns.note(turn.number, {"failed": "late"})
        sql = "SELECT record FROM turns"
        record = json.loads((await store._database.read(lambda db: db.execute(sql).fetchone()))[0])
        assert record["notes"] == [{"recalled": 1.0}, {"failed": "late"}] and record["reply"]


async def test_purge_keeps_open_turns_and_young_ones(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        done, _ = await store.inbox.put(a_message("done"))
        await store.turns.finish(answered(done, "x"), [a_delivery(done, state="sent")])
        waiting, _ = await store.inbox.put(a_message("open"))
        assert await store.purge(time.time() - 3600) == 0
        assert await store.purge(time.time() + 3600) == 1
        assert [t.number for t in await store.inbox.recover()] == [waiting.number]


async def test_a_failed_turn_can_be_queued_again(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        turn, _ = await store.inbox.put(a_message())
        turn.state, turn.reason, turn.finished = "failed", "no model", time.time()
        await store.turns.finish(turn, [a_delivery(turn, state="sent")])
        again = await store.turns.requeue(turn.number)
        assert again is not None and again.message == turn.message
        assert await store.turns.requeue(turn.number) is None


def test_partitions_are_stable_and_spread() -> None:
    assert partition_of("wecom:default:lin") == partition_of("wecom:default:lin")
    assert len({partition_of(f"s{i}") for i in range(5000)}) == 256


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        pass
    with pytest.raises(StoreError, match="closed"):
        await store.inbox.put(a_message())


async def test_an_end_that_could_not_be_written_still_forgets_the_memo_later(tmp_path: Path) -> None:
    async def step() -> dict[str, Any]:
        return {}

    async with a_store(tmp_path) as store:
        turn, _ = await store.inbox.put(a_message())
        await store.turns.once(turn, "model", step)
        await store.inbox.put(a_message("another"))
        turn.vars["x"] = object()
        with pytest.raises(StoreError):
            await store.turns.finish(answered(turn, "x"), [])
        turn.vars.clear()
        await store.turns.finish(turn, [])
    with sqlite3.connect(tmp_path / "mindbot.db") as db:
        assert db.execute("SELECT count(*) FROM memo").fetchone() == (0,)


async def test_what_is_read_later_brings_its_memo_and_its_attempt(tmp_path: Path) -> None:
    async def step() -> dict[str, Any]:
        return {"n": 1}

    async with a_store(tmp_path) as store:
        first, _ = await store.inbox.put(a_message("first"))
        second, _ = await store.inbox.put(a_message("second"))
        await store.turns.once(second, "model", step)
        await store.inbox.put(a_message("third"))
    async with a_store(tmp_path) as store:
        assert [t.number for t in await store.inbox.recover(1)] == [first.number]
        await store.inbox.put(a_message("fresh"))
        later = await store.inbox.queued_after(first.number, 10)
        assert [(t.message.key, t.attempt) for t in later] == [("second", 2), ("third", 2), ("fresh", 1)]
        assert later[0].memo == {"model": {"n": 1}}


async def test_a_turn_with_deliveries_on_their_way_is_not_queued_again(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        turn, _ = await store.inbox.put(a_message())
        turn.state, turn.finished = "failed", time.time()
        delivery = a_delivery(turn)
        await store.turns.finish(turn, [delivery])
        assert await store.turns.requeue(turn.number) is None
        delivery.state = "dead"
        await store.outbox.mark(delivery)
        assert await store.outbox.revive(turn.number, 0) is not None
        assert await store.outbox.revive(turn.number, 0) is None, "somebody has revived it already"


async def test_keys_that_differ_behind_a_nul_are_two_messages(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        assert not (await store.inbox.put(a_message("a\0b")))[1]
        assert not (await store.inbox.put(a_message("a\0c")))[1]
        assert (await store.inbox.put(a_message("a\0c")))[1]


async def test_what_a_stall_of_the_disk_has_gathered_is_written_in_several_batches(tmp_path: Path) -> None:
    async with a_store(tmp_path, rows=10) as store:
        found: list[bool] = []

        async def put(n: int) -> None:
            _, duplicate = await store.inbox.put(a_message(f"m{n}", text=f"界 {n}"))
            found.append(duplicate)

        async with anyio.create_task_group() as tasks:
            for n in range(95):
                tasks.start_soon(put, n)
        assert found == [False] * 95
        assert store.batches >= 10
    async with a_store(tmp_path) as store:
        assert [turn.message.text for turn in await store.inbox.recover()] == [f"界 {n}" for n in range(95)]
