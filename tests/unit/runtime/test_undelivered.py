"""An answer that the platform does not take: its turn says so, at once, later, and after a restart."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
import structlog

from mindbot.bus import Observer
from mindbot.config.load import load
from mindbot.domain import ids
from mindbot.domain.bot import Bot
from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.errors import Rejected
from mindbot.domain.events import Event
from mindbot.domain.message import Json, Message, Part, text_part
from mindbot.domain.ports.platform import Platform, Receive, Report
from mindbot.runtime.app import Runtime
from mindbot.testing.stores.memory.store import MemoryPlaces
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio

WHY = "refused: 40004 invalid session"


class Wall:
    """A bot whose users are out of reach while ``refuses`` says so."""

    name, bot, idempotent = "wall", "default", True

    def __init__(self) -> None:
        self.refuses = True

    async def run(self, receive: Receive, report: Report) -> None:
        await anyio.sleep_forever()

    def plan(self, parts: Sequence[Part]) -> list[list[Part]]:
        return [[part] for part in parts]

    def address(self, user: str) -> Json:
        return {"to": user}

    async def send(self, delivery: Delivery) -> Sent:
        if self.refuses:
            raise Rejected(WHY)
        return Sent(f"id-{delivery.text}")


@asynccontextmanager
async def a_runtime(folder: Path, wall: Wall, places: MemoryPlaces) -> AsyncIterator[Runtime]:
    with anyio.fail_after(PATIENCE):
        async with Runtime.open(load(environ={}), folder, store=places.store) as runtime:
            runtime.bots.use({("wall", "default"): (Bot.of(_platform(wall)), None)})
            yield runtime


def _platform(wall: Wall) -> Platform:
    return wall


async def said(runtime: Runtime, text: str) -> str:
    """Let the bot say something; returns the turn when nothing of it waits any more."""
    key = f"push-{ids.new_id()}"
    message = Message("wall", "default", key, "wall:default:lin", "lin", "push", (text_part(text),), {})
    turn = ids.show((await runtime.receive(message)).turn)
    await runtime.resources.turns.wait_sent(turn, 10)
    return turn


async def told(observer: Observer, word: str) -> dict[str, Any]:
    """Return the next record that says this of its answer."""
    found: list[Event] = []
    while True:
        events, _ = await observer.batch()
        found += [event for event in events if event.topic == "turn" and event.data.get("delivery") == word]
        if found:
            return dict(found[-1].data)


async def test_a_turn_is_told_again_when_its_answer_is_given_up_retried_and_sent(tmp_path: Path) -> None:
    wall, places = Wall(), MemoryPlaces()
    async with a_runtime(tmp_path, wall, places) as runtime:
        with structlog.testing.capture_logs() as logs, runtime.bus.observe({"turn"}) as observer:
            turn = await said(runtime, "hello")
            record = await told(observer, "undelivered")
            assert (record["id"], record["state"], record["text"]) == (turn, "answered", "hello")
            assert record["undelivered"] and record["delivery_error"] == WHY
            (line,) = [each for each in logs if each["event"] == "delivery given up"]
            assert (line["platform"], line["bot"], line["turn"]) == ("wall", "default", turn)
            assert (line["log_level"], line["error"]) == ("warning", WHY)

            wall.refuses = False
            await runtime.resources.dead_letters.retry_dead_letter(f"{turn}-0")
            assert not (await told(observer, "sent"))["undelivered"]
            (listed,) = await runtime.resources.turns.list_turns(filter='delivery == "sent"')
            assert listed["id"] == turn and listed["delivery_error"] == ""


async def test_what_was_given_up_is_still_undelivered_after_a_restart_until_it_is_discarded(
    tmp_path: Path,
) -> None:
    wall, places = Wall(), MemoryPlaces()
    async with a_runtime(tmp_path, wall, places) as runtime:
        turn = await said(runtime, "hello")
    async with a_runtime(tmp_path, wall, places) as runtime:
        (listed,) = await runtime.resources.turns.list_turns(filter="undelivered")
        assert listed["id"] == turn and listed["delivery_error"] == WHY
        with runtime.bus.observe({"turn"}) as observer:
            await runtime.resources.dead_letters.discard_dead_letter(f"{turn}-0")
            assert not (await told(observer, "discarded"))["undelivered"]
        assert await runtime.resources.turns.list_turns(filter="undelivered") == []


async def test_what_was_given_up_is_shown_and_settled_also_when_its_turn_is_deleted(tmp_path: Path) -> None:
    wall, places = Wall(), MemoryPlaces()
    async with a_runtime(tmp_path, wall, places) as runtime:
        letter = f"{await said(runtime, 'hello')}-0"
        while await runtime.store.purge(time.time() + 60):
            pass
        letters = runtime.resources.dead_letters
        assert (await letters.get_dead_letter(letter))["error"] == WHY
        await letters.discard_dead_letter(letter)
        await letters.restore_dead_letter(letter)
        wall.refuses = False
        await letters.retry_dead_letter(letter)
        while runtime.outbox.waiting:
            await anyio.sleep(0.01)
        assert runtime.outbox.sent == 1 and await letters.list_dead_letters() == []


async def test_a_failure_that_the_platform_tells_later_makes_the_answer_undelivered(tmp_path: Path) -> None:
    wall, places = Wall(), MemoryPlaces()
    wall.refuses = False
    async with a_runtime(tmp_path, wall, places) as runtime:
        turn = await said(runtime, "hello")
        assert (await runtime.resources.turns.get_turn(turn))["delivery"] == "sent"
        with structlog.testing.capture_logs() as logs, runtime.bus.observe({"turn"}) as observer:
            for _ in range(2):  # a platform may tell it again
                await runtime.later.told(f"{turn}-0", {"failed": "the customer refuses messages"})
            record = await told(observer, "undelivered")
        assert record["delivery_error"] == "the customer refuses messages"
        assert [each["turn"] for each in logs if each["event"] == "delivery given up"] == [turn]
        (letter,) = await runtime.resources.dead_letters.list_dead_letters()
        before = (await runtime.resources.turns.get_turn(turn))["deliveries"][0]["created"]
        await runtime.resources.dead_letters.retry_dead_letter(letter["id"])
        (again,) = (await runtime.resources.turns.wait_sent(turn, 10))["deliveries"]
        assert again["state"] == "sent" and "failed" not in again["notes"]
        assert again["created"] > before, "another message, for platforms that know one by its id"
