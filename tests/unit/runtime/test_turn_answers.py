"""How far a turn is can be asked, also after a restart; a stream can end with more than text."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import anyio
import pytest

from mindbot.config.load import load
from mindbot.domain import ids
from mindbot.domain.bot import Bot
from mindbot.domain.chat import Chunk
from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.host import TurnAnswer
from mindbot.domain.message import Json, Message, Part, text_part
from mindbot.domain.ports.platform import Receive, Report
from mindbot.domain.turn import Turn
from mindbot.runtime.app import MakeStore, Runtime
from mindbot.store import sqlite
from mindbot.testing.stores.memory.store import MemoryPlaces
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio

MEMORY = MemoryPlaces().store


class Whole:
    """A bot whose streams end with pictures as well; `send` waits until it may."""

    name, bot, idempotent, pace = "whole", "default", True, 0.0
    ends_whole: Literal[True] = True

    def __init__(self) -> None:
        self.sent: list[Delivery] = []
        self.may = anyio.Event()

    async def run(self, receive: Receive, report: Report) -> None:
        await anyio.sleep_forever()

    def plan(self, parts: Sequence[Part]) -> list[list[Part]]:
        """Everything in one message, but what is long."""
        long = [part for part in parts if len(part.text) > 20]
        rest = [part for part in parts if part not in long]
        return [message for message in (rest, long) if message]

    def address(self, user: str) -> Json:
        return {}

    def can_stream(self, message: Message) -> bool:
        return True

    async def stream(self, delivery: Delivery, text: str) -> None:
        return None

    async def send(self, delivery: Delivery) -> Sent:
        await self.may.wait()
        self.sent.append(delivery)
        return Sent("id", {"way": "whole"})


class Runner:
    def __init__(self) -> None:
        self.go = anyio.Event()
        self.more: list[Part] = []

    async def run(self, turn: Turn) -> AsyncGenerator[Chunk, None]:
        yield Chunk("hello")
        await self.go.wait()
        turn.reply.parts.extend(self.more)
        yield Chunk("", finish="stop")


def a_message(kind: str = "text", key: str = "m1") -> Message:
    now = time.time()
    return Message("whole", "default", key, "s", "li", kind, (text_part("hi"),), {}, received=now)


@asynccontextmanager
async def a_runtime(
    folder: Path, bot: Whole, runner: Any, store: MakeStore = MEMORY
) -> AsyncIterator[Runtime]:
    with anyio.fail_after(PATIENCE):
        async with Runtime.open(load(environ={}), folder, store=store) as runtime:
            runtime.generation.runners["chat"] = runner
            runtime.outbox.serve(Bot.of(bot))
            yield runtime


async def test_a_turn_is_asked_for_while_it_runs_when_it_ended_and_after_a_restart(tmp_path: Path) -> None:
    bot, runner = Whole(), Runner()
    async with a_runtime(tmp_path, bot, runner, sqlite.configured) as runtime:
        answer = runtime.host("whole", "default").answer
        turn = ids.show((await runtime.receive(a_message())).turn)
        assert await answer(turn) == TurnAnswer(done=False)
        runner.go.set()
        await runtime.resources.turns.wait_turn(turn, PATIENCE)
        found = await answer(turn)
        assert found is not None and found.done
        (delivery,) = found.deliveries
        assert (delivery.text, delivery.kind, delivery.id) == ("hello", "stream", f"{turn}-0")
        assert await answer("nonsense") is None and await answer(ids.show(7)) is None
        bot.may.set()
        await runtime.outbox.drained()
    async with a_runtime(tmp_path, bot, runner, sqlite.configured) as runtime:
        found = await runtime.host("whole", "default").answer(turn)
        assert found is not None and found.done
        (delivery,) = found.deliveries
        assert (delivery.state, delivery.notes.more["way"]) == ("sent", "whole")


async def test_an_answer_is_told_that_another_one_of_its_session_goes_first(tmp_path: Path) -> None:
    bot, runner = Whole(), Runner()
    runner.go.set()
    async with a_runtime(tmp_path, bot, runner) as runtime:
        turns = [ids.show((await runtime.receive(a_message(key=key))).turn) for key in ("m1", "m2")]
        for turn in turns:
            await runtime.resources.turns.wait_turn(turn, PATIENCE)
        found = [await runtime.later.answer(turn) for turn in turns]
        assert [(a.done, a.overtakes) for a in found if a] == [(True, False), (True, True)]
        bot.may.set()
        await runtime.outbox.drained()
        found = [await runtime.later.answer(turn) for turn in turns]
        assert [(a.done, a.overtakes) for a in found if a] == [(True, False), (True, False)]


async def test_a_turn_without_a_reply_has_ended_with_nothing(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, Whole(), Runner()) as runtime:
        turn = ids.show((await runtime.receive(a_message("event"))).turn)
        await runtime.resources.turns.wait_turn(turn, PATIENCE)
        assert await runtime.later.answer(turn) == TurnAnswer(done=True)


async def test_a_stream_ends_with_the_whole_first_message_and_the_rest_follows(tmp_path: Path) -> None:
    bot, runner = Whole(), Runner()
    runner.more = [Part("image", "[cat]", {"media": "m"}), text_part("x" * 30)]
    bot.may.set()
    runner.go.set()
    async with a_runtime(tmp_path, bot, runner) as runtime:
        turn = ids.show((await runtime.receive(a_message())).turn)
        await runtime.resources.turns.wait_turn(turn, PATIENCE)
        await runtime.outbox.drained()
    first, second = bot.sent
    assert (first.kind, sorted(part.kind for part in first.parts)) == ("stream", ["image", "text"])
    assert (second.kind, second.n, second.text) == ("message", 1, "x" * 30)
