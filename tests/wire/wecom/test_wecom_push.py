"""Pushes over real sockets: what the simulated platform sends, honest or forged, and what it gets back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mindbot.config.vendors import WeComSettings
from mindbot.domain.errors import StoreError
from mindbot.http.client import HttpClient
from mindbot.platforms.wecom.adapter import WeComPlatform
from mindbot.sim.testing import simulated
from mindbot.sim.wecom.server import WeComSimulator
from mindbot.testing.platforms import Inbox, PlainSecrets, served

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def connected(fault: str = "") -> AsyncIterator[tuple[WeComSimulator, Inbox]]:
    """A simulator whose callback URL is a bot that stores into the inbox."""
    async with simulated("wecom", fault=[fault] if fault else []) as simulator, HttpClient() as http:
        section = {k: v for k, v in simulator.details().items() if k != "base_url"}
        bot = WeComPlatform(WeComSettings(**section), "hr", http, PlainSecrets())
        inbox = Inbox()
        async with served(bot, inbox.receive) as url:
            simulator.callback_url = url
            yield simulator, inbox


async def test_the_url_can_be_saved_in_the_console() -> None:
    async with connected() as (wecom, _):
        verification = await wecom.verify()
        assert verification.ok, verification.reason


@pytest.mark.parametrize("text", ["hello", "你好 👍🏽", "a]]>b", "x" * 2048, "<a href='x'>&amp;</a>", "  \n"])
async def test_text_arrives_unchanged(text: str) -> None:
    async with connected() as (wecom, inbox):
        pushed = await wecom.push_text("zhangsan", text)
        assert pushed.acked
        assert pushed.attempts == 1
        assert not pushed.reply
        assert inbox.messages[0].text == text
        assert inbox.messages[0].reply_to == {"touser": "zhangsan", "agentid": wecom.settings.agent_id}


@pytest.mark.parametrize("fault", ["lost-ack:n=2", "duplicate:times=4"])
async def test_every_repeat_is_acknowledged_under_the_same_key(fault: str) -> None:
    async with connected(fault) as (wecom, inbox):
        assert (await wecom.push_text("zhangsan", "hello")).acked
        assert len(inbox.messages) >= 3
        assert len({message.key for message in inbox.messages}) == 1


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("bad-signature", 403),
        ("bad-receiveid", 403),
        ("stale", 403),
        ("bad-padding:pad=33", 400),
        ("bad-padding:pad=0", 400),
        ("bad-base64", 400),
        ("bad-xml", 400),
        ("dtd", 400),
    ],
)
async def test_forged_pushes_are_refused_and_the_next_good_one_is_received(fault: str, status: int) -> None:
    async with connected(fault) as (wecom, inbox):
        pushed = await wecom.push_text("zhangsan", "forged")
        assert (pushed.acked, pushed.status) == (False, status)
        assert not inbox.messages
        wecom.faults.set([])
        assert (await wecom.push_text("zhangsan", "good")).acked
        assert [message.text for message in inbox.messages] == ["good"]


async def test_a_full_disk_makes_the_platform_send_again() -> None:
    async with connected() as (wecom, inbox):
        inbox.error = StoreError("disk full")
        pushed = await wecom.push_text("zhangsan", "hello")
        assert (pushed.acked, pushed.status, pushed.attempts) == (False, 503, 3)
        inbox.error = None
        assert (await wecom.push_text("zhangsan", "hello")).acked
