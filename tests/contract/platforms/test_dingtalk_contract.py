"""DingTalk keeps the platform contract."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import anyio
import pytest

from mindbot.domain.host import Media
from mindbot.http.client import HttpClient
from mindbot.platforms.dingtalk.adapter import DingTalkPlatform
from mindbot.platforms.dingtalk.say import MAX_TEXT
from mindbot.platforms.dingtalk.settings import DingTalkSettings
from mindbot.sim.dingtalk.frames import StreamRules
from mindbot.sim.dingtalk.server import DingTalkSimulator
from mindbot.sim.testing import simulated
from mindbot.testing.platform_contract import PlatformContract
from mindbot.testing.platforms import HealthReports, Inbox, a_host, running

BODIES = {
    "text": ("text", {"content": "hello"}),
    "image": ("picture", {"downloadCode": "c"}),
    "voice": ("audio", {"downloadCode": "c", "recognition": "hi", "duration": 1}),
    "video": ("video", {"downloadCode": "c", "videoType": "mp4"}),
    "file": ("file", {"downloadCode": "c", "fileName": "a.pdf"}),
    "raw": ("unknownMsgType", {"unknownMsgType": "?"}),
}


SEEN = {
    "sampleText": "text",
    "sampleMarkdown": "markdown",
    "sampleImageMsg": "image",
    "sampleAudio": "voice",
    "sampleVideo": "video",
    "sampleFile": "file",
    "sampleLink": "link",
    "card": "card",
}


class DingTalkRig:
    kinds = tuple(BODIES)
    sends = tuple(SEEN.values())
    limit = MAX_TEXT

    def __init__(
        self,
        simulator: DingTalkSimulator,
        platform: DingTalkPlatform,
        inbox: Inbox,
        health: HealthReports,
        media: Media,
        stop: Callable[[], Awaitable[None]],
    ) -> None:
        self.platform = platform
        self.inbox = inbox
        self.health = health
        self.media = media
        self.address = platform.address("li")
        self._simulator = simulator
        self.stop = stop

    async def push(self, kind: str, *, number: int = 1) -> bool:
        msgtype, body = BODIES[kind]
        return (await self._simulator.say("li", msgtype, body, msgid=f"msg{kind}{number}==")).acked

    async def interrupt(self) -> None:
        before = set(self._simulator.gateway.connections)
        self._simulator.cut_connections()
        while not set(self._simulator.gateway.connections) - before:
            await anyio.sleep(0.01)

    def shown(self) -> list[str]:
        return [shown.text for shown in self._simulator.inbox("li")]

    def seen(self) -> list[str]:
        return [SEEN[shown.msgtype] for shown in self._simulator.inbox("li")]

    def fail(self) -> None:
        self._simulator.faults.set(["500:n=1@batchSend"])

    def refuse(self) -> None:
        self._simulator.faults.set(["400:code=invalidClientIdOrSecret@accessToken"])
        self._simulator.tokens.revoke_all()

    def throttle(self) -> None:
        self._simulator.faults.set(["throttle:n=1"])

    def expire_token(self) -> None:
        self._simulator.tokens.revoke_all()

    def lose_answer(self) -> None:
        self._simulator.faults.set(["lost-answer:n=1@batchSend"])

    def lose_answers_before(self, step: str) -> bool:
        self._simulator.tokens.revoke_all()
        call = {"token": "accessToken", "upload": "media/upload"}[step]
        self._simulator.faults.set([f"lost-answer:n=2@{call}"])
        return True


class TestDingTalk(PlatformContract):
    @pytest.fixture
    async def rig(self, tmp_path: Path) -> AsyncIterator[DingTalkRig]:
        rules = StreamRules(repush=0.5, attempts=1)
        async with simulated("dingtalk", strict=True, stream=rules) as simulator, HttpClient() as http:
            details = {k: v for k, v in simulator.details().items() if k != "base_url"}
            inbox, health = Inbox(), HealthReports()
            settings = DingTalkSettings(**details, markdown_card=False)
            host = a_host(http, inbox, tmp_path)
            platform = DingTalkPlatform(settings, "default", host)
            async with running(platform, inbox, health) as life:
                yield DingTalkRig(simulator, platform, inbox, health, host.media, life.stop)
