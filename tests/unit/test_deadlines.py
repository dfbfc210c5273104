"""`Within` is `anyio.fail_after` in all that can be told from outside."""

from __future__ import annotations

import anyio
import pytest

from mindbot.deadlines import Within, now
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio


async def test_a_block_that_is_late_ends_with_a_timeout() -> None:
    with pytest.raises(TimeoutError), Within(0.01):
        await anyio.sleep_forever()


async def test_what_is_inside_sees_the_deadline() -> None:
    with Within(PATIENCE):
        outer = anyio.current_effective_deadline()
        with Within(1.0):
            assert anyio.current_effective_deadline() <= now() + 1.0
        assert now() + 1.0 < outer <= now() + PATIENCE


async def test_a_block_that_is_in_time_is_left_alone() -> None:
    with Within(0.01):
        found = 1
    await anyio.sleep(0.03)  # its deadline is over, and nobody's any more
    assert found == 1


async def test_an_error_of_the_block_is_what_leaves_it() -> None:
    with pytest.raises(ValueError, match="of the block"), Within(PATIENCE):
        raise ValueError("of the block")


async def test_the_inner_deadline_ends_the_inner_block_alone() -> None:
    with Within(PATIENCE):
        with pytest.raises(TimeoutError), Within(0.01):
            await anyio.sleep_forever()
        await anyio.sleep(0)


async def test_the_outer_deadline_passes_through_the_inner_block() -> None:
    inner: list[str] = []
    with pytest.raises(TimeoutError), Within(0.01):
        try:
            with Within(PATIENCE):
                await anyio.sleep_forever()
        except TimeoutError:
            inner.append("taken for its own")
    assert not inner


async def test_who_cancels_from_outside_gets_no_timeout() -> None:
    ended: list[str] = []

    async def late() -> None:
        try:
            with Within(PATIENCE):
                await anyio.sleep_forever()
        except TimeoutError:
            ended.append("timeout")
        finally:
            ended.append("left")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(late)
        await anyio.sleep(0)
        tasks.cancel_scope.cancel()
    assert ended == ["left"]


async def test_a_shielded_part_goes_on_to_its_end() -> None:
    done = False
    with pytest.raises(TimeoutError), Within(0.01):
        with anyio.CancelScope(shield=True):
            await anyio.sleep(0.03)
            done = True
        await anyio.sleep(0)
    assert done
