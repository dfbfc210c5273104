"""A dry run: answered as the user's message would be; nobody gets it, and nothing of it is remembered."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from mindbot.config.load import load
from mindbot.domain import ids
from mindbot.domain.bot import Bot
from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.message import Json, Message, Part, text_part
from mindbot.domain.ports.platform import Platform, Receive, Report
from mindbot.runtime.app import Runtime
from mindbot.testing.stores.memory.store import MemoryPlaces
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio

SESSION = "phone:default:lin"


class Phone:
    """A bot that shows what it is told to, also while an answer grows."""

    name, bot, idempotent, pace = "phone", "default", True, 0.0

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.grown: list[str] = []

    async def run(self, receive: Receive, report: Report) -> None:
        await anyio.sleep_forever()

    def plan(self, parts: Sequence[Part]) -> list[list[Part]]:
        return [[part] for part in parts]

    def address(self, user: str) -> Json:
        return {"to": user}

    def can_stream(self, message: Message) -> bool:
        return True

    async def stream(self, delivery: Delivery, text: str) -> None:
        self.grown.append(text)

    async def send(self, delivery: Delivery) -> Sent:
        self.shown.append(delivery.text)
        return Sent("")


@asynccontextmanager
async def a_runtime(folder: Path, phone: Phone, places: MemoryPlaces) -> AsyncIterator[Runtime]:
    with anyio.fail_after(PATIENCE):
        async with Runtime.open(load(environ={}), folder, store=places.store) as runtime:
            runtime.bots.use({("phone", "default"): (Bot.of(_platform(phone)), None)})
            yield runtime


def _platform(phone: Phone) -> Platform:
    return phone


async def asked(runtime: Runtime, text: str, **more: Any) -> Any:
    turn = await runtime.resources.turns.inject(text=text, platform="phone", user="lin", **more)
    return await runtime.resources.turns.wait_sent(turn, PATIENCE)


async def test_nobody_gets_it_and_the_users_conversation_goes_on_without_it(tmp_path: Path) -> None:
    phone = Phone()
    async with a_runtime(tmp_path, phone, MemoryPlaces()) as runtime:
        await asked(runtime, "my name is Lin")
        shown, grown = list(phone.shown), list(phone.grown)
        tried = await asked(runtime, "and now a joke", dry_run=True, stream=True)
        assert (tried["state"], tried["dry_run"], tried["origin"]) == ("answered", True, "test")
        assert tried["reply"] and tried["deliveries"] == [] and tried["delivery"] == ""
        assert (phone.shown, phone.grown) == (shown, grown) and shown
        assert any("my name is Lin" in str(span.get("data")) for span in tried["spans"]), "it knows the past"
        assert tried["session"] != SESSION and tried["user"] == "lin"
        past = await runtime.store.history.last(SESSION, ids.new_id(), 9)
        assert [line.content for line in past if line.role == "user"] == ["my name is Lin"]
        listed = await runtime.resources.turns.list_turns(filter="dry_run")
        assert [line["id"] for line in listed] == [tried["id"]]


async def test_one_that_a_crash_interrupted_is_still_dry_afterwards(tmp_path: Path) -> None:
    phone, places = Phone(), MemoryPlaces()
    now = time.time()
    message = Message(
        "phone", "default", "test-1", "dry-run:1", "lin", "text", (text_part("hello"),), {"to": "lin"}
    )
    message = replace(message, received=now, origin="test", tried_for=SESSION)
    async with a_runtime(tmp_path, phone, places) as runtime:
        await runtime.drain(1)
        turn = ids.show((await runtime.receive(message)).turn)  # on disk, and not begun
    async with a_runtime(tmp_path, phone, places) as runtime:
        found = await runtime.resources.turns.wait_sent(turn, PATIENCE)
        assert (found["state"], found["deliveries"], phone.shown) == ("answered", [], [])
