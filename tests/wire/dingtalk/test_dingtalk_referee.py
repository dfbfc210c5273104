"""The official Python SDK (PyPI dingtalk-stream) works against the simulator: it judges our wire."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from dingtalk_here import RULES, until

from mindbot.sim.dingtalk.server import DingTalkSimulator
from mindbot.sim.testing import simulated

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
                await until(lambda: far.gateway.connections, 30)
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
        await until(lambda: any(each is not old for each in far.gateway.connections), 20)
        assert (await far.push_text("li", "hello", persistent=5)).acked
