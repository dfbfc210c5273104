"""Components start as soon as they can and stop in the other order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import anyio
import pytest

from mindbot.domain.errors import StoreError
from mindbot.runtime import housekeeping
from mindbot.runtime.lifecycle import HealthBoard, RuntimePart, running
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio


def recorder(log: list[str]) -> Callable[[str], Callable[[], AbstractAsyncContextManager[None]]]:
    def component(name: str) -> Callable[[], AbstractAsyncContextManager[None]]:
        @asynccontextmanager
        async def open_() -> AsyncIterator[None]:
            log.append(f"+{name}")
            yield
            log.append(f"-{name}")

        return open_

    return component


async def test_needs_come_first_and_go_last() -> None:
    log: list[str] = []
    c = recorder(log)
    health = HealthBoard()
    parts = [
        RuntimePart("bots", c("bots"), ("store", "http")),
        RuntimePart("store", c("store")),
        RuntimePart("http", c("http")),
    ]
    async with running(parts, health):
        assert log[-1] == "+bots"
        assert [h["state"] for h in health.list()] == ["ok", "ok", "ok"]
    assert log[3] == "-bots"


async def test_independent_components_start_side_by_side() -> None:
    both = anyio.Event()
    waiting = 0

    @asynccontextmanager
    async def meet() -> AsyncIterator[None]:
        nonlocal waiting
        waiting += 1
        if waiting == 2:
            both.set()
        with anyio.fail_after(PATIENCE):
            await both.wait()
        yield

    async with running([RuntimePart("a", meet), RuntimePart("b", meet)], HealthBoard()):
        assert waiting == 2


async def test_a_failure_to_start_stops_what_had_started() -> None:
    log: list[str] = []

    @asynccontextmanager
    async def broken() -> AsyncIterator[None]:
        raise OSError("port taken")
        yield

    started = RuntimePart("store", recorder(log)("store"))
    with pytest.raises(ExceptionGroup) as caught:
        async with running([started, RuntimePart("listener", broken, ("store",))], HealthBoard()):
            pytest.fail("the block must not run")
    assert caught.group_contains(OSError)


def test_health_keeps_since_when_until_the_state_changes() -> None:
    changes: list[tuple[str, str, str]] = []
    health = HealthBoard(lambda *change: changes.append(change))
    health.report("store", "ok")
    since = health.since("store")
    health.report("store", "ok")
    assert len(changes) == 1 and health.since("store") == since
    health.report("store", "failed", "no space")
    assert changes[-1] == ("store", "failed", "no space")


async def test_a_media_store_that_fails_is_tried_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    class Media:
        failing, tries = True, 0

        async def clean(self) -> None: ...

        async def check(self) -> None:
            self.tries += 1
            if self.tries < 3:
                raise StoreError("media: no room")
            self.failing = False
            works.set()

    works, media = anyio.Event(), Media()
    monkeypatch.setattr(housekeeping, "PROBE_EVERY", 0.001)
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(housekeeping.watch_media, media, 0)
            await works.wait()
            tasks.cancel_scope.cancel()
    assert media.tries == 3


def test_a_part_that_works_again_is_no_longer_told_of() -> None:
    board = HealthBoard()
    board.report("store", "ok")
    board.leave_out({"stage theirs": "it is broken", "runner theirs": "it is broken"})
    assert [each["component"] for each in board.list()] == ["runner theirs", "stage theirs", "store"]
    board.leave_out({"stage theirs": "broken in another way"})
    assert [(each["component"], each["reason"]) for each in board.list()] == [
        ("stage theirs", "broken in another way"),
        ("store", ""),
    ]
    board.leave_out({})
    assert [each["component"] for each in board.list()] == ["store"]
