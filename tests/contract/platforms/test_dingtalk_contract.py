"""DingTalk keeps the platform contract."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from mindbot.config.vendors import DingTalkSettings
from mindbot.http.client import HttpClient
from mindbot.platforms.dingtalk.adapter import DingTalkPlatform
from mindbot.platforms.dingtalk.say import MAX_TEXT
from mindbot.sim.dingtalk.gateway import StreamRules
from mindbot.sim.dingtalk.server import DingTalkSimulator
from mindbot.sim.testing import simulated
from mindbot.testing.platforms import Health, Inbox, PlatformContract, a_host

BODIES = {
    "text": ("text", {"content": "hello"}),
    "image": ("picture", {"downloadCode": "c"}),
    "voice": ("audio", {"downloadCode": "c", "recognition": "hi", "duration": 1}),
    "video": ("video", {"downloadCode": "c", "videoType": "mp4"}),
    "file": ("file", {"downloadCode": "c", "fileName": "a.pdf"}),
    "raw": ("unknownMsgType", {"unknownMsgType": "?"}),
}


class DingTalkRig:
    kinds = tuple(BODIES)
    limit = MAX_TEXT

    def __init__(self, simulator: DingTalkSimulator, platform: DingTalkPlatform, inbox: Inbox) -> None:
        self.platform = platform
        self.inbox = inbox
        self.address = platform.address("li")
        self._simulator = simulator

    async def push(self, kind: str, *, number: int = 1) -> bool:
        msgtype, body = BODIES[kind]
        return (await self._simulator.say("li", msgtype, body, msgid=f"msg{kind}{number}==")).acked

    def shown(self) -> list[str]:
        return [shown.text for shown in self._simulator.inbox("li")]

    def throttle(self) -> None:
        self._simulator.faults.set(["throttle:n=1"])

    def expire_token(self) -> None:
        self._simulator.tokens.revoke_all()

    def lose_answer(self) -> None:
        self._simulator.faults.set(["lost-answer:n=1@batchSend"])


class TestDingTalk(PlatformContract):
    @pytest.fixture
    async def rig(self, tmp_path: Path) -> AsyncIterator[DingTalkRig]:
        rules = StreamRules(repush=0.5, attempts=1)
        async with simulated("dingtalk", strict=True, stream=rules) as simulator, HttpClient() as http:
            details = {k: v for k, v in simulator.details().items() if k != "base_url"}
            inbox, health = Inbox(), Health()
            settings = DingTalkSettings(**details, markdown_card=False)
            platform = DingTalkPlatform(settings, "default", a_host(http, inbox, tmp_path))
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(platform.run, inbox.receive, health.report)
                await health.until("ok")
                yield DingTalkRig(simulator, platform, inbox)
                tasks.cancel_scope.cancel()
