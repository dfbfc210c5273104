"""Turns that stop at a workflow, before it is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mindbot.config.load import load
from mindbot.domain.operators import Operator
from mindbot.runtime.app import Runtime
from mindbot.sim.testing import simulated
from mindbot.testing.stores.memory.store import MemoryPlaces
from mindbot.testing.waiting import PATIENCE, until

pytestmark = [pytest.mark.anyio, pytest.mark.full]
CLI = Operator("root")


async def test_a_changed_message_is_what_the_workflow_is_asked_within_its_time(tmp_path: Path) -> None:
    async with simulated("dify") as sim:
        app = {"dify_endpoint": sim.base_url, "dify_api_key": sim.settings.api_key, "timeout": 30}
        sections: Any = {"workflows": {"faq": {**app, "max_retries": 0}}, "router": {"patience": 20}}
        loaded = load(environ={}, overrides=sections)
        async with Runtime.open(loaded, tmp_path, store=MemoryPlaces().store) as runtime:
            debugger, turns = runtime.resources.debugger, runtime.resources.turns
            await debugger.set_breakpoint({"step": "workflow", "lease": 300}, by=CLI)
            turn = await turns.inject(text="the words of the user", user="ann")
            await until(lambda: debugger.list_parked())
            assert debugger.list_parked()[0]["lease_left"] <= 28, "it is the workflow's, but for a margin"
            await debugger.edit(turn, "message.text", "other words", revision=None, by=CLI)
            await debugger.act(turn, "resume", by=CLI)
            ended = await turns.wait_sent(turn, PATIENCE)
            assert "other words" in ended["reply"] and "of the user" not in ended["reply"]
