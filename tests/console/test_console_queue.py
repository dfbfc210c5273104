"""The queue: what waits and for what; a delivery is tried again now, or given up."""

from __future__ import annotations

import pytest
from console_driver import console
from console_fakes import FakeClock, FakeDaemon
from console_sample import filled, turn_id

from mindbot.domain.errors import Conflict

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
def daemon() -> FakeDaemon:
    return filled()


@pytest.mark.full
async def test_what_waits_is_listed_and_acted_on(daemon: FakeDaemon, clock: FakeClock) -> None:
    waits = f"{turn_id(9)}-0"
    daemon.answers[f"POST /v1/queue/{waits}/hasten"] = None
    daemon.answers[f"POST /v1/queue/{waits}/cancel"] = Conflict(f"{waits} cannot be given up now")
    async with console(daemon, clock=clock) as person:
        await person.press("colon")
        await person.type("queue")
        await person.press("enter")
        await person.sees("Queue: 4 in, 4 out, 2 dead", "runs: model openai", "waits for a slot")
        await person.sees(f"waits behind {turn_id(11)}", "next try in 42s", "its bot is stopped")
        clock.now += 2
        await person.sees("next try in 40s")
        await person.press("r")
        await person.sees("this is a turn")
        await person.press(*["down"] * 5, "r")
        await person.sees(f"{waits} is tried again now", f"mindbot queue hasten {waits}")
        await person.press("d")
        await person.sees(f"Give {waits} up?")
        await person.press("y")
        await person.sees("cannot be given up now")
        await person.press("slash")
        await person.type('place == "dead letter"')
        await person.press("enter")
        await person.sees("2/10", "given up: somebody must decide")
        await person.press("d")
        await person.sees("Discard ")


async def test_the_smallest_screen_says_what_waits(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock, size=(40, 10)) as person:
        await person.app.go("queue")
        await person.sees("inbox", "runs: model")
