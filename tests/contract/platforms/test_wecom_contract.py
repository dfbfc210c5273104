"""WeCom keeps the platform contract, whatever the duplicate check of message/send goes by."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from mindbot.domain.host import Media
from mindbot.http.client import HttpClient
from mindbot.platforms.wecom.adapter import WeComPlatform
from mindbot.platforms.wecom.settings import WeComSettings
from mindbot.sim.testing import simulated
from mindbot.sim.wecom.send import SendRules
from mindbot.sim.wecom.server import WeComSimulator
from mindbot.testing.platform_contract import PlatformContract
from mindbot.testing.platforms import HealthReports, Inbox, a_host, running, served

FIELDS = {
    "text": {"Content": "hello"},
    "image": {"PicUrl": "http://p/1", "MediaId": "M"},
    "voice": {"MediaId": "M", "Format": "amr"},
    "video": {"MediaId": "M", "ThumbMediaId": "T"},
    "location": {"Location_X": 23.1, "Location_Y": 113.3, "Scale": 20, "Label": "Guangzhou"},
    "link": {"Title": "T", "Description": "D", "Url": "https://example.org"},
    "event": {"Event": "click", "EventKey": "help"},
    "sticker": {"Sticker": {"Set": "cats", "Name": "grin"}},
}


SEEN = {
    "text": "text",
    "markdown": "markdown",
    "image": "image",
    "voice": "voice",
    "video": "video",
    "file": "file",
    "textcard": "link",
    "template_card": "card",
}


class WeComRig:
    kinds = tuple(FIELDS)
    sends = tuple(SEEN.values())
    limit = 2048

    def __init__(
        self,
        simulator: WeComSimulator,
        platform: WeComPlatform,
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
        self.address = {"touser": "zhangsan", "agentid": simulator.settings.agent_id}
        self._simulator = simulator

    async def push(self, kind: str, *, number: int = 1) -> bool:
        fields = {**FIELDS[kind], "CreateTime": 1_700_000_000 + number}
        if kind != "event":
            fields["MsgId"] = f"73{number}"
        return (await self._simulator.push("zhangsan", kind, fields)).acked

    def shown(self) -> list[str]:
        return [shown.text for shown in self._simulator.inbox("zhangsan")]

    def seen(self) -> list[str]:
        return [SEEN[shown.msgtype] for shown in self._simulator.inbox("zhangsan")]

    def fail(self) -> None:
        self._simulator.faults.set(["500:n=1@message/send"])

    def refuse(self) -> None:
        self._simulator.faults.set(["40001@gettoken"])
        self._simulator.tokens.expire_all()

    async def interrupt(self) -> None:
        self._simulator.cut_connections()
        await anyio.wait_all_tasks_blocked()

    def throttle(self) -> None:
        self._simulator.faults.set(["45033:n=1@message/send"])

    def expire_token(self) -> None:
        self._simulator.tokens.expire_all()

    def lose_answer(self) -> None:
        self._simulator.faults.set(["lost-answer:n=1@message/send"])

    def lose_answers_before(self, step: str) -> bool:
        self._simulator.tokens.expire_all()
        call = {"token": "gettoken", "upload": "media/upload"}[step]
        self._simulator.faults.set([f"lost-answer:n=2@{call}"])
        return True


@asynccontextmanager
async def rigged(folder: Path, **settings: object) -> AsyncIterator[WeComRig]:
    async with simulated("wecom", strict=True, **settings) as simulator, HttpClient() as http:
        details = {k: v for k, v in simulator.details().items() if k != "base_url"}
        inbox, health = Inbox(), HealthReports()
        host = a_host(http, inbox, folder)
        platform = WeComPlatform(WeComSettings(**details), "default", host)
        async with served(platform, inbox.receive) as url:
            simulator.callback_url = url
            async with running(platform, inbox, health) as life:
                yield WeComRig(simulator, platform, inbox, health, host.media, life.stop)


@pytest.fixture(params=["flagged", "all"])
def remembered(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=["content", "request"])
def equal(request: pytest.FixtureRequest) -> str:
    return request.param


class TestWeCom(PlatformContract):
    @pytest.fixture
    async def rig(self, tmp_path: Path) -> AsyncIterator[WeComRig]:
        async with rigged(tmp_path) as rig:
            yield rig


class TestWeComDuplicateCheck:
    """The documentation leaves open what is remembered and what counts as equal: each reading must do."""

    @pytest.fixture
    async def rig(self, tmp_path: Path, remembered: str, equal: str) -> AsyncIterator[WeComRig]:
        async with rigged(tmp_path, send=SendRules(remembered=remembered, equal=equal)) as rig:
            yield rig

    test_equal_answers = PlatformContract.test_equal_answers_to_two_questions_both_arrive
    test_unknown_outcome = PlatformContract.test_an_unknown_outcome_is_told_as_such
    pytestmark = pytest.mark.anyio
