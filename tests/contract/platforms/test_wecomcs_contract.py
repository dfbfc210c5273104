"""WeCom Customer Service keeps the platform contract, as far as a doorbell and a cursor have one."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import anyio
import pytest

from mindbot.domain.host import Media
from mindbot.http.client import HttpClient
from mindbot.platforms.wecomcs.adapter import WeComCsPlatform
from mindbot.platforms.wecomcs.say import MAX_TEXT
from mindbot.platforms.wecomcs.settings import WeComCsSettings
from mindbot.sim.testing import simulated
from mindbot.sim.wecomcs.server import WeComCsSimulator
from mindbot.testing.platform_contract import PlatformContract
from mindbot.testing.platforms import HealthReports, Inbox, a_host, running, served

BODIES = {
    "text": {"content": "hello"},
    "image": {"media_id": "M"},
    "voice": {"media_id": "M"},
    "video": {"media_id": "M"},
    "file": {"media_id": "M"},
    "location": {"name": "here", "address": "there"},
    "link": {"title": "T", "url": "https://example.org"},
}


SEEN = {
    "text": "text",
    "image": "image",
    "voice": "voice",
    "video": "video",
    "file": "file",
    "msgmenu": "card",
}


class WeComCsRig:
    kinds = tuple(BODIES)
    sends = tuple(SEEN.values())
    limit = MAX_TEXT
    account = "wkSIM1"

    def __init__(
        self,
        simulator: WeComCsSimulator,
        platform: WeComCsPlatform,
        inbox: Inbox,
        health: HealthReports,
        media: Media,
        stop: Callable[[], Awaitable[None]],
    ) -> None:
        self.platform = platform
        self.inbox = inbox
        self.health = health
        self.media = media
        self.stop = stop
        self.address = {"touser": "wm1", "open_kfid": self.account}
        self._simulator = simulator
        simulator.desk.talk(self.account, "wm1").state = 0
        self.refill()

    def refill(self) -> None:
        talk = self._simulator.desk.talk(self.account, "wm1")
        talk.left, talk.last = 99, 1e12

    async def push(self, kind: str, *, number: int = 1) -> bool:
        """The platform's ack is the cursor: a message counts as taken once it was pulled into the inbox."""
        before = len(self.inbox.messages)
        self._simulator.desk.says(self.account, "wm1", kind, BODIES[kind], f"kf{kind}{number}")
        self.refill()
        await self._simulator.ring()
        with anyio.move_on_after(0.5 if self.inbox.error else 5):
            while len(self.inbox.messages) == before:
                await anyio.sleep(0.01)
        return len(self.inbox.messages) > before

    def shown(self) -> list[str]:
        return [shown.text for shown in self._simulator.inbox("wm1")]

    def seen(self) -> list[str]:
        return [SEEN[shown.msgtype] for shown in self._simulator.inbox("wm1")]

    def fail(self) -> None:
        self._simulator.faults.set(["500:n=1@send_msg"])

    def refuse(self) -> None:
        self._simulator.faults.set(["40001@gettoken"])
        self._simulator.tokens.expire_all()

    async def interrupt(self) -> None:
        self._simulator.cut_connections()
        await anyio.wait_all_tasks_blocked()

    def throttle(self) -> None:
        self._simulator.faults.set(["45033:n=1@send_msg"])

    def expire_token(self) -> None:
        self._simulator.tokens.expire_all()

    def lose_answer(self) -> None:
        self._simulator.faults.set(["lost-answer:n=1@send_msg"])

    def lose_answers_before(self, step: str) -> bool:
        self._simulator.tokens.expire_all()
        call = {"token": "gettoken", "upload": "media/upload"}[step]
        self._simulator.faults.set([f"lost-answer:n=2@{call}"])
        return True


class TestWeComCs(PlatformContract):
    @pytest.fixture
    async def rig(self, tmp_path: Path) -> AsyncIterator[WeComCsRig]:
        async with simulated("wecomcs", strict=True) as simulator, HttpClient() as http:
            details = {k: v for k, v in simulator.details().items() if k != "base_url"}
            inbox, health = Inbox(), HealthReports()
            settings = WeComCsSettings(**details)
            host = a_host(http, inbox, tmp_path)
            platform = WeComCsPlatform(settings, "default", host, backoff=0.05)
            async with served(platform, inbox.receive) as url:
                simulator.callback_url = url
                async with running(platform, inbox, health) as life:
                    yield WeComCsRig(simulator, platform, inbox, health, host.media, life.stop)
