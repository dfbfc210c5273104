"""A simulated WeCom Customer Service and a bot that serves it over real sockets."""

from __future__ import annotations

import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio

from mindbot.domain.delivery import Delivery
from mindbot.domain.message import Json, Message, Part
from mindbot.http.client import HttpClient
from mindbot.platforms.wecomcs.adapter import WeComCsPlatform
from mindbot.platforms.wecomcs.settings import WeComCsSettings
from mindbot.sim.testing import simulated
from mindbot.sim.wecomcs.server import WeComCsSimulator
from mindbot.testing.platforms import Desk, HealthReports, Inbox, MemoryKeep, a_host, served
from mindbot.testing.waiting import PATIENCE, until

ACCOUNT = "wkSIM1"


class Clock:
    """The time of day; moved ahead by adding to ``ahead`` (seconds)."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@dataclass
class Here:
    bot: WeComCsPlatform
    sim: WeComCsSimulator
    inbox: Inbox
    health: HealthReports
    desk: Desk
    keep: MemoryKeep
    clock: Clock

    def shown(self, customer: str = "wm1") -> list[str]:
        return [message.text for message in self.sim.inbox(customer)]

    def texts(self) -> list[str]:
        return [message.text for message in self.inbox.messages]

    async def event(self, type: str) -> Message:
        """Ring, and return the event of that type once it is in the inbox."""
        await self.sim.ring()
        return await self.got(lambda m: m.parts[0].data.get("event_type") == type)

    async def got(self, wanted: Callable[[Message], bool]) -> Message:
        """Return the newest message that is so, once it is in the inbox."""
        await until(lambda: any(map(wanted, self.inbox.messages)))
        return next(m for m in reversed(self.inbox.messages) if wanted(m))

    def budget(self, customer: str = "wm1") -> Any:
        return self.keep.values[f"talk:{ACCOUNT}:{customer}"]

    async def asked(self, text: str = "hello", customer: str = "wm1") -> Message:
        """Let a customer write; returns the message once it is in the inbox."""
        await self.sim.push_text(customer, text)
        await until(lambda: text in self.texts())
        return next(m for m in reversed(self.inbox.messages) if m.text == text)

    def talk(self, customer: str = "wm1") -> Any:
        return self.sim.desk.talk(ACCOUNT, customer)


@asynccontextmanager
async def connected(
    *,
    fault: str | list[str] = (),
    run: bool = True,
    sim: Json | None = None,
    backoff: float = 0.05,
    since: float = 0.0,
    **changed: Any,
) -> AsyncIterator[Here]:
    """A strict simulator and a bot of it; ``sim`` are the simulator's settings, ``changed`` the bot's.

    What was said before ``since`` (Unix seconds) is not answered.
    """
    inbox, health, desk, clock = Inbox(), HealthReports(), Desk(), Clock()
    more: Json = {"now": clock, **(sim or {})}
    async with simulated("wecomcs", strict=True, fault=fault, **more) as far, HttpClient() as http:
        section = {k: v for k, v in far.details().items() if k != "base_url"}
        section["timestamp_window"] = 1e9  # what is signed is signed with the real clock
        with tempfile.TemporaryDirectory() as folder:
            host = replace(a_host(http, inbox, Path(folder), desk=desk), since=lambda: since)
            bot = WeComCsPlatform(
                WeComCsSettings(**section | changed), "shop", host, clock=clock, backoff=backoff
            )
            assert isinstance(host.keep, MemoryKeep)
            here = Here(bot, far, inbox, health, desk, host.keep, clock)
            async with served(bot, inbox.receive) as url, anyio.create_task_group() as tasks:
                far.callback_url = url
                if run:
                    tasks.start_soon(bot.run, inbox.receive, health.report)
                    with anyio.fail_after(PATIENCE):
                        await health.until("ok")
                yield here
                tasks.cancel_scope.cancel()


def a_delivery(to: Json, *parts: Part | str, n: int = 0, **more: Any) -> Delivery:
    made = [Part("text", part) if isinstance(part, str) else part for part in parts]
    return Delivery(turn=1 << 40, n=n, platform="wecomcs", bot="shop", session="s", to=to, parts=made, **more)
