"""A turn is never held past what others wait for: a deadline around the step, a reply that is in time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from debug_house import a_house

from mindbot.debug.gate import MARGIN

pytestmark = pytest.mark.anyio


async def test_a_step_inside_a_deadline_is_held_less_than_that(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        house.echo.within = 30.0
        await house.stop(step="model")
        turn = await house.say("hello")
        parked = await house.parked(turn, "before", "echo")
        assert parked["lease_until"] <= time.time() + 30.0 - MARGIN
        assert parked["lease_until"] - parked["since"] <= 30.0 - MARGIN
        await house.act(turn, "resume")
        assert (await house.ended(turn))["state"] == "answered"


async def test_a_turn_goes_on_before_its_platform_takes_no_reply_any_more(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        house.phone.answers_for = 20.0
        await house.stop(stage="run")
        turn = await house.say("hello")
        received = (await house.runtime.resources.turns.get_turn(turn))["received"]
        assert (await house.parked(turn))["lease_until"] == received + 20.0 - MARGIN
        await house.act(turn, "resume")
        await house.ended(turn)
        house.phone.answers_for = 1.0  # there is no time to hold it at all
        assert (await house.ended(await house.say("at once")))["reply"] == "you said at once"
        assert house.phone.shown == ["you said hello", "you said at once"]


async def test_an_apology_for_the_wait_is_not_the_debuggers_doing(tmp_path: Path) -> None:
    async with a_house(tmp_path, lease="1h") as house:
        await house.stop(stage="access")
        turn = await house.say("hello")
        parked = await house.parked(turn, "before", "access")
        received = (await house.runtime.resources.turns.get_turn(turn))["received"]
        assert parked["lease_until"] == received + 900 - MARGIN
        await house.act(turn, "resume")
        await house.ended(turn)
