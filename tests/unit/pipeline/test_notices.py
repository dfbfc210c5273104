"""Limits, late turns and failures: who is told of them, and who is not."""

from __future__ import annotations

import pytest
from pipeline_house import Echo, House

from mindbot.domain.errors import AuthFailed, BudgetSpent
from mindbot.domain.message import text_part

pytestmark = pytest.mark.anyio


async def test_a_user_over_the_rate_is_told_and_others_are_not_touched() -> None:
    house = House(limits={"per_user": "2/m", "notice": "slow down"})
    states = []
    for _ in range(3):
        house.memo.clear()
        states.append((await house.run()).state)
    assert states == ["answered", "answered", "dropped"]
    house.memo.clear()
    assert (await house.run(user="mei")).state == "answered"
    house.memo.clear()
    house.now += 31
    assert (await house.run(received=house.now)).state == "answered", "a token came back after half a minute"


async def test_a_turn_that_is_too_old_gets_an_apology_instead_of_a_late_answer() -> None:
    runner = Echo()
    turn = await House(
        runner, now=5000.0, dispatcher={"stale_after": "15m", "stale_notice": "Too late."}
    ).run()
    assert (turn.state, turn.reply.text, runner.calls) == ("dropped", "Too late.", 0)
    assert turn.reason.startswith("stale:")


async def test_an_event_that_is_too_old_is_dropped_without_a_word() -> None:
    house = House(now=5000.0, dispatcher={"stale_after": "15m", "stale_notice": "Too late."})
    house.greetings = (text_part("welcome"),)
    turn = await house.run(kind="event")
    assert (turn.state, turn.reply.parts) == ("dropped", [])
    assert turn.reason.startswith("stale:")


async def test_a_push_says_what_the_operator_wrote_however_long_it_waited() -> None:
    house = House(now=5000.0, dispatcher={"stale_after": "15m", "stale_notice": "Too late."})
    turn = await house.run("the lift is mended", kind="push")
    assert (turn.state, turn.reply.text) == ("answered", "the lift is mended")


async def test_events_and_pushes_cost_no_token_and_are_not_held_up_for_one() -> None:
    house = House(limits={"per_user": "1/m", "notice": "slow down"})
    house.greetings = (text_part("welcome"),)

    async def said(kind: str) -> str:
        house.memo.clear()
        return (await house.run(kind=kind)).reply.text

    assert [await said(kind) for kind in ("event", "push", "event", "push")] == ["welcome", "hello"] * 2
    assert [await said("text") for _ in range(2)] == ["echo: hello", "slow down"]
    assert await said("event") == "welcome"


@pytest.mark.parametrize("kind", ["event", "push"])
async def test_a_failure_is_not_told_to_somebody_who_wrote_nothing(kind: str) -> None:
    house = House(dispatcher={"failure_notice": "Sorry."})
    house.silence_error = AuthFailed("no token")
    turn = await house.run(kind=kind)
    assert (turn.state, turn.reply.parts) == ("failed", [])
    assert turn.reason == "auth_failed: no token"


async def test_who_has_nothing_left_to_spend_is_told_that_and_nothing_failed() -> None:
    spent = BudgetSpent("100% of the day's budget of user console/lin")
    turn = await House(Echo(spent), budgets={"notice": "That was all for today."}).run()
    assert (turn.state, turn.reply.text) == ("dropped", "That was all for today.")
    assert turn.reason == "budget_spent: 100% of the day's budget of user console/lin"
