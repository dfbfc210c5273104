"""A runtime with one bot and a runner of its own, for tests of the debugger."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio

from mindbot.config.load import load
from mindbot.deadlines import Within
from mindbot.domain.bot import Bot
from mindbot.domain.chat import Chunk, Chunks
from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.message import Json, Message, Part
from mindbot.domain.operators import Operator
from mindbot.domain.ports.platform import Platform, Receive, Report
from mindbot.domain.turn import Turn
from mindbot.runtime.app import Runtime
from mindbot.testing.stores.memory.store import MemoryPlaces
from mindbot.testing.waiting import PATIENCE, until

CLI = Operator("root")


class Phone:
    """A bot that keeps what it is told to send."""

    name, bot, idempotent = "phone", "default", True

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.answers_for = math.inf  # seconds from a message's receipt

    def answer_until(self, message: Message) -> float:
        return message.received + self.answers_for

    async def run(self, receive: Receive, report: Report) -> None:
        await anyio.sleep_forever()

    def plan(self, parts: Sequence[Part]) -> list[list[Part]]:
        return [[part] for part in parts]

    def address(self, user: str) -> Json:
        return {"to": user}

    async def send(self, delivery: Delivery) -> Sent:
        self.shown.append(delivery.text)
        return Sent("")


class Echo:
    """A runner that says what it is asked, in one step inside of `run`; ``asked`` are the prompts."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.error: Exception | None = None
        self.within = PATIENCE

    async def run(self, turn: Turn) -> Chunks:
        with Within(self.within):
            await self._ask(turn)
        yield Chunk(f"you said {turn.prompt[-1].content}", finish="stop")

    async def _ask(self, turn: Turn) -> None:
        async with turn.span("model", "echo"):
            said = turn.prompt[-1].content
            self.asked.append(said)
            if self.error is not None:
                raise self.error


class House:
    """What a test has at hand."""

    def __init__(self, runtime: Runtime, phone: Phone, echo: Echo) -> None:
        self.runtime = runtime
        self.phone = phone
        self.echo = echo
        self.debugger = runtime.resources.debugger

    async def say(self, text: str, user: str = "lin") -> str:
        """Let a user write; returns the turn's id."""
        return await self.runtime.resources.turns.inject(text=text, platform="phone", user=user)

    async def stop(self, **said: Any) -> str:
        """Set a breakpoint of the command line's; returns its id."""
        return (await self.debugger.set_breakpoint(said, by=CLI))["id"]

    async def parked(self, turn: str, *place: str) -> Json:
        """Wait until a turn is parked, at a place (``before``, ``run``) where one is named."""

        def there() -> Json | None:
            found = (p for p in self.debugger.list_parked() if p["turn"] == turn)
            return next((dict(p) for p in found if not place or (p["on"], p["name"]) == place), None)

        await until(there)
        found = there()
        assert found is not None
        return found

    async def act(self, turn: str, action: Any, **more: Any) -> None:
        """Do something with a parked turn, as the command line does."""
        await self.debugger.act(turn, action, by=CLI, **more)

    async def edit(self, turn: str, path: str, value: Any, revision: int | None = None) -> Json:
        """Put a value at a path; returns the scopes."""
        return dict(await self.debugger.edit(turn, path, value, revision=revision, by=CLI))

    async def ended(self, turn: str) -> Json:
        """Wait for a turn's end; returns all that is known of it."""
        found = await self.runtime.resources.turns.wait_sent(turn, PATIENCE)
        return dict(found)


@asynccontextmanager
async def a_house(folder: Path, store: Any = None, running: int = 1000, **debug: Any) -> AsyncIterator[House]:
    """Open one, in which so many turns run at once; ``debug`` are settings of that section."""
    environ = {f"MINDBOT__DEBUG__{name.upper()}": str(value) for name, value in debug.items()}
    environ["MINDBOT__DISPATCHER__MAX_RUNNING"] = str(running)
    phone, echo = Phone(), Echo()
    # No deadline stands around it: the gate would see that too.
    async with Runtime.open(load(environ=environ), folder, store=store or MemoryPlaces().store) as runtime:
        runtime.bots.use({("phone", "default"): (Bot.of(_platform(phone)), None)})
        runtime.generation.runners["chat"] = echo
        yield House(runtime, phone, echo)


def _platform(phone: Phone) -> Platform:
    return phone
