"""A simulated WeCom and a bot of its application, over real sockets in both directions."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio

from mindbot.domain.delivery import Delivery
from mindbot.domain.host import File, Host
from mindbot.domain.message import Json, Message, Part
from mindbot.http.client import HttpClient
from mindbot.platforms.wecom.adapter import WeComPlatform
from mindbot.platforms.wecom.settings import WeComSettings
from mindbot.sim.testing import simulated
from mindbot.sim.wecom.server import WeComSimulator
from mindbot.testing.platforms import HealthReports, Inbox, MemoryKeep, a_host, served
from mindbot.testing.waiting import PATIENCE

PNG = b"\x89PNG\r\n\x1a\n" + b"picture" * 5
JPEG = b"\xff\xd8\xff\xe0" + b"picture" * 5
MP4 = b"\x00\x00\x00\x18ftypmp42" + b"film" * 9
AMR = b"#!AMR\n" + (b"\x3c" + b"\x00" * 31) * 50  # one second


class Clock:
    """Time that a test moves, for both sides; it begins now, as signatures carry the real time."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@dataclass
class Here:
    bot: WeComPlatform
    sim: WeComSimulator
    inbox: Inbox
    health: HealthReports
    host: Host

    @property
    def keep(self) -> MemoryKeep:
        assert isinstance(self.host.keep, MemoryKeep)
        return self.host.keep

    @property
    def last(self) -> Message:
        return self.inbox.messages[-1]

    def shown(self, user: str = "zhangsan") -> list[str]:
        return [message.text for message in self.sim.inbox(user)]

    def restarted(self, **more: Any) -> WeComPlatform:
        """Return the same bot as after a restart: it knows what is on disk."""
        return WeComPlatform(self.bot._settings, "hr", self.host, backoff=0.01, **more)

    async def store(self, content: bytes, name: str) -> File:
        """Put a file into the media store."""

        async def chunks() -> AsyncIterator[bytes]:
            yield content

        return await self.host.media.save(chunks(), name=name)

    async def part(self, kind: str, content: bytes, name: str, **data: Any) -> Part:
        """Put a file into the media store; returns the part that sends it."""
        file = await self.store(content, name)
        return Part(kind, f"[{kind}]", {"media": file.id, "name": name, **data})


@asynccontextmanager
async def connected(
    *,
    fault: str | list[str] = (),
    run: bool = False,
    callback: bool = True,
    secrets: object = None,
    sim: Json | None = None,
    clock: Callable[[], float] | None = None,
    **changed: Any,
) -> AsyncIterator[Here]:
    """A strict simulator and a bot of it; ``sim`` are the simulator's settings, ``changed`` the bot's.

    ``callback`` saves the bot's URL in the simulated console, ``run`` lets the bot run.
    """
    inbox, health = Inbox(), HealthReports()
    async with simulated("wecom", strict=True, fault=fault, **(sim or {})) as far, HttpClient() as http:
        section = {k: v for k, v in far.details().items() if k != "base_url"} | changed
        with tempfile.TemporaryDirectory() as folder:
            host = a_host(http, inbox, Path(folder))
            if secrets is not None:
                host = replace(host, secrets=secrets)
            more = {"clock": clock} if clock is not None else {}
            bot = WeComPlatform(WeComSettings(**section), "hr", host, backoff=0.01, **more)
            here = Here(bot, far, inbox, health, host)
            async with anyio.create_task_group() as tasks, served(bot, inbox.receive) as url:
                if callback:
                    far.callback_url = url
                if run:
                    tasks.start_soon(bot.run, inbox.receive, health.report)
                    with anyio.fail_after(PATIENCE):
                        await health.until("ok")
                yield here
                tasks.cancel_scope.cancel()


def a_delivery(*parts: Part | str, n: int = 0, to: str = "zhangsan", **more: Any) -> Delivery:
    made = [Part("text", part) if isinstance(part, str) else part for part in parts or ("hello",)]
    fields = {"turn": 1 << 40, "platform": "wecom", "bot": "hr", "session": f"wecom:hr:{to}"} | more
    return Delivery(n=n, to={"touser": to}, parts=made, **fields)
