"""One row that cannot be read costs itself alone: no start, no neighbour, no operator's list."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from mindbot.config.load import load
from mindbot.domain import ids
from mindbot.domain.delivery import Delivery, DeliveryNotes
from mindbot.domain.errors import StoreUnreadable
from mindbot.domain.message import Message, text_part
from mindbot.domain.ports.platform import Receipt
from mindbot.domain.ports.store import Kept
from mindbot.domain.turn import Turn
from mindbot.runtime.app import Runtime
from mindbot.runtime.keep import BotKeep
from mindbot.store.indexes import problems
from mindbot.store.queries import SqliteQueries
from mindbot.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio

#: What may have happened to one of the turns' messages, as SQL on it.
DAMAGE = {
    "no JSON": "substr(message, 2)",
    "cut short": "substr(message, 1, length(message) - 9)",
    "empty": "''",
    "a list": "'[]'",
    "a number": "'5'",
    "a field is missing": "json_remove(message, '$.kind')",
    "a text is a number": "json_set(message, '$.sender', 7)",
    "parts are no list": "json_set(message, '$.parts', 3)",
    "a part is no object": "json_set(message, '$.parts[0]', 'x')",
    "a part's text is a list": "json_set(message, '$.parts[0].text', json('[]'))",
    "not UTF-8": "CAST(x'7b22ff' AS TEXT)",
    "a blob": "x'00ff'",
}


def a_message(key: str, user: str = "wei") -> Message:
    to = {"to": user}
    session = f"console:default:{user}"
    now = time.time()
    return Message("console", "default", key, session, user, "text", (text_part(key),), to, received=now)


def a_delivery(turn: Turn, n: int = 0, **more: Any) -> Delivery:
    m = turn.message
    parts = [text_part("an answer")]
    return Delivery(turn.number, n, "console", "default", m.session, m.reply_to, parts, created=1.0, **more)


@asynccontextmanager
async def a_store(folder: Path) -> AsyncIterator[SqliteStore]:
    async with SqliteStore.open(folder / "mindbot.db") as store:
        yield store


def damage(folder: Path, sql: str, *args: Any) -> None:
    with closing(sqlite3.connect(folder / "mindbot.db")) as db, db:
        assert db.execute(sql, args).rowcount == 1


@pytest.mark.parametrize("how", DAMAGE)
async def test_an_open_turn_that_cannot_be_read_is_a_dead_letter_and_the_others_run(
    tmp_path: Path, how: str
) -> None:
    async with a_store(tmp_path) as store:
        bad, *good = [(await store.inbox.put(a_message(f"m{n}", f"u{n}")))[0] for n in range(3)]
    damage(tmp_path, f"UPDATE turns SET message = {DAMAGE[how]} WHERE id = ?", bad.number)
    async with a_store(tmp_path) as store:
        assert [turn.number for turn in await store.inbox.recover()] == [turn.number for turn in good]
        assert store.unreadable.count == 1 and bad.id in store.unreadable.words
        with pytest.raises(StoreUnreadable):
            await store.turns.requeue(bad.number)
    async with a_store(tmp_path) as store:
        assert len(await store.inbox.recover()) == 2 and not store.unreadable.count, "it was put away"
        assert await store.turns.discard(bad.number)


async def test_a_field_of_a_newer_program_is_left_out(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        turn, _ = await store.inbox.put(a_message("m"))
    damage(tmp_path, "UPDATE turns SET message = json_set(message, '$.later', 1)")
    async with a_store(tmp_path) as store:
        assert [found.number for found in await store.inbox.recover()] == [turn.number]


async def test_pages_of_turns_that_cannot_be_read_do_not_end_the_search(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        turns = [(await store.inbox.put(a_message(f"m{n}", f"u{n}")))[0] for n in range(5)]
    for bad in turns[:4]:
        damage(tmp_path, "UPDATE turns SET message = '' WHERE id = ?", bad.number)
    async with a_store(tmp_path) as store:
        assert [turn.number for turn in await store.inbox.recover(2)] == [turns[4].number]


@pytest.mark.parametrize("column", ["parts = 'x'", "address = ''", "notes = '['", "next_at = 'soon'"])
@pytest.mark.parametrize("state", ["pending", "sending", "unknown"])
async def test_a_delivery_that_cannot_be_read_is_a_dead_letter_and_the_others_go(
    tmp_path: Path, column: str, state: str
) -> None:
    async with a_store(tmp_path) as store:
        turn, _ = await store.inbox.put(a_message("m"))
        await store.outbox.enqueue([a_delivery(turn, n) for n in range(2)])
    damage(tmp_path, f"UPDATE outbox SET state = ?, {column} WHERE n = 0", state)
    async with a_store(tmp_path) as store:
        assert [d.n for d in await store.outbox.open_deliveries()] == [1]
        assert [d.n for d in await store.outbox.deliveries(turn.number)] == [1]
        if not column.startswith("next_at"):  # which a retry sets anew
            with pytest.raises(StoreUnreadable):
                await store.outbox.revive(turn.number, 0)
        assert await store.outbox.discard(turn.number, 0)


async def test_an_answer_that_was_on_show_and_cannot_be_read_leaves_its_place_to_the_new_one(
    tmp_path: Path,
) -> None:
    async with a_store(tmp_path) as store:
        turn, _ = await store.inbox.put(a_message("m"))
        await store.outbox.enqueue([a_delivery(turn, state="open", kind="stream")])
    damage(tmp_path, "UPDATE outbox SET parts = 'x'")
    async with a_store(tmp_path) as store:
        assert await store.outbox.open_streams() == {}
        turn.state, turn.finished = "answered", time.time()
        await store.turns.finish(turn, [a_delivery(turn)])
        assert [d.text for d in await store.outbox.open_deliveries()] == ["an answer"]


async def test_a_delivery_whose_notes_are_damaged_can_still_be_marked(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        turn, _ = await store.inbox.put(a_message("m"))
        d = a_delivery(turn)
        await store.outbox.enqueue([d])
        await store._database.write(lambda db: db.execute("UPDATE outbox SET notes = '{'"))
        d.state, d.notes = "sent", DeliveryNotes.from_json({"seen": 1})
        await store.outbox.mark(d)
        (found,) = await store.outbox.deliveries(turn.number)
        assert (found.state, found.notes.to_json()) == ("sent", {"seen": 1})
        await store._database.write(lambda db: db.execute("UPDATE outbox SET notes = '{'"))
        assert await store.outbox.note(turn.number, 0, {"later": 2})


async def test_a_step_whose_result_cannot_be_read_runs_again(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        turn, _ = await store.inbox.put(a_message("m"))
        await store._database.write(
            lambda db: db.execute("INSERT INTO memo VALUES (?, 'model', '{')", (turn.number,))
        )
    async with a_store(tmp_path) as store:
        (again,) = await store.inbox.recover()
        assert again.memo == {}


async def no_intake(messages: Sequence[Message], kept: Sequence[Kept]) -> list[Receipt]:
    raise AssertionError("nothing comes in")


async def test_what_a_bot_keeps_and_cannot_be_read_is_put_aside(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        await store.keep.write([Kept("wecom", "one", key, {"a": 1}) for key in ("x:1", "x:2", "x:3")])
        for key, value in (("x:1", "{"), ("x:3", "[]")):
            await store._database.write(
                lambda db, k=key, v=value: db.execute("UPDATE keep SET value = ? WHERE key = ?", (v, k))
            )
        assert await store.keep.items("wecom", "one", "x:", 9) == {"x:2": {"a": 1}}
        assert store.unreadable.count == 2
        sql = "SELECT bot, key, value FROM keep WHERE platform = 'unreadable' ORDER BY key"
        aside = await store._database.read(lambda db: db.execute(sql).fetchall())
        assert aside == [("wecom/one", "x:1", "{"), ("wecom/one", "x:3", "[]")]
        keep = BotKeep(store, no_intake, "wecom", "one")
        assert [await keep.lost(f"x:{n}") for n in range(1, 5)] == [True, False, True, False]
        assert not await BotKeep(store, no_intake, "wecom", "two").lost("x:1")
        assert await keep.get("x:1") is None and await keep.get("x:2") == {"a": 1}


async def test_a_record_that_cannot_be_read_costs_the_past_one_exchange(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        for n in range(3):
            turn, _ = await store.inbox.put(a_message(f"q{n}"))
            turn.state, turn.finished = "answered", time.time()
            turn.reply.say(f"a{n}")
            await store.turns.finish(turn, [])
    damage(tmp_path, "UPDATE turns SET record = '{' WHERE key = 'q1'")
    async with a_store(tmp_path) as store:
        said = await store.history.last("console:default:wei", ids.new_id(), 10)
        assert [line.content for line in said] == ["q0", "a0", "q1", "q2", "a2"]
        assert await store.turns.note(turn.number, {"told": 1})


@pytest.mark.parametrize("column", ["message", "record"])
async def test_lists_show_what_cannot_be_read_by_its_columns(tmp_path: Path, column: str) -> None:
    async with a_store(tmp_path) as store:
        for n in range(3):
            turn, _ = await store.inbox.put(a_message(f"m{n}", f"u{n}"))
            turn.state, turn.finished = "answered", time.time()
            await store.turns.finish(turn, [a_delivery(turn, state="dead", error="refused")])
        change = f"UPDATE turns SET {column} = '{{' WHERE id = ?"
        await store._database.write(lambda db: db.execute(change, (turn.number,)))
        await store._database.write(lambda db: db.execute("UPDATE outbox SET address = 'x'"))
        queries = SqliteQueries(store.path, lambda session, number: None, store.unreadable)
        try:
            first, *others = await queries.list_turns(None, 9, "")
            assert first["id"] == turn.id and "unreadable" in first["reason"] and first["user"] == "u2"
            assert len(others) == 2 and not any(each["reason"] for each in others)
            assert len(await queries.list_sessions(9, "")) == 3
            letters = await queries.list_dead(9)
            assert [letter["error"].startswith("unreadable: ") for letter in letters] == [True] * 3
            assert (await queries.get_turn(turn.id))["state"] == "answered"
        finally:
            await queries.close()


async def test_a_damaged_page_costs_what_stands_on_it(tmp_path: Path) -> None:
    path = tmp_path / "mindbot.db"
    async with a_store(tmp_path) as store:
        turns = [(await store.inbox.put(a_message(f"m{n}" + "x" * 900, f"u{n}")))[0] for n in range(40)]
        await store.outbox.enqueue([a_delivery(turn) for turn in turns])
        ended = turns[5]
        ended.state, ended.finished = "answered", time.time()
        await store.turns.finish(ended, [])
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode=DELETE")
        size = db.execute("PRAGMA page_size").fetchone()[0]
    data = path.read_bytes()
    place = data.index(b'"m20xxx')
    with path.open("r+b") as file:  # the head of the page that the twentieth stands on
        file.seek(place // size * size)
        file.write(b"\xff" * 100)
    async with a_store(tmp_path) as store:
        found = await store.inbox.recover()
        missing = {turn.number for turn in turns} - {turn.number for turn in found} - {ended.number}
        assert 0 < len(missing) < 10 and store.unreadable.count >= len(missing)
        assert len(await store.outbox.open_deliveries()) == 40
        queries = SqliteQueries(store.path, lambda session, number: None, store.unreadable)
        try:
            shown = await queries.list_turns(None, 100, "")
            assert len(shown) == 40
            lost = {each["id"] for each in shown if "unreadable" in each["reason"]}
            assert {ids.show(number) for number in missing} <= lost
            assert len(await queries.list_sessions(100, "")) == 40
        finally:
            await queries.close()


def spoil(path: Path, name: str, page: int = 0) -> None:
    """Overwrite the head of the first page of a table; or of one of its others, by its number."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode=DELETE")
        size = db.execute("PRAGMA page_size").fetchone()[0]
        (root,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()
    with path.open("r+b") as file:
        file.seek(((page or root) - 1) * size)
        file.write(b"\xff" * 100)


def a_leaf(path: Path, text: bytes) -> int:
    """Return the number of a leaf page that holds a text (sqlite.org/fileformat.html, "B-tree Pages")."""
    data = path.read_bytes()
    pages = [data[start : start + 4096] for start in range(0, len(data), 4096)]
    return next(n for n, page in enumerate(pages, 1) if page[0] in (10, 13) and text in page)


@pytest.mark.parametrize("value", ['{"since": 17', '{"since": null}', "[]", '{"since": 1e300}', "7"])
async def test_a_note_of_the_store_s_own_that_cannot_be_read_ends_no_start(
    tmp_path: Path, value: str
) -> None:
    async with a_store(tmp_path) as store:
        await store.inbox.put(a_message("m"))
        row = ("mindbot", "store", "from now", value)
        sql = "INSERT INTO keep (platform, bot, key, value) VALUES (?, ?, ?, ?)"
        await store._database.write(lambda db: db.execute(sql, row))
    async with a_store(tmp_path) as store:
        assert store.anew.since == 0.0 and len(await store.inbox.recover()) == 1


async def test_a_mark_of_a_restore_that_cannot_be_read_is_one_all_the_same(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        await store.inbox.put(a_message("m"))
        sql = "INSERT INTO keep (platform, bot, key, value) VALUES ('mindbot', 'store', 'restored', '{')"
        await store._database.write(lambda db: db.execute(sql))
    async with a_store(tmp_path) as store:
        assert store.anew.turns == 1 and store.anew.reason == "restored from a backup"
        assert await store.inbox.recover() == [] and "restored" in store.unreadable.words
    async with a_store(tmp_path) as store:
        assert not store.anew.reason and store.anew.since > 0


@pytest.mark.parametrize("table", ["keep", "memo", "sessions"])
async def test_a_table_of_which_nothing_can_be_read_ends_no_start(tmp_path: Path, table: str) -> None:
    path = tmp_path / "mindbot.db"
    async with a_store(tmp_path) as store:
        await store.inbox.put(a_message("m"))
    spoil(path, table)
    async with SqliteStore.open(path, from_now=True) as store:
        assert store.anew.turns == 1 and store.anew.since > 0
        assert await store.inbox.recover() == []
        assert await store.outbox.open_deliveries() == []


async def test_deliveries_beside_a_damaged_page_go_on(tmp_path: Path) -> None:
    path = tmp_path / "mindbot.db"
    async with a_store(tmp_path) as store:
        for n in range(40):
            turn, _ = await store.inbox.put(a_message(f"m{n}", f"u{n}"))
            await store.outbox.enqueue([a_delivery(turn, state="pending" if n else "open")])
        long = "UPDATE outbox SET error = ?"
        await store._database.write(lambda db: db.execute(long, ("y" * 300,)))
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode=DELETE")
    spoil(path, "outbox", a_leaf(path, b"yyyyy"))
    async with a_store(tmp_path) as store:
        assert 10 < len(await store.outbox.open_deliveries()) < 39 and store.unreadable.count
        await store.outbox.open_streams()
    async with SqliteStore.open(path, from_now=True) as store:
        assert 10 < store.anew.deliveries < 40
        assert len(await store.outbox.open_deliveries()) < 3, (
            "beside what is damaged a row may not be changed"
        )


@pytest.mark.parametrize("index", ["turns_open", "turns_session", "outbox_open", "sqlite_autoindex_turns_1"])
async def test_a_damaged_index_hides_no_row_that_its_table_has(tmp_path: Path, index: str) -> None:
    path = tmp_path / "mindbot.db"
    async with a_store(tmp_path) as store:
        turns = [(await store.inbox.put(a_message(f"m{n}", f"u{n}")))[0] for n in range(40)]
        await store.outbox.enqueue(
            [a_delivery(turn, state="pending" if n else "open") for n, turn in enumerate(turns)]
        )
    spoil(path, index)
    async with a_store(tmp_path) as store:
        assert [turn.number for turn in await store.inbox.recover()] == [turn.number for turn in turns]
        assert [d.turn for d in await store.outbox.open_deliveries()] == [turn.number for turn in turns[1:]]
        assert list(await store.outbox.open_streams()) == [turns[0].number]
        assert not store.unreadable.count
        if index.startswith("sqlite_autoindex"):
            return  # a table's own; it is met by the next message, and cannot be made again
        await store.inbox.put(a_message("new", "u0"))
        assert index in store.damage.partition("not:")[0], store.damage
        for delivery in await store.outbox.open_deliveries():
            delivery.state = "sent"
            await store.outbox.mark(delivery)
        for turn in turns:
            turn.state, turn.finished = "answered", time.time()
            await store.turns.finish(turn, [])
    async with a_store(tmp_path) as store:
        assert not store.damage and [t.message.key for t in await store.inbox.recover()] == ["new"]
        assert await store.outbox.open_deliveries() == []
    with closing(sqlite3.connect(path)) as db:
        assert problems(db, 5) == []


async def test_dead_letters_beside_a_damaged_page_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "mindbot.db"
    async with a_store(tmp_path) as store:
        for n in range(40):
            turn, _ = await store.inbox.put(a_message(f"m{n}" + "x" * 900, f"u{n}"))
            turn.state, turn.finished = ("dead", "answered")[n % 2], time.time()
            await store.turns.finish(turn, [a_delivery(turn, state="dead")])
        long = "UPDATE outbox SET error = ?"
        await store._database.write(lambda db: db.execute(long, ("y" * 300,)))
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode=DELETE")
    spoil(path, "turns", a_leaf(path, b'"m7xxx'))
    spoil(path, "outbox", a_leaf(path, b"yyyyy"))
    async with a_store(tmp_path) as store:
        queries = SqliteQueries(store.path, lambda session, number: None, store.unreadable)
        try:
            letters = await queries.list_dead(100)
        finally:
            await queries.close()
        found = {"turn": [each for each in letters if each["kind"] == "turn"]}
        found["delivery"] = [each for each in letters if each["kind"] != "turn"]
        assert 19 < len(found["turn"]) < 40 and 10 < len(found["delivery"]) < 40
        assert store.unreadable.count


async def test_health_says_that_rows_cannot_be_read_and_messages_are_taken(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        await store.inbox.put(a_message("m"))
    damage(tmp_path, "UPDATE turns SET message = '{'")
    async with Runtime.open(load(environ={}), tmp_path) as runtime:
        with_reason = {each["component"]: each for each in runtime.resources.about.health()}["store"]
        assert with_reason["state"] == "degraded" and "cannot be read" in with_reason["reason"]
        (letter,) = await runtime.resources.dead_letters.list_dead_letters()
        assert letter["reason"].startswith("unreadable: ")
        assert (await runtime.resources.turns.list_turns())[0]["id"] == letter["id"]
        assert len(await runtime.resources.sessions.list_sessions()) == 1


async def test_a_trace_shows_a_delivery_that_cannot_be_read(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        turn, _ = await store.inbox.put(a_message("m"))
        turn.state, turn.finished = "answered", time.time()
        await store.turns.finish(turn, [a_delivery(turn, state="dead", error="refused")])
    damage(tmp_path, "UPDATE outbox SET parts = 'x'")
    async with Runtime.open(load(environ={}), tmp_path) as runtime:
        (step,) = await runtime.resources.turns.get_spans(turn.id)
    assert step["status"] == "error" and step["took_ms"] is None
    assert "unreadable" in step["data"]["error"]
