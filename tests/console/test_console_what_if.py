"""What would have been: replays, two turns side by side, and a jury whose answer one picks."""

from __future__ import annotations

import pytest
from console_debugger import debugged
from console_driver import console
from console_fakes import FakeClock, turn_id
from console_sample import filled
from console_what_if import DIFF, A, B, verdicts

from mindbot.domain.errors import Conflict

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_two_turns_stand_side_by_side(clock: FakeClock) -> None:
    daemon = filled()
    daemon.answers[f"GET /v1/turns/{A}/diff/{B}"] = DIFF
    async with console(daemon, clock=clock) as person:
        await person.sees("谢谢")
        await person.press("colon")
        await person.type(f"diff {A} {B}")
        await person.press("enter")
        await person.sees("- it left this morning.", "+ it leaves tomorrow.", f"mindbot diff {A} {B}")
        await person.press("right")
        await person.sees("- only in the first")
        await person.press("right")
        await person.sees("~ workflow: general")
        await person.press("left", "left", "left")
        await person.sees("~ money: 0.004", "~ money: 0.001")


async def test_a_turn_is_made_again_and_held_against_the_first(clock: FakeClock) -> None:
    daemon = filled()
    daemon.answers[f"GET /v1/turns/{A}/diff/{B}"] = DIFF
    daemon.answers[f"POST /v1/turns/{A}/replay"] = {"turn": B, "of": A}
    async with console(daemon, clock=clock) as person:
        await person.sees("谢谢")
        await person.press("home", "R")
        await person.sees("Replay of", "nothing of it is sent")
        await person.press("tab")
        await person.type("general")
        await person.press("enter")
        await person.sees("+ it leaves tomorrow.")
        orders = [body for what, body in daemon.asked if what == f"POST /v1/turns/{A}/replay"]
        assert [(order["workflow"], order["send"]) for order in orders] == [("general", False)]


async def test_a_jury_answers_side_by_side_and_one_is_picked(clock: FakeClock) -> None:
    daemon, _ = debugged()
    daemon.answers[f"POST /v1/turns/{turn_id(4)}/jury"] = verdicts
    async with console(daemon, clock=clock) as person:
        await person.press("D")
        await person.sees("47s")
        await person.press("equals_sign")
        await person.sees("Jury", "the first")
        await person.type("general")
        await person.press("tab")
        await person.type("openai/gpt-4o")
        await person.press("enter")
        await person.sees("A refund takes two days.", "310ms", "rate_limited: slow down")
        await person.press("enter")
        await person.finds(lambda: any(what.endswith("/answer") for what, _ in daemon.asked))
        answers = [body["text"] for what, body in daemon.asked if what.endswith("/answer")]
        assert answers == ["A refund takes two days."]


async def test_a_juror_that_said_nothing_cannot_be_picked(clock: FakeClock) -> None:
    daemon, _ = debugged()
    daemon.answers[f"POST /v1/turns/{turn_id(4)}/jury"] = Conflict("it has not ended")
    async with console(daemon, clock=clock) as person:
        await person.press("D")
        await person.sees("47s")
        await person.press("colon")
        await person.type("jury general openai/gpt-4o")
        await person.press("enter")
        await person.sees("it has not ended")
        await person.press("enter")
        await person.sees("no answer of a jury is selected")
        assert not any(what.endswith("/answer") for what, _ in daemon.asked)
