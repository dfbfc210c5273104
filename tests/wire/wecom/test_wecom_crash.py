"""What the daemon finds on its way after a crash: shown once while WeCom remembers it, marked afterwards."""

import time

import anyio
import pytest
from wecom_here import Clock, a_delivery, connected

from mindbot.domain.bot import Bot
from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import NetworkFailed
from mindbot.runtime.outbox import Outbox
from mindbot.runtime.patience import Policy
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio


async def on_disk(delivery: Delivery) -> None:
    """Every state is kept."""


@pytest.mark.parametrize(
    ("later", "shown", "notes"), [(600.0, 1, {}), (7200.0, 2, {"repeated": True})], ids=["soon", "late"]
)
async def test_a_crash_while_sending(later: float, shown: int, notes: dict[str, bool]) -> None:
    clock = Clock(time.time())
    fault = "lost-answer:n=1@message/send"
    async with connected(fault=fault, clock=clock, sim={"clock": clock}) as here:
        delivery = a_delivery("hello", created=clock.now)
        with pytest.raises(NetworkFailed):
            await here.bot.send(delivery)
        clock.now += later
        delivery.state, delivery.again = "unknown", True  # as the store has it after a crash
        outbox = Outbox(on_disk, lambda event: None, lambda topic: False, Policy())
        outbox.serve(Bot.of(here.restarted(clock=clock)))
        outbox.submit([delivery])
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(outbox.run)
            with anyio.fail_after(PATIENCE):
                while outbox.waiting:
                    await anyio.sleep(0.005)
            tasks.cancel_scope.cancel()
        assert here.shown() == ["hello"] * shown
        assert (delivery.state, delivery.notes.to_json()) == ("sent", notes)
