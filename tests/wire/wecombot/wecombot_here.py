"""A simulated AI bot platform and a bot of it, in either mode, over real sockets."""

from __future__ import annotations

import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mindbot.domain import ids
from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import StoreError
from mindbot.domain.host import Host
from mindbot.domain.message import Json, Message, Part
from mindbot.domain.ports.platform import Receipt
from mindbot.domain.shared import Shared
from mindbot.http.client import HttpClient
from mindbot.platforms.wecombot.connection import ConnectionBot
from mindbot.platforms.wecombot.settings import WeComBotSettings
from mindbot.platforms.wecombot.webhook import WebhookBot
from mindbot.sim.testing import simulated
from mindbot.sim.wecombot.gateway import LineRules
from mindbot.sim.wecombot.polls import PollRules
from mindbot.sim.wecombot.server import WeComBotSimulator
from mindbot.testing.platforms import Desk, HealthReports, Inbox, MemoryKeep, a_host, running, served
from mindbot.testing.waiting import until

POLL = PollRules(every=0.05)
LINE = LineRules()


class Intake(Inbox):
    """Gives out turn ids as the runtime does: one for each key."""

    def __init__(self) -> None:
        super().__init__()
        self.turns: dict[str, int] = {}
        self.refuses: Callable[[Message], bool] = lambda message: False  # rows that cannot be written

    async def receive(self, message: Message) -> Receipt:
        if self.refuses(message):
            raise StoreError("this one cannot be written")
        duplicate = (await super().receive(message)).duplicate
        return Receipt(self.turns.setdefault(message.key, ids.new_id()), duplicate)


@dataclass
class Here:
    bot: WebhookBot | ConnectionBot
    sim: WeComBotSimulator
    inbox: Intake
    health: HealthReports
    desk: Desk
    host: Host

    @property
    def keep(self) -> MemoryKeep:
        assert isinstance(self.host.keep, MemoryKeep)
        return self.host.keep

    def shown(self, screen: str = "li") -> list[str]:
        return [message.text for message in self.sim.inbox(screen)]

    def texts(self) -> list[str]:
        return [message.text for message in self.inbox.messages]

    async def asked(self, text: str = "hello", user: str = "li", **more: Any) -> Message:
        """Let somebody write; returns the message once it is on disk."""
        before = len(self.inbox.messages)
        pushed = await self.sim.push_text(user, text, **more)
        assert pushed.acked, pushed
        await until(lambda: len(self.inbox.messages) > before)
        return self.inbox.messages[-1]

    def answer(
        self, message: Message, *parts: Part | str, n: int = 0, kind: str = "message", **more: Any
    ) -> Delivery:
        """Return a delivery of the message's turn."""
        made = [Part("text", part) if isinstance(part, str) else part for part in parts]
        turn, at = self.inbox.turns[message.key], {"created": time.time(), **more}
        return Delivery(
            turn=turn, n=n, platform="wecombot", bot="hr", session=message.session, to=message.reply_to,
            parts=made, kind=kind, **at,
        )  # fmt: skip

    def push(self, to: Json, *parts: Part | str, n: int = 0, turn: int = 0, **more: Any) -> Delivery:
        """Return a delivery that answers nothing."""
        made = [Part("text", part) if isinstance(part, str) else part for part in parts]
        return Delivery(
            turn=turn or ids.new_id(), n=n, platform="wecombot", bot="hr", session="s", to=to, parts=made,
            created=time.time(), **more,
        )  # fmt: skip

    def turn(self, message: Message) -> str:
        return ids.show(self.inbox.turns[message.key])


def settings(far: WeComBotSimulator, mode: str, **changed: Any) -> WeComBotSettings:
    """Return the settings of a bot of a simulator."""
    details = {k: v for k, v in far.details().items() if k != "base_url"}
    if far.wss_url:
        details["ws_url"] = far.wss_url
    return WeComBotSettings(**{"mode": mode, "poll_timeout": 2, **details, **changed})


def reloaded(here: Here, **changed: Any) -> WebhookBot:
    """Return the bot as a reload that changes it makes it anew, in the same process."""
    return WebhookBot(settings(here.sim, "webhook", **changed), "hr", here.host)


def restarted(here: Here, **changed: Any) -> WebhookBot:
    """Return the bot as it is in another process: it knows what is on disk."""
    host = replace(here.host, shared=Shared())
    return WebhookBot(settings(here.sim, "webhook", **changed), "hr", host)


@asynccontextmanager
async def called_back(
    *, fault: str | list[str] = (), sim: Json | None = None, **changed: Any
) -> AsyncIterator[Here]:
    """A strict simulator and a bot in webhook mode; ``changed`` are its settings."""
    inbox, health, desk = Intake(), HealthReports(), Desk()
    more = {"poll": POLL, **(sim or {})}
    async with simulated("wecombot", strict=True, fault=fault, **more) as far, HttpClient() as http:
        with tempfile.TemporaryDirectory() as folder:
            host = a_host(http, inbox, Path(folder), desk=desk)
            bot = WebhookBot(settings(far, "webhook", **changed), "hr", host)
            async with served(bot, inbox.receive) as url, running(bot, inbox, health):
                far.callback_url = url
                yield Here(bot, far, inbox, health, desk, host)


@asynccontextmanager
async def connected(
    *, fault: str | list[str] = (), run: bool = True, sim: Json | None = None, **changed: Any
) -> AsyncIterator[Here]:
    """A strict simulator and a bot that is connected to it."""
    inbox, health, desk = Intake(), HealthReports(), Desk()
    more = {"line": LINE, **(sim or {})}
    async with simulated("wecombot", strict=True, fault=fault, **more) as far, HttpClient() as http:
        with tempfile.TemporaryDirectory() as folder:
            host = a_host(http, inbox, Path(folder), desk=desk)
            wanted = {"answer_timeout": 0.5, "stream_pace": 0.5, **changed}
            bot = ConnectionBot(settings(far, "connection", **wanted), "hr", host, backoff=0.02)
            here = Here(bot, far, inbox, health, desk, host)
            if not run:
                yield here
                return
            async with running(bot, inbox, health):
                yield here
