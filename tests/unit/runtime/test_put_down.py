"""What waits in a long queue is on disk alone, and is said as it came when its time comes."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from mindbot.config.load import load
from mindbot.domain import ids
from mindbot.domain.bot import Bot
from mindbot.domain.chat import Chunk
from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.message import Message, Part, text_part
from mindbot.domain.ports.platform import Receive, Report
from mindbot.domain.turn import Turn
from mindbot.runtime.app import Runtime
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio


class Phone:
    """A bot that keeps what it is told to send."""

    name, bot, idempotent = "phone", "default", True

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def run(self, receive: Receive, report: Report) -> None:
        await anyio.sleep_forever()

    def plan(self, parts: Sequence[Part]) -> list[list[Part]]:
        return [[part] for part in parts]

    def address(self, user: str) -> dict[str, str]:
        return {"to": user}

    async def send(self, delivery: Delivery) -> Sent:
        self.seen.append(delivery.text)
        return Sent()

    async def has(self, count: int) -> list[str]:
        while len(self.seen) < count:
            await anyio.sleep(0.001)
        return self.seen


class Joins(Phone):
    """One whose replies are scarce."""

    def merge(self, messages: Sequence[Message]) -> Message:
        return replace(messages[0], parts=(text_part(" + ".join(m.text for m in messages)),))


class Gate:
    """A runner that repeats what it is asked, once it may."""

    def __init__(self) -> None:
        self.open = anyio.Event()
        self.raw: list[str] = []

    async def run(self, turn: Turn) -> AsyncGenerator[Chunk, None]:
        self.raw.append(turn.message.raw)
        await self.open.wait()
        yield Chunk(f"you said {turn.message.text}", finish="stop")


def a_message(n: int, user: str) -> Message:
    text = f"wörds {n}"
    return Message(
        "phone", "default", f"m{n}", f"phone:default:{user}", user, "text", (text_part(text),), {},
        raw=f"<{text}>", received=time.time(),
    )  # fmt: skip


@asynccontextmanager
async def a_runtime(folder: Path, phone: Phone, held: int) -> AsyncIterator[tuple[Runtime, Gate]]:
    gate = Gate()
    loaded = load(environ={}, overrides={"dispatcher": {"max_running": 1}})
    with anyio.fail_after(PATIENCE):
        async with Runtime.open(loaded, folder) as runtime:
            runtime.outbox.serve(Bot.of(phone))
            runtime.generation.runners["chat"] = gate
            runtime.dispatcher.most_held = held
            yield runtime, gate


async def taken_in(runtime: Runtime, gate: Gate, users: Sequence[str]) -> list[int]:
    """A message of each of `users`, the first being answered when the others come: their turns."""
    turns = []
    for n, user in enumerate(users):
        turns.append((await runtime.receive(a_message(n, user))).turn)
        while not gate.raw:
            await anyio.lowlevel.checkpoint()
    return turns


async def ended(runtime: Runtime, turns: Sequence[int]) -> list[dict[str, Any]]:
    return [await runtime.resources.turns.wait_turn(ids.show(turn), PATIENCE) for turn in turns]


async def test_messages_past_the_bound_are_read_again_when_their_turns_come(tmp_path: Path) -> None:
    phone = Phone()
    async with a_runtime(tmp_path, phone, held=30) as (runtime, gate):
        turns = await taken_in(runtime, gate, [f"u{n}" for n in range(6)])
        waiting = [runtime.dispatcher.live(f"phone:default:u{n}", turns[n]) for n in range(1, 6)]
        assert [t.on_disk for t in waiting if t is not None] == [False, True, True, True, True]
        assert 0 < runtime.dispatcher.held <= 30
        gate.open.set()
        assert {t["state"] for t in await ended(runtime, turns)} == {"answered"}
        assert sorted(await phone.has(6)) == [f"you said wörds {n}" for n in range(6)]
        assert gate.raw == [f"<wörds {n}>" for n in range(6)], "as it came"
        assert runtime.dispatcher.held == 0


def damage(runtime: Runtime, turn: int) -> None:
    with closing(sqlite3.connect(runtime.store.place)) as db, db:
        db.execute("UPDATE turns SET message = '{' WHERE id = ?", (turn,))


async def test_those_that_are_answered_together_are_read_again_as_well(tmp_path: Path) -> None:
    phone = Joins()
    async with a_runtime(tmp_path, phone, held=0) as (runtime, gate):
        turns = await taken_in(runtime, gate, ["lin"] * 4)
        gate.open.set()
        assert {t["state"] for t in await ended(runtime, turns)} == {"answered"}
        assert "you said wörds 1 + wörds 2 + wörds 3" in (await phone.has(2))[1]
        assert runtime.dispatcher.held == 0


async def test_one_of_them_whose_row_was_damaged_meanwhile_costs_no_other(tmp_path: Path) -> None:
    phone = Joins()
    async with a_runtime(tmp_path, phone, held=0) as (runtime, gate):
        turns = await taken_in(runtime, gate, ["lin"] * 4)
        damage(runtime, turns[2])
        gate.open.set()
        states = {t["id"]: t["state"] for t in await ended(runtime, turns)}
        assert [states[ids.show(turn)] for turn in turns] == ["answered", "answered", "dead", "answered"]
        assert "you said wörds 1 + wörds 3" in (await phone.has(2))[1]


async def test_a_list_shows_what_a_waiting_turn_says_that_put_it_down(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, Joins(), held=0) as (runtime, gate):
        turns = await taken_in(runtime, gate, ["lin"] * 3)
        listed = await runtime.resources.turns.list_turns(filter='text =~ "rds 2"')
        assert [t["id"] for t in listed] == [ids.show(turns[2])]
        gate.open.set()
        await ended(runtime, turns)


async def test_one_whose_row_was_damaged_meanwhile_is_given_up_and_the_next_goes_on(tmp_path: Path) -> None:
    phone = Phone()
    async with a_runtime(tmp_path, phone, held=0) as (runtime, gate):
        turns = await taken_in(runtime, gate, [f"u{n}" for n in range(3)])
        damage(runtime, turns[1])
        gate.open.set()
        await ended(runtime, [turns[0], turns[2]])
        notice = runtime.loaded.config.dispatcher.failure_notice
        assert set(await phone.has(3)) == {"you said wörds 0", notice, "you said wörds 2"}


async def test_a_start_reads_a_long_queue_page_by_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = Phone()
    async with a_runtime(tmp_path, phone, held=0) as (runtime, _):
        assert await runtime.drain(PATIENCE)
        turns = [(await runtime.receive(a_message(n, f"u{n}"))).turn for n in range(7)]
    monkeypatch.setattr("mindbot.runtime.intake.PAGE", 2)
    async with a_runtime(tmp_path, phone, held=0) as (runtime, gate):
        gate.open.set()
        assert runtime.stats.recovered == 7
        assert {t["state"] for t in await ended(runtime, turns)} == {"answered"}
