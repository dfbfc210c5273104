"""Deliveries through the outbox: lost answers and a stalled disk neither lose a reply nor say it twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from dingtalk_here import Here, a_delivery, connected

from mindbot.domain.bot import Bot
from mindbot.domain.delivery import Delivery
from mindbot.domain.message import Part
from mindbot.media.spool import bytes_of
from mindbot.runtime.outbox import Outbox
from mindbot.runtime.patience import Policy
from mindbot.testing.waiting import until

pytestmark = pytest.mark.anyio


async def _written(delivery: Delivery) -> None:
    """Stand in for a disk that is always well."""


@asynccontextmanager
async def an_outbox(here: Here, timeout: float = 10.0) -> AsyncIterator[Outbox]:
    policy = Policy(min_backoff=0.01, max_backoff=0.02, timeout=timeout)
    outbox = Outbox(_written, lambda event: None, lambda topic: False, policy)
    outbox.serve(Bot.of(here.bot))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(outbox.run)
        yield outbox
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("call", ["accessToken", "media/upload"])
async def test_answers_lost_before_the_message_cost_it_nothing(call: str) -> None:
    async with connected(run=False, fault=f"lost-answer:n=5@{call}") as here, an_outbox(here) as outbox:
        file = await here.bot._host.media.save(bytes_of(b"%PDF-1.4"), name="a.pdf")
        delivery = a_delivery(here.bot.address("li"), Part("file", "", {"media": file.id}))
        outbox.submit([delivery])
        await until(lambda: not outbox.waiting)
        assert (delivery.state, delivery.attempts, delivery.again) == ("sent", 6, False)
        assert here.shown() == ["a.pdf"] and not delivery.notes.repeated


@pytest.mark.full
async def test_a_store_that_stalls_behind_a_sent_message_has_it_not_sent_again() -> None:
    async with connected(run=False) as here, an_outbox(here, timeout=0.5) as outbox:
        here.keep.stalled = True
        delivery = a_delivery(here.bot.address("li"), "hello")
        outbox.submit([delivery])
        await until(lambda: not outbox.waiting)
        assert (delivery.state, delivery.attempts) == ("sent", 1)
        assert here.shown() == ["hello"]


async def test_lost_answers_to_several_messages_of_one_answer_cut_it_not_off() -> None:
    async with connected(run=False) as here, an_outbox(here) as outbox:
        text = " ".join(map(str, range(9000)))
        delivery = a_delivery(here.bot.address("li"), text, kind="stream")
        pieces = here.bot.plan(delivery.parts)
        assert len(pieces) >= 3
        here.sim.faults.set([f"lost-answer:after={n}:n=1@oToMessages" for n in (0, 2, 4)])
        outbox.submit([delivery])
        await until(lambda: not outbox.waiting)
        assert delivery.state == "sent" and delivery.notes.repeated, delivery.error
        said = list(dict.fromkeys(here.shown()))
        assert said == [piece[0].text for piece in pieces]
        assert len(here.shown()) == len(pieces) + 3, "each of the three twice, and no more"
