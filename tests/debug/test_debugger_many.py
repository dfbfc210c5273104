"""A thousand parked turns: the turns of others are answered, and each takes little memory."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path

import anyio
import pytest
from debug_house import a_house

from mindbot.store import sqlite
from mindbot.testing.waiting import until

PARKED, OTHERS, SLOTS = 1000, 100, 8
MOST = 30_000  # bytes a parked turn, of which one that runs takes 21,700 with no debugger

pytestmark = [pytest.mark.anyio, pytest.mark.full]


async def test_a_thousand_parked_turns_hold_nobody_up(tmp_path: Path) -> None:
    async with a_house(tmp_path, sqlite.configured, running=SLOTS, lease="1h") as house:
        await house.stop(stage="run", filter='text == "hold"')
        await house.ended(await house.say("warm up"))
        gc.collect()
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            for n in range(PARKED):
                await house.say("hold", f"held{n}")
            await until(lambda: len(house.runtime.debugging.gate.parked) == PARKED)
            gc.collect()
            now, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        print(f"{(now - before) / PARKED:.0f} bytes a parked turn")
        assert (now - before) / PARKED < MOST
        ended: list[str] = []

        async def another(user: str) -> None:
            ended.append((await house.ended(await house.say("hello", user)))["state"])

        async with anyio.create_task_group() as tasks:
            for n in range(OTHERS):
                tasks.start_soon(another, f"other{n}")
        assert ended == ["answered"] * OTHERS
        assert len(house.debugger.list_parked()) == PARKED
        house.runtime.debugging.gate.free(lambda parked: True, "")
        await until(lambda: len(house.phone.shown) == PARKED + OTHERS + 1)
