"""A simulated DingTalk and a bot that is connected to it over real sockets."""

from __future__ import annotations

import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio

from mindbot.domain.delivery import Delivery
from mindbot.domain.message import Json, Part
from mindbot.http.client import HttpClient
from mindbot.platforms.dingtalk.adapter import DingTalkPlatform
from mindbot.platforms.dingtalk.settings import DingTalkSettings
from mindbot.sim.dingtalk.frames import StreamRules
from mindbot.sim.dingtalk.server import DingTalkSimulator
from mindbot.sim.testing import simulated
from mindbot.testing.platforms import Desk, HealthReports, Inbox, MemoryKeep, a_host
from mindbot.testing.waiting import PATIENCE

#: A busy machine is no reason to push again: only tests of what comes again want it soon.
RULES = StreamRules(repush=5.0, attempts=20, ping=0.2, grace=0.5)
SOON = StreamRules(repush=0.3, attempts=20, ping=0.2, grace=0.5)


@dataclass
class Here:
    bot: DingTalkPlatform
    sim: DingTalkSimulator
    inbox: Inbox
    health: HealthReports
    desk: Desk
    keep: MemoryKeep
    scope: anyio.CancelScope
    again: Callable[[], Awaitable[None]]

    async def restart(self) -> None:
        """Go on with a new adapter, as after a restart of the daemon: what was kept on disk is all it has."""
        await self.again()

    def stop(self) -> None:
        """Stop the bot, as an operator does."""
        self.scope.cancel()

    def shown(self, screen: str = "li") -> list[str]:
        return [message.text for message in self.sim.inbox(screen)]

    def texts(self) -> list[str]:
        return [message.text for message in self.inbox.messages]

    async def asked(self, text: str = "hello", user: str = "li", group: str = "") -> Json:
        """Let somebody write; returns where the answer goes."""
        pushed = await self.sim.push_text(user, text, url=f"group:{group}" if group else "")
        assert pushed.acked
        return self.inbox.messages[-1].reply_to


@asynccontextmanager
async def connected(
    *,
    fault: str | list[str] = (),
    run: bool = True,
    again: bool = False,
    sim: Json | None = None,
    **changed: Any,
) -> AsyncIterator[Here]:
    """A strict simulator and a bot of it; ``sim`` are the simulator's settings, ``changed`` the bot's.

    With ``again`` what is not acknowledged is pushed again soon.
    """
    settings = {"stream": SOON if again else RULES, **(sim or {})}
    inbox, health, desk = Inbox(), HealthReports(), Desk()
    async with simulated("dingtalk", strict=True, fault=fault, **settings) as far, HttpClient() as http:
        section = {k: v for k, v in far.details().items() if k != "base_url"} | {"markdown_card": False}
        with tempfile.TemporaryDirectory() as folder:
            host = a_host(http, inbox, Path(folder), desk=desk)
            assert isinstance(host.keep, MemoryKeep)

            def made() -> DingTalkPlatform:
                return DingTalkPlatform(DingTalkSettings(**section | changed), "hr", host)

            async def live(bot: DingTalkPlatform, scope: anyio.CancelScope) -> None:
                with scope:
                    await bot.run(inbox.receive, health.report)

            async def start() -> None:
                here.scope.cancel()
                here.scope, here.bot = anyio.CancelScope(), made()
                health.reports.clear()
                tasks.start_soon(live, here.bot, here.scope)
                with anyio.fail_after(PATIENCE):
                    await health.until("ok")

            here = Here(made(), far, inbox, health, desk, host.keep, anyio.CancelScope(), start)
            async with anyio.create_task_group() as tasks:
                if run:
                    await start()
                yield here
                tasks.cancel_scope.cancel()


def a_delivery(to: Json, *parts: Part | str, n: int = 0, kind: str = "message", **more: Any) -> Delivery:
    made = [Part("text", part) if isinstance(part, str) else part for part in parts]
    return Delivery(
        turn=1 << 40, n=n, platform="dingtalk", bot="hr", session="s", to=to, parts=made, kind=kind,
        created=time.time(), **more,
    )  # fmt: skip


def only_card(here: Here) -> dict[str, Any]:
    (card,) = here.sim.cards.cards.values()
    return card.to_json()
