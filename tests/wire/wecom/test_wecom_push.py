"""Pushes over real sockets: what the simulated platform sends, honest or forged, and what it gets back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from wecom_here import connected

from mindbot.domain.errors import StoreError
from mindbot.sim.wecom.server import WeComSimulator
from mindbot.testing.platforms import Inbox

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def pushed_to(fault: str = "") -> AsyncIterator[tuple[WeComSimulator, Inbox]]:
    async with connected(fault=[fault] if fault else []) as here:
        yield here.sim, here.inbox


async def test_the_url_can_be_saved_in_the_console() -> None:
    async with pushed_to() as (wecom, _):
        verification = await wecom.verify()
        assert verification.ok, verification.reason


@pytest.mark.parametrize("text", ["hello", "你好 👍🏽", "a]]>b", "x" * 2048, "<a href='x'>&amp;</a>", "  \n"])
async def test_text_arrives_unchanged(text: str) -> None:
    async with pushed_to() as (wecom, inbox):
        pushed = await wecom.push_text("zhangsan", text)
        assert pushed.acked
        assert pushed.attempts == 1
        assert not pushed.reply
        assert inbox.messages[0].text == text
        assert inbox.messages[0].reply_to == {"touser": "zhangsan", "agentid": wecom.settings.agent_id}


@pytest.mark.parametrize("fault", ["lost-ack:n=2", "duplicate:times=4"])
async def test_every_repeat_is_acknowledged_under_the_same_key(fault: str) -> None:
    async with pushed_to(fault) as (wecom, inbox):
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
    async with pushed_to(fault) as (wecom, inbox):
        pushed = await wecom.push_text("zhangsan", "forged")
        assert (pushed.acked, pushed.status) == (False, status)
        assert not inbox.messages
        wecom.faults.set([])
        assert (await wecom.push_text("zhangsan", "good")).acked
        assert [message.text for message in inbox.messages] == ["good"]


async def test_a_full_disk_makes_the_platform_send_again() -> None:
    async with pushed_to() as (wecom, inbox):
        inbox.error = StoreError("disk full")
        pushed = await wecom.push_text("zhangsan", "hello")
        assert (pushed.acked, pushed.status, pushed.attempts) == (False, 503, 3)
        inbox.error = None
        assert (await wecom.push_text("zhangsan", "hello")).acked
