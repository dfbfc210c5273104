"""Tasks that are used again: to start one for each message costs more than the work that many of them do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
from anyio.abc import TaskGroup

_IDLE = 32  # tasks that wait for work, at most

Work = Callable[..., Awaitable[None]]


class _Idle:
    """A task without work; who has some writes it down here and wakes it."""

    __slots__ = ("job", "wake")

    def __init__(self) -> None:
        self.job: tuple[Work, tuple[Any, ...]] | None = None
        self.wake = anyio.Event()


class Workers:
    """Runs work in tasks of a group, in an idle one where there is one."""

    def __init__(self, group: TaskGroup) -> None:
        self._group = group
        self._idle: list[_Idle] = []

    def start(self, work: Work, *args: Any) -> None:
        """Have ``work`` run; returns at once, and what it raises ends the group."""
        if self._idle:
            idle = self._idle.pop()
            idle.job = work, args
            idle.wake.set()
        else:
            self._group.start_soon(self._serve, work, args)

    async def _serve(self, work: Work, args: tuple[Any, ...]) -> None:
        while True:
            await work(*args)
            if len(self._idle) >= _IDLE:
                return
            idle = _Idle()
            self._idle.append(idle)
            await idle.wake.wait()
            assert idle.job is not None
            work, args = idle.job
