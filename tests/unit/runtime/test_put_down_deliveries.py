"""What waits to be said is in memory up to a bound, and is said in order and once all the same."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import anyio
import pytest

from mindbot.domain import ids
from mindbot.domain.bot import Bot
from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.errors import Overloaded, StoreBusy
from mindbot.domain.message import Part, text_part
from mindbot.domain.ports.platform import Receive, Report
from mindbot.runtime.in_hand import resume
from mindbot.runtime.outbox import Outbox
from mindbot.runtime.patience import Policy
from mindbot.store.sqlite import SqliteStore
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio

HELD = 2_000  # characters


class Phone:
    """A platform that is down, until it is up."""

    name, bot, idempotent = "phone", "default", True

    def __init__(self) -> None:
        self.up = False
        self.tried = 0
        self.said: dict[str, list[str]] = {}

    async def run(self, receive: Receive, report: Report) -> None: ...

    def plan(self, parts: Sequence[Part]) -> list[list[Part]]:
        return [[part] for part in parts]

    def address(self, user: str) -> dict[str, str]:
        return {"to": user}

    async def send(self, delivery: Delivery) -> Sent:
        self.tried += 1
        await anyio.lowlevel.checkpoint()
        if not self.up:
            raise Overloaded("down")
        self.said.setdefault(delivery.session, []).append(delivery.text)
        return Sent()


def a_delivery(text: str, session: str, n: int = 0, turn: int = 0) -> Delivery:
    parts = [text_part(text)]
    return Delivery(turn or ids.new_id(), n, "phone", "default", session, {}, parts, created=time.time())


@asynccontextmanager
async def an_outbox(store: SqliteStore, phone: Phone | None, held: int) -> AsyncIterator[Outbox]:
    policy = Policy(max_attempts=10_000, min_backoff=0.01, max_backoff=0.05)
    outbox = Outbox(
        store.outbox.mark,
        lambda event: None,
        lambda topic: False,
        policy,
        read=store.outbox.delivery,
        held=held,
    )
    if phone is not None:
        outbox.serve(Bot.of(phone))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(outbox.run)
        await anyio.lowlevel.checkpoint()
        with anyio.fail_after(PATIENCE):
            yield outbox
        tasks.cancel_scope.cancel()


async def until_said(outbox: Outbox) -> None:
    while outbox.waiting:
        await anyio.sleep(0.005)


def damage(store: SqliteStore, delivery: Delivery) -> None:
    with closing(sqlite3.connect(store.place)) as db, db:
        db.execute("UPDATE outbox SET parts = '{' WHERE turn = ? AND n = ?", (delivery.turn, delivery.n))


def in_memory(deliveries: Sequence[Delivery]) -> int:
    return sum(len(each.text) for each in deliveries)


@pytest.mark.slow
async def test_a_thousand_for_a_platform_that_is_down_are_said_when_it_is_up(tmp_path: Path) -> None:
    phone = Phone()
    sessions = [f"s{n}" for n in range(100)]
    texts = [f"{n}: {'wörds ' * 20}" for n in range(10)]
    waiting = [a_delivery(text, session) for text in texts for session in sessions]
    total = in_memory(waiting)
    async with SqliteStore.open(tmp_path / "mindbot.db") as store:
        await store.outbox.enqueue(waiting)
        async with an_outbox(store, phone, HELD) as outbox:
            outbox.submit(waiting)
            most = 0
            while phone.tried < 300:
                most = max(most, in_memory(waiting))
                assert outbox.in_hand.characters <= HELD
                await anyio.sleep(0.001)
            on_the_wire = Policy().concurrency * len(texts[0])
            assert 0 < most <= HELD + on_the_wire < total / 10
            lost = waiting[5 * len(sessions) + 7]
            assert lost.on_disk and outbox.waiting_in(("phone", "default", "s7"))[5] == lost.id
            damage(store, lost)
            phone.up = True
            await until_said(outbox)
            assert outbox.in_hand.characters == 0
    assert phone.said.pop("s7") == [*texts[:5], *texts[6:]]
    assert phone.said == dict.fromkeys((s for s in sessions if s != "s7"), texts)
    assert lost.state == "dead" and lost.error.startswith("unreadable: ")


async def test_what_goes_out_at_once_is_not_read_again(tmp_path: Path) -> None:
    phone = Phone()
    phone.up = True
    async with SqliteStore.open(tmp_path / "mindbot.db") as store, an_outbox(store, phone, 0) as outbox:
        delivery = a_delivery("now", "s")
        outbox.first_state(delivery)
        outbox.submit([delivery])  # no row of it is there to be read
        await until_said(outbox)
        assert phone.said == {"s": ["now"]} and outbox.in_hand.characters == 0


async def test_a_store_that_cannot_be_read_is_waited_for(tmp_path: Path) -> None:
    phone, failures = Phone(), [StoreBusy("busy")]
    phone.up = True
    async with SqliteStore.open(tmp_path / "mindbot.db") as store, an_outbox(store, phone, 0) as outbox:
        read = store.outbox.delivery

        async def busy(turn: int, n: int) -> Delivery | None:
            if failures:
                raise failures.pop()
            return await read(turn, n)

        outbox.in_hand.read = busy
        delivery = a_delivery("later", "s")
        await store.outbox.enqueue([delivery])
        outbox.submit([delivery])
        await until_said(outbox)
        assert phone.said == {"s": ["later"]} and not failures


async def test_what_is_put_down_for_a_bot_that_is_gone_is_given_up(tmp_path: Path) -> None:
    async with SqliteStore.open(tmp_path / "mindbot.db") as store, an_outbox(store, None, 3) as outbox:
        waiting = [a_delivery("one", "s"), a_delivery("two", "s")]
        await store.outbox.enqueue(waiting)
        outbox.submit(waiting)
        assert [each.on_disk for each in waiting] == [False, True]
        await until_said(outbox)
        assert {each.state for each in waiting} == {"dead"} and outbox.in_hand.characters == 0
        found = [await store.outbox.delivery(each.turn, each.n) for each in waiting]
        assert [each.text for each in found if each is not None] == ["one", "two"], "they can be sent again"


async def test_a_start_takes_them_over_page_by_page_whatever_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mindbot.runtime.in_hand.PAGE", 2)
    phone = Phone()
    phone.up = True
    async with SqliteStore.open(tmp_path / "mindbot.db") as store, an_outbox(store, phone, 3) as outbox:
        waiting = [a_delivery(f"{n}", "s") for n in range(7)]
        await store.outbox.enqueue(waiting)
        for each in waiting[2:4]:  # a page of them
            damage(store, each)
        await resume(store.outbox, outbox.submit)
        await until_said(outbox)
        assert phone.said == {"s": ["0", "1", "4", "5", "6"]} and outbox.in_hand.characters == 0
