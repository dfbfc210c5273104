"""An operator takes a conversation over, speaks in it and gives it back."""

from __future__ import annotations

import pytest
from console_driver import console
from console_fakes import FakeClock
from console_sample import filled
from console_what_if import PATH, SESSION, Taken

from mindbot.domain.errors import TimedOut

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_a_conversation_is_taken_spoken_in_and_given_back(clock: FakeClock) -> None:
    daemon = filled()
    taken = Taken(daemon)
    async with console(daemon, clock=clock) as person:
        await person.press("3", "slash")
        await person.type("alice\n")
        await person.press("enter")
        await person.sees("And the other parcel?")
        await person.press("T")
        await person.sees("me answers since", "the user waits for 20s", "It left our warehouse")
        await person.sees(f"mindbot session take {SESSION}")
        await person.type("I look into it.")
        await person.press("enter")
        await person.finds(lambda: taken.said)
        assert taken.said[0]["text"] == "I look into it."
        await person.sees("4 more until the user writes again")
        await person.press("escape", "h")
        await person.sees("the bot answers; T takes it over", "is with: bot")


async def test_one_that_somebody_has_is_taken_only_when_that_is_meant(clock: FakeClock) -> None:
    daemon = filled()
    taken = Taken(daemon)
    taken.by = "bob"
    async with console(daemon, clock=clock) as person:
        await person.press("3", "slash")
        await person.type("alice\n")
        await person.press("enter")
        await person.sees("And the other parcel?")
        await person.press("T")
        await person.sees("bob has taken it", "Take it from them?")
        await person.press("n")
        await person.sees_no("Take it from them?")
        assert taken.by == "bob"
        await person.press("T")
        await person.sees("Take it from them?")
        await person.press("y")
        await person.sees("me answers since", "--force")


async def test_what_may_have_been_said_is_said_again_under_the_same_key(clock: FakeClock) -> None:
    daemon = filled()
    taken = Taken(daemon)
    answer = daemon.answers[f"POST {PATH}/say"]
    async with console(daemon, clock=clock) as person:
        await person.press("3", "slash")
        await person.type("alice\n")
        await person.press("enter")
        await person.sees("And the other parcel?")
        await person.press("T")
        await person.sees("me answers since")
        daemon.answers[f"POST {PATH}/say"] = TimedOut("the daemon did not answer in time")
        await person.type("Hello")
        await person.press("enter")
        await person.sees("did not answer in time")
        daemon.answers[f"POST {PATH}/say"] = answer
        await person.press("up", "enter")
        await person.finds(lambda: taken.said)
        keys = {body["key"] for what, body in daemon.asked if what == f"POST {PATH}/say"}
        assert len(keys) == 1
