"""Bots are kept alive, one adapter each, whatever operators and reloads do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import anyio
import pytest

from mindbot.domain.bot import Bot
from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.message import Message, Part
from mindbot.domain.ports.platform import Receipt, Receive, Report
from mindbot.runtime.bots import Bots
from mindbot.runtime.lifecycle import HealthBoard
from mindbot.runtime.outbox import Outbox
from mindbot.runtime.patience import Policy

pytestmark = pytest.mark.anyio

NAME = ("phone", "default")


class Line:
    """Counts how many of its runs are alive."""

    name, bot, idempotent = "phone", "default", True

    def __init__(self) -> None:
        self.alive = 0
        self.runs = 0
        self.failures = 0

    async def run(self, receive: Receive, report: Report) -> None:
        self.runs += 1
        self.alive += 1
        try:
            report("ok", "")
            if self.failures:
                self.failures -= 1
                raise KeyError("a mistake of the adapter")
            await anyio.sleep_forever()
        finally:
            self.alive -= 1

    def plan(self, parts: Sequence[Part]) -> list[list[Part]]:
        return [list(parts)]

    def address(self, user: str) -> dict[str, str]:
        return {"to": user}

    async def send(self, delivery: Delivery) -> Sent:
        return Sent()


async def nobody(message: Message) -> Receipt:
    raise AssertionError(message)


async def no_disk(delivery: Delivery) -> None:
    raise AssertionError(delivery)


@asynccontextmanager
async def running(line: Line) -> AsyncIterator[tuple[Bots, HealthBoard]]:
    health = HealthBoard()
    outbox = Outbox(no_disk, lambda event: None, lambda topic: False, Policy())
    bots = Bots(cast(Any, None), outbox, health, nobody)
    bots.use({NAME: (Bot.of(line), {})})
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(bots.run)
        await anyio.wait_all_tasks_blocked()
        yield bots, health
        tasks.cancel_scope.cancel()


async def test_two_restarts_at_once_leave_one_adapter_running() -> None:
    line = Line()
    async with running(line) as (bots, _):
        bots.restart(NAME)
        bots.restart(NAME)
        await anyio.wait_all_tasks_blocked()
        assert line.alive == 1
    assert line.alive == 0


async def test_a_bot_that_is_gone_before_it_began_harms_nobody() -> None:
    line, late = Line(), Line()
    late.bot = "late"
    async with running(line) as (bots, _):
        made: dict[tuple[str, str], tuple[Any, Any]] = {NAME: (None, {})}
        bots.use(made | {("phone", "late"): (Bot.of(late), {})})
        bots.use(made)
        await anyio.wait_all_tasks_blocked()
        assert (line.alive, late.alive) == (1, 0)
        assert [bot["bot"] for bot in bots.list()] == ["default"]


async def test_an_adapter_that_fails_is_shown_and_started_again() -> None:
    line = Line()
    line.failures = 1
    async with running(line) as (bots, health):
        assert health.state("bot phone/default") == "failed"
        assert "KeyError" in health.reason("bot phone/default")
        bots.restart(NAME)  # an operator need not wait for the back-off
        await anyio.wait_all_tasks_blocked()
        assert (line.alive, line.runs, health.state("bot phone/default")) == (1, 2, "ok")


async def test_a_stopped_bot_says_so_whatever_its_adapter_reports_on_the_way_out() -> None:
    class Loud(Line):
        async def run(self, receive: Receive, report: Report) -> None:
            try:
                await super().run(receive, report)
            finally:
                report("degraded", "closing")

    line = Loud()
    async with running(line) as (bots, health):
        bots.halt(NAME)
        await anyio.wait_all_tasks_blocked()
        assert line.alive == 0
        (row,) = bots.list()
        assert (row["state"], row["reason"]) == ("stopped", "stopped by an operator")
        bots.restart(NAME)
        await anyio.wait_all_tasks_blocked()
        assert health.state("bot phone/default") == "ok" and line.alive == 1


async def test_an_unknown_bot_is_guessed() -> None:
    async with running(Line()) as (bots, _):
        assert "did you mean phone/default?" in bots.unknown("phone", "defalt").hint
        assert "did you mean phone?" in bots.unknown("phnoe", "").hint
        assert bots.unknown("mail", "x").hint == "bots: phone/default"


async def test_a_bots_row_tells_its_traffic_and_what_it_can_do() -> None:
    async with running(Line()) as (bots, _):
        (row,) = bots.list()
    assert row["abilities"] == []
    assert (row["traffic"]["sent"], row["traffic"]["waiting"], row["traffic"]["last_sent"]) == (0, 0, 0.0)
