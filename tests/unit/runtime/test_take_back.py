"""Taking back what a turn sent: the newest first, what stays with its reason, noted on the deliveries."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from mindbot.config.load import load
from mindbot.domain import ids
from mindbot.domain.bot import Bot
from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.errors import Conflict, Invalid, NetworkFailed, NotFound, Rejected
from mindbot.domain.message import Json, Message, Part, text_part
from mindbot.domain.ports.platform import Platform, Receive, Report
from mindbot.runtime.app import Runtime
from mindbot.testing.stores.memory.store import MemoryPlaces
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio

MEMORY = MemoryPlaces().store


class Phone:
    """A bot that says a push part by part and shows what it said."""

    name, bot, idempotent = "phone", "default", True

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.refuses: set[str] = set()

    async def run(self, receive: Receive, report: Report) -> None:
        await anyio.sleep_forever()

    def plan(self, parts: Sequence[Part]) -> list[list[Part]]:
        return [[part] for part in parts]

    def address(self, user: str) -> Json:
        return {"to": user}

    async def send(self, delivery: Delivery) -> Sent:
        if delivery.text in self.refuses:
            raise Rejected("not this")
        self.shown.append(delivery.text)
        return Sent(f"id-{delivery.text}")


class Regretful(Phone):
    """One that takes back."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.stays: set[str] = set()
        self.lost = False

    async def take_back(self, delivery: Delivery) -> None:
        self.asked.append(delivery.sent_id)
        if delivery.text in self.stays:
            raise Rejected("sent more than a day ago")
        if self.lost and not delivery.maybe_gone:
            raise NetworkFailed("no answer", sent=True)
        self.shown.remove(delivery.text)


@asynccontextmanager
async def a_runtime(folder: Path, phone: Phone) -> AsyncIterator[Runtime]:
    with anyio.fail_after(PATIENCE):
        async with Runtime.open(load(environ={}), folder, store=MEMORY) as runtime:
            runtime.bots.use({("phone", "default"): (Bot.of(_platform(phone)), None)})
            yield runtime


def _platform(phone: Phone) -> Platform:
    return phone


async def said(runtime: Runtime, *texts: str) -> str:
    """Let the bot say something; returns the turn."""
    parts = tuple(text_part(text) for text in texts)
    key = f"push-{ids.new_id()}"
    message = Message("phone", "default", key, "phone:default:lin", "lin", "push", parts, {"to": "lin"})
    turn = ids.show((await runtime.receive(message)).turn)
    await runtime.resources.turns.wait_sent(turn, 10)
    return turn


async def test_the_newest_goes_first_and_what_stays_says_why(tmp_path: Path) -> None:
    phone = Regretful()
    phone.refuses, phone.stays = {"four"}, {"two"}
    async with a_runtime(tmp_path, phone) as runtime:
        turn = await said(runtime, "one", "two", "three", "four")
        before = time.time()
        found = await runtime.resources.turns.take_back(turn)
        assert phone.asked == ["id-three", "id-two", "id-one"]
        assert phone.shown == ["two"]
        assert found == [
            {"id": f"{turn}-3", "taken_back": False, "why": "it was not sent"},
            {"id": f"{turn}-2", "taken_back": True, "why": ""},
            {"id": f"{turn}-1", "taken_back": False, "why": "sent more than a day ago"},
            {"id": f"{turn}-0", "taken_back": True, "why": ""},
        ]
        notes = [d["notes"] for d in (await runtime.resources.turns.get_turn(turn))["deliveries"]]
        assert [before <= note["taken_back"] if note else None for note in notes] == [True, None, True, None]
        phone.stays.clear()
        assert [each["taken_back"] for each in await runtime.resources.turns.take_back(turn)] == [
            False,
            True,
            True,
            True,
        ]
        assert phone.asked[3:] == ["id-two"]  # the others were taken back already
        (bot,) = [each for each in runtime.resources.platforms.platforms() if each["platform"] == "phone"]
        assert "take-back" in bot["abilities"]


async def test_after_an_answer_that_was_lost_the_next_attempt_knows_of_it(tmp_path: Path) -> None:
    phone = Regretful()
    phone.lost = True
    async with a_runtime(tmp_path, phone) as runtime:
        turn = await said(runtime, "one")
        assert [each["taken_back"] for each in await runtime.resources.turns.take_back(turn)] == [False]
        assert [each["taken_back"] for each in await runtime.resources.turns.take_back(turn)] == [True]


async def test_what_cannot_be_taken_back_at_all_says_so(tmp_path: Path) -> None:
    phone = Regretful()
    async with a_runtime(tmp_path, phone) as runtime:
        phone.refuses = {"no"}
        with pytest.raises(Conflict, match="sent nothing"):
            await runtime.resources.turns.take_back(await said(runtime, "no"))
        with pytest.raises(NotFound):
            await runtime.resources.turns.take_back(ids.show(ids.new_id()))
    async with a_runtime(tmp_path, plain := Phone()) as runtime:
        turn = await said(runtime, "yes")
        with pytest.raises(Invalid, match="phone takes no message back"):
            await runtime.resources.turns.take_back(turn)
        assert plain.shown == ["yes"]
