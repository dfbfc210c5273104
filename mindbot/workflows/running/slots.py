"""The slot of a workflow that one run holds."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from mindbot.deadlines import now
from mindbot.domain.turn import Turn
from mindbot.pipeline.services import Services
from mindbot.workflows.manager import Workflows
from mindbot.workflows.members import Member


class HeldSlot:
    """See the module. Nobody waits for it beyond ``deadline``, a time of ``anyio.current_time()``."""

    def __init__(
        self, workflows: Workflows, services: Services, turn: Turn, member: Member, deadline: float
    ) -> None:
        self._standing = workflows.standing
        self._services = services
        self._turn = turn
        self._member = member
        self._deadline = deadline
        self._slots = self._standing.slots(member.workflow, member.settings.concurrency)
        self._workflow = self._standing.late(member.workflow)
        self._app = self._standing.late_of(member)
        self._holds = False

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Hold it for the length of the block; raises Overloaded where none was free in time."""
        await self._take()
        try:
            yield
        finally:
            self._leave()

    async def rest(self, seconds: float) -> None:
        """Wait between two starts of a run. It, and the turn's place among the turns, are others' meanwhile;
        raises Overloaded where none was free in time after that."""
        self._leave()
        async with self._services.lend(self._turn):
            await anyio.sleep(seconds)
        await self._take()

    async def _take(self) -> None:
        self._workflow.waiting += 1
        try:
            if self._slots.free:
                await self._slots.enter(0.0)
            else:
                await self._wait(min(self._member.settings.timeout, self._deadline - now()))
        finally:
            self._workflow.waiting -= 1
        self._holds = True
        self._workflow.in_flight += 1
        self._app.in_flight += 1

    async def _wait(self, seconds: float) -> None:
        """Wait for one; who does lends its place among the turns to others."""
        self._standing.waiting[self] = self._turn, time.monotonic()
        try:
            async with self._services.lend(self._turn):
                await self._slots.enter(max(0.0, seconds))
        finally:
            del self._standing.waiting[self]

    def _leave(self) -> None:
        if self._holds:
            self._holds = False
            self._workflow.in_flight -= 1
            self._app.in_flight -= 1
            self._slots.leave()
