"""One app of four hangs: the others' turns lose nothing, neither their order nor their number."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import pytest

from mindbot.config.load import load
from mindbot.domain.message import Message, text_part
from mindbot.runtime.app import Runtime
from mindbot.runtime.housekeeping import BUSY_AFTER
from mindbot.sim.testing import simulated
from mindbot.testing.waiting import PATIENCE

pytestmark = [pytest.mark.anyio, pytest.mark.full]

APPS = ("hung", "one", "two", "three")
EACH = 100  # turns an app


def a_message(user: str, text: str) -> Message:
    session, parts = f"console:default:{user}", (text_part(text),)
    return Message("console", "default", text, session, user, "text", parts, {}, received=time.time())


async def test_a_hung_app_uses_its_own_slots_alone(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        sims = {
            name: await stack.enter_async_context(
                simulated("dify", fault="hang@messages" if name == "hung" else ())
            )
            for name in APPS
        }
        config: dict[str, Any] = {
            "workflows": {
                name: {
                    "dify_endpoint": sim.base_url,
                    "dify_api_key": sim.settings.api_key,
                    "max_retries": 0,
                    "concurrency": 5,
                }
                for name, sim in sims.items()
            },
            "routes": [{"text": f"^{name} ", "workflow": name} for name in APPS],
            "dispatcher": {"max_running": 20},  # as many as all have together
        }
        runtime = await stack.enter_async_context(Runtime.open(load(environ={}, overrides=config), tmp_path))
        turns: dict[str, list[int]] = {name: [] for name in APPS}
        for n in range(EACH):
            for name in APPS:
                user = f"{name}{n % 20}"
                parts = (text_part(f"{name} {n}"),)
                session = f"console:default:{user}"
                message = Message(
                    "console",
                    "default",
                    f"{name}-{n}",
                    session,
                    user,
                    "text",
                    parts,
                    {},
                    received=time.time(),
                )
                turns[name].append((await runtime.receive(message)).turn)
        waiting = {turn for name in APPS[1:] for turn in turns[name]}
        with anyio.fail_after(PATIENCE):
            while waiting:
                for turn in list(waiting):
                    found = await runtime.store.turns.answer(turn)
                    if found is not None and found.done:
                        waiting.discard(turn)
                await anyio.sleep(0.05)
        for name in APPS[1:]:
            said = [(await runtime.store.turns.answer(turn)) for turn in turns[name]]
            texts = [each.deliveries[0].text for each in said if each is not None]
            assert [text.endswith(f"{name} {n}") for n, text in enumerate(texts)] == [True] * EACH
            chats = [each for each in sims[name].requests if each.path.endswith("chat-messages")]
            assert len(chats) == EACH
            by_user: dict[str, list[int]] = {}
            for each in chats:
                by_user.setdefault(each.body["user"], []).append(int(each.body["query"].split()[-1]))
            assert all(numbers == sorted(numbers) for numbers in by_user.values())
        row = await runtime.resources.workflows.workflow("hung")
        assert (row["in_flight"], row["waiting"]) == (5, 15)  # one of each of its twenty users
        with anyio.fail_after(PATIENCE):
            while not runtime.builder.workflows.overdue(BUSY_AFTER):
                await anyio.sleep(0.1)
            while not any([await runtime.store.outbox.delivery(turn, -1) for turn in turns["hung"][:20]]):
                await anyio.sleep(0.1)
        assert not any([await runtime.store.outbox.delivery(turn, -1) for turn in turns["one"]])
