"""The official Python SDK (PyPI dingtalk-stream) works against the simulator: it judges our wire."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from dingtalk_here import RULES

from mindbot.sim.dingtalk.server import DingTalkSimulator
from mindbot.sim.testing import simulated
from mindbot.testing.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

CLIENT = Path(__file__).with_name("official_client.py")


@asynccontextmanager
async def sdk() -> AsyncIterator[DingTalkSimulator]:
    """Run the SDK's client against a simulator."""
    async with simulated("dingtalk", strict=True, stream=RULES) as far:
        names = {"DINGTALK_OPENAPI_ENDPOINT": far.origin, "no_proxy": "127.0.0.1"}
        command = [sys.executable, str(CLIENT), far.settings.client_id, far.settings.client_secret]
        async with await anyio.open_process(
            command, env=os.environ | names, stdout=None, stderr=None
        ) as process:
            try:
                await until(lambda: far.gateway.connections)
                yield far
            finally:
                process.kill()


async def test_the_sdk_receives_acknowledges_and_answers() -> None:
    async with sdk() as far:
        pushed = await far.push_text("li", "hello")
        assert pushed.acked and pushed.attempts == 1
        assert pushed.answer == {"response": "OK"}
        await until(lambda: far.inbox("li"))
        assert [m.text for m in far.inbox("li")] == ["sdk: hello"]
        assert (await far.push_text("li", "again", url="group:team")).acked
        await until(lambda: far.inbox("team"))


async def test_the_sdk_streams_its_ai_card() -> None:
    async with sdk() as far:
        pushed = await far.push_text("li", "card please")
        assert pushed.acked
        (card,) = far.cards.cards.values()
        assert card.to_json()["state"] == "finished"
        assert card.params["msgContent"] == "card: card please"
        assert len(card.updates) == 3


async def test_the_sdk_comes_back_after_a_disconnect() -> None:
    async with sdk() as far:
        old = far.gateway.connections[0]
        await far.gateway.kick("disconnect")
        await until(lambda: any(each is not old for each in far.gateway.connections))
        assert (await far.push_text("li", "hello", persistent=5)).acked


async def test_the_sdk_sends_markdown() -> None:
    async with sdk() as far:
        assert (await far.push_text("li", "markdown here")).acked
        await until(lambda: far.inbox("li"))
        (seen,) = far.inbox("li")
        assert (seen.msgtype, seen.text) == ("markdown", "**markdown here**")


async def test_the_sdk_makes_a_card_and_answers_its_press() -> None:
    async with sdk() as far:
        assert (await far.push_text("li", "buttons please", url="group:team")).acked
        (card,) = far.cards.cards.values()
        assert card.buttons == ["Yes"] and card.places == ["team"]
        pressed = await far.press(card.track, "li", "yes", {"n": 1})
        assert pressed.acked
        assert card.params["tips"] == "li pressed yes {'n': 1}"
        assert card.params["markdown"] == "Sure?"  # changed by key: the rest stays
        assert card.private == {"li": {"mine": "yes"}}


async def test_the_sdk_downloads_and_uploads_a_picture() -> None:
    async with sdk() as far:
        content = b"\x89PNG\r\n\x1a\n" + b"0" * 100
        code = far.people.offer(content, "image/png")
        assert (await far.say("li", "picture", {"downloadCode": code})).acked
        await until(lambda: far.inbox("li"))
        ((media, (kind, uploaded)),) = far.robot.uploads.items()
        assert far.inbox("li")[0].text == f"sdk: {len(content)} bytes, {media}"
        assert (kind, uploaded) == ("image", content)


async def test_the_sdk_acknowledges_events_warm_up_frames_and_pings() -> None:
    async with sdk() as far:
        told = await far.event("user_add_org", {"userId": ["li"]})
        assert told.acked and told.answer["userId"] == ["li"]  # it sends back what it was told
        await until(lambda: far.counters["pongs"])
        assert far.counters["bad_frames"] == 0
