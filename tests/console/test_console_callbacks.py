"""What fails in a callback is told, but for one that wakes who has just been told to stop."""

from __future__ import annotations

import asyncio

import pytest

from mindbot_tui import terminal


@pytest.mark.parametrize(("mistake", "told"), [(False, 0), (True, 1)])
def test_only_a_mistake_is_told(mistake: bool, told: int, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(terminal._told)
        stopped = loop.create_future()
        stopped.cancel()
        loop.call_soon(stopped.set_result, None)
        if mistake:
            loop.call_soon({}.__getitem__, "missing")
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(run())
    assert len([record for record in caplog.records if record.name == "asyncio"]) == told
