"""A run that is left before it has told anything is stopped at Dify as soon as it tells its task."""

from __future__ import annotations

import anyio
import pytest
from dify_here import DifyHere, call, dify_here, heard

from mindbot.testing.waiting import PATIENCE, until

pytestmark = [pytest.mark.anyio, pytest.mark.full]


async def left(here: DifyHere, kind: str) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(heard, here.app(kind).run(here.turn(), call()))
        await until(lambda: here.starts() == 1)
        await anyio.sleep(0.2)  # its stream is open by now; the case is the same where it is not
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("kind", ["chat", "agent", "completion"])
async def test_a_run_that_was_left_before_its_first_event(kind: str) -> None:
    async with dify_here(latency=2.0) as here:
        await left(here, kind)
        assert not here.sim.stopped
        with anyio.fail_after(PATIENCE):
            for job in here.aside:
                await job()
        assert len(here.sim.stopped) == 1


@pytest.mark.parametrize("kind", ["chatflow", "workflow"])
async def test_one_with_a_graph_has_told_its_task_at_once(kind: str) -> None:
    async with dify_here(latency=2.0) as here:
        await left(here, kind)
        for job in here.aside:
            await job()
        assert len(here.sim.stopped) == 1


async def test_a_daemon_that_ends_leaves_it_to_the_next_one() -> None:
    async with dify_here(latency=2.0) as here:
        here.ending = True
        await left(here, "chat")
        assert not here.aside
        assert not here.sim.stopped
