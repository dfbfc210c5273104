"""The finder beside the database: what it rules out is not wanted, and what is in it follows the database."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindbot.domain import ids
from mindbot.domain.errors import StoreError
from mindbot.domain.message import Part, text_part
from mindbot.domain.ports.store import TurnsFound, Wanted
from mindbot.domain.shapes.turns import TurnLineJson
from mindbot.domain.span import Span
from mindbot.filters.language import parse
from mindbot.filters.needs import needs
from mindbot.store.database import connect
from mindbot.store.finder.asking import SeenTurns
from mindbot.store.finder.filling import Filling
from mindbot.store.sqlite import SqliteStore
from mindbot.testing.stores.rig import a_delivery, a_message, nothing_runs

pytestmark = pytest.mark.anyio

WORDS = (
    *("hello", "I want a REFUND", "请问怎么退款？", "退款", "款", "order 7", "", "Straße", "a\0b"),
    *("\uffff x", "报销流程是什么", 'say "hi" twice', "x" * 40_000, "tail ok"),
)
FILTERS = """
state == failed; state != answered; state in [dead, dropped]; not state == answered; state == queued
user == u3; user != u3; session == 'console:default:u1'; platform == wecom; bot == hr and user == u2
refund; 退款; 款; 退; 流程; 怎么退; ss; e; ok; '"hi"'; reply =~ '(?i)RE|不'; text == 退款; quote =~ quoted
took > 5s; took < 1s or user == u1; received > 2026-01-31; received < 2001-01-01; attempt > 1; vars.a == 1
provider == openai; provider == openai and state == failed; workflow == hr; runner == ''; model == m1
error == rate_limited; error != rate_limited; error == ''; kind == event
undelivered == true; delivery == sent; delivery in [waiting, discarded]; delivery_error =~ gone
delivery_error == gone; origin == test; origin != user; origin == user; id > 01; id > 0ZZZ; id < 01AAA
退款 and user == u1; 退款 or took > 5s; not (退款 or user == u1); text =~ "a.c"
""".replace("\n", ";").strip("; ")
EACH = [each.strip() for each in FILTERS.split(";")]
#: Those of which little else is looked at.
SHARP = ("state == failed", "user == u3", "退款", "流程", "refund", "undelivered == true", "took > 5s")
_OPS = st.sampled_from([" and ", " or "])


@st.composite
def filters(draw: st.DrawFn) -> str:
    """Return a filter of one to four terms, some turned round."""
    terms = draw(st.lists(st.sampled_from(EACH), min_size=1, max_size=4))
    text = f"({terms[0]})"
    for term in terms[1:]:
        text = f"({text}{draw(_OPS)}{draw(st.sampled_from(['', 'not ']))}({term}))"
    return text


async def fill(store: SqliteStore, first: int, count: int) -> None:
    """Put turns of all kinds that the filters above ask for."""
    async with anyio.create_task_group() as tasks:  # written together: a commit for each would take long
        for n in range(first, first + count):
            tasks.start_soon(put, store, n)


async def put(store: SqliteStore, n: int) -> None:
    """Put the turn of that number, and end it, but for each tenth."""
    user, word = f"u{n % 7}", WORDS[n % len(WORDS)]
    parts: tuple[Part, ...] = (text_part(word), *((Part("quote", "quoted"),) if n % 11 == 3 else ()))
    more: dict[str, Any] = {"parts": parts, "kind": "event" if n % 17 == 1 else "text"}
    more["platform"], more["bot"] = ("wecom", "hr") if n % 5 == 2 else ("console", "default")
    if n % 13 == 4:
        more["origin"] = "test"
    turn, _ = await store.inbox.put(a_message(f"m{n}", word, user, **more))
    if n % 10 == 7:
        return
    turn.state = ("answered", "answered", "failed", "answered", "dropped", "dead")[n % 6]  # type: ignore[assignment]
    turn.reason = "rate_limited: wait" if turn.state == "failed" else ""
    turn.finished = turn.message.received + (9.0 if n % 4 == 1 else 0.5)
    turn.reply.say(f"re {WORDS[(n * 3) % len(WORDS)]}" if turn.state == "answered" else "")
    turn.vars, turn.route = {"a": n % 3}, {"runner": "chat"}
    if n % 3 == 0:
        turn.route = {"runner": "workflow", "workflow": "hr"}
        turn.spans = [Span(1, 0, "model", "m", 0.0, 0.1, "ok", {"provider": "openai", "model": "m1"})]
    state = ("sent", "dead", "pending", "discarded")[n % 4]
    said = turn.state == "answered"
    delivery = a_delivery(turn, state=state, error="gone" if state == "dead" else "") if said else None
    await store.turns.finish(turn, [delivery] if delivery else [])


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[TurnLineJson]]:
    """Return a database of turns, and all of them as they are listed."""
    path = tmp_path_factory.mktemp("history") / "mindbot.db"

    async def make() -> list[TurnLineJson]:
        async with SqliteStore.open(path) as store:
            await fill(store, 0, 420)
            return await (await nothing_runs(store)).list_turns(None, 1000, "")

    return path, anyio.run(make)


@pytest.fixture(scope="module")
def asking(history: tuple[Path, list[TurnLineJson]]) -> Iterator[SeenTurns]:
    """Return what asks a file that took in all of it, from the middle up and down."""
    path = history[0]
    file = path.with_name("apart.finder")
    with closing(connect(path)) as kept, closing(sqlite3.connect(file, isolation_level=None)) as db:
        made = Filling(db, kept, path)
        made.begin(ids.parse(history[1][200]["id"]))
        while made.upwards(ids.LAST - 1, 50) or made.downwards(50):
            pass
        assert made.span == (1, ids.LAST - 1)
        db.execute("ATTACH ? AS kept", (str(path),))
        yield SeenTurns(db)


def asked(asking: SeenTurns, text: str, most: int = 30) -> set[str] | None:
    """Return the turns that may be wanted, page by page; None: any."""
    found: set[str] = set()
    below = ids.LAST
    while below > 1:
        may = asking.between(needs(parse(text).node), below, most)
        if may is None:
            return None
        assert may.down_to < below and all(may.down_to <= each < below for each in may.turns)
        assert may.turns == sorted(may.turns, reverse=True) and len(may.turns) <= most
        found.update(map(ids.show, may.turns))
        below = may.down_to
    return found


def wanted_of(history: tuple[Path, list[TurnLineJson]], text: str) -> set[str]:
    keep = parse(text).compile()
    return {turn["id"] for turn in history[1] if keep(turn)}


@pytest.mark.parametrize("text", ["", *EACH])
def test_what_is_ruled_out_is_not_wanted(
    asking: SeenTurns, history: tuple[Path, list[TurnLineJson]], text: str
) -> None:
    may, wanted = asked(asking, text), wanted_of(history, text)
    assert may is None or wanted <= may
    if text in (
        "state == failed",
        "user == u3",
        "退款",
        "流程",
        "refund",
        "undelivered == true",
        "took > 5s",
    ):
        assert wanted and may is not None and len(may) < len(wanted) + 150, "and little else is looked at"


@pytest.mark.full
@settings(max_examples=60, deadline=None)
@given(text=filters(), window=st.sampled_from([7, 100, 100_000]), few=st.sampled_from([0, 20, 50_000]))
def test_what_is_ruled_out_by_several_terms_is_not_wanted(
    asking: SeenTurns, history: tuple[Path, list[TurnLineJson]], text: str, window: int, few: int
) -> None:
    asking.window, asking.few = window, few
    may = asked(asking, text)
    assert may is None or wanted_of(history, text) <= may


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SqliteStore]:
    """Open a store whose finder has taken in all that there is."""
    async with SqliteStore.open(path) as store:
        await caught_up(store)
        yield store


async def caught_up(store: SqliteStore) -> None:
    while await store.finder.step():
        pass


async def found(store: SqliteStore, text: str, limit: int = 1000) -> TurnsFound:
    queries, meant = await nothing_runs(store), parse(text)
    page = await queries.find_turns(Wanted(meant.compile(), needs(meant.node)), limit, "", 60.0)
    plain = await queries.find_turns(Wanted(meant.compile()), limit, "", 60.0)
    assert [turn["id"] for turn in page.turns] == [turn["id"] for turn in plain.turns]
    assert page.looked <= plain.looked
    return page


async def test_a_listing_looks_at_what_the_finder_leaves(tmp_path: Path) -> None:
    async with opened(tmp_path / "mindbot.db") as store:
        assert store.found_back_to == 0.0
        await fill(store, 0, 50)
        await caught_up(store)
        await fill(store, 50, 15)  # not taken in yet: looked through
        for text in ("state == failed", "退款", "user == u3 and took > 5s", "undelivered == true", "nowhere"):
            page = await found(store, text)
            assert page.looked < 45 and page.next == ""
        await caught_up(store)
        assert (await found(store, "user == nobody")).looked < 15, "turns that are open are looked at"
        assert (await found(store, "state == failed", limit=3)).next


async def test_what_the_finder_does_not_know_is_sifted_by_its_columns(tmp_path: Path) -> None:
    async with SqliteStore.open(tmp_path / "mindbot.db") as store:
        store.finder.may = nothing_known  # type: ignore[method-assign]
        await fill(store, 0, 60)
        for text in EACH:
            await found(store, text)
        assert (await found(store, "user == u3 and state == failed")).looked < 12


async def nothing_known(*asked: object) -> None:
    """A finder that has taken in nothing."""


async def test_a_turn_that_is_run_again_or_put_away_is_found_as_it_is_then(tmp_path: Path) -> None:
    path = tmp_path / "mindbot.db"
    async with opened(path) as store:
        await fill(store, 0, 40)
        await caught_up(store)
        dead = (await found(store, "state == dead")).turns
        failed = (await found(store, "state == failed")).turns
        assert await store.turns.discard(ids.parse(dead[0]["id"]))
        again = await store.turns.requeue(ids.parse(failed[0]["id"]))
        assert again is not None and (await found(store, f"id == {dead[0]['id']} and state == dropped")).turns
        await caught_up(store)
        assert (await found(store, f"id == {failed[0]['id']} and state == queued")).turns
        again.state, again.finished = "answered", time.time()
        again.reply.say("at last 迟到的回答")
        await store.turns.finish(again, [])
    async with opened(path) as store:
        (late,) = (await found(store, "reply =~ 迟到")).turns
        assert late["id"] == failed[0]["id"] and late["state"] == "answered"
        assert await store.turns.restore(ids.parse(dead[0]["id"]))
        assert (await found(store, f"id == {dead[0]['id']} and state == dead")).turns


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_turn_that_changes_while_the_file_cannot_be_written_is_found_as_it_is_then(
    tmp_path: Path, restarted: bool
) -> None:
    path = tmp_path / "mindbot.db"
    async with opened(path) as store:
        await fill(store, 0, 40)
        await caught_up(store)
        failed = (await found(store, "state == failed")).turns[0]["id"]
        for db in store.finder._fill_open:  # as on a disk that is full for a moment
            await store.finder._run(store.finder._fill, db.execute, "PRAGMA query_only=ON")
        again = await store.turns.requeue(ids.parse(failed))
        assert again is not None
        again.state, again.finished = "answered", time.time()
        again.reply.say("at last 迟到的回答")
        await store.turns.finish(again, [])
        if not restarted:
            await _is_late(store, failed)
    if restarted:
        async with opened(path) as store:
            await _is_late(store, failed)


async def _is_late(store: SqliteStore, turn: str) -> None:
    await caught_up(store)
    assert turn in [each["id"] for each in (await found(store, "state == answered")).turns]
    assert [each["id"] for each in (await found(store, "reply =~ 迟到")).turns] == [turn]


async def test_the_next_process_goes_on_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mindbot.db"
    async with opened(path) as store:
        await fill(store, 0, 40)
        await caught_up(store)
    file = store.finder.path
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.stat().st_ino
    async with SqliteStore.open(path) as store:
        await fill(store, 40, 5)
        await store.finder.step()
        assert file.stat().st_ino == before and (await found(store, "user == u3")).looked < 15


async def test_a_file_that_is_not_this_databases_is_made_again(tmp_path: Path) -> None:
    path, older = tmp_path / "mindbot.db", tmp_path / "older.db"
    async with opened(path) as store:
        await fill(store, 0, 40)
        await caught_up(store)
        await store.backup(older)
        failed = (await found(store, "state == failed")).turns[0]
        assert await store.turns.requeue(ids.parse(failed["id"]))
        await caught_up(store)
    older.replace(path)  # as it was: there the turn has failed
    async with opened(path) as store:
        assert failed in (await found(store, "state == failed")).turns


@pytest.mark.parametrize("damage", [b"no database at all" * 500, b""])
async def test_a_damaged_file_is_made_again(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "mindbot.db"
    async with opened(path) as store:
        await fill(store, 0, 40)
        await caught_up(store)
    store.finder.path.write_bytes(damage)
    async with SqliteStore.open(path) as store:
        assert (await store.finder.try_step() is None) == bool(damage)
        await caught_up(store)
        assert (await found(store, "user == u3")).looked < 15


async def test_a_store_that_cannot_be_written_is_not_taken_for_one_that_can(tmp_path: Path) -> None:
    states: list[StoreError | None] = []
    async with SqliteStore.open(tmp_path / "mindbot.db", on_state=states.append) as store:
        await caught_up(store)
        await store.inbox.put(a_message("m1"))
        await store._database.write_pragma("PRAGMA max_page_count=1")
        with pytest.raises(StoreError):
            await store.inbox.put(a_message("m2", "x" * 200_000))
        await store.finder.try_step()
        assert states and None not in states
        await store._database.write_pragma("PRAGMA max_page_count=1000000")
        await store.inbox.put(a_message("m3"))
        assert states[-1] is None


async def test_what_the_store_forgets_is_forgotten(tmp_path: Path) -> None:
    async with opened(tmp_path / "mindbot.db") as store:
        await fill(store, 0, 40)
        await caught_up(store)
        while await store.purge(time.time() + 60):
            pass
        await store.finder.forget()
        with closing(sqlite3.connect(store.finder.path)) as db:
            lines = [turn for (turn,) in db.execute("SELECT turn FROM seen")]
            blocks = db.execute("SELECT count(*) FROM blocks").fetchone()[0]
        queries = await nothing_runs(store)
        assert {ids.show(each) for each in lines} == {t["id"] for t in await queries.list_turns(None, 99, "")}
        assert blocks == 0
