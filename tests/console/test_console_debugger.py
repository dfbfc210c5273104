"""The debugger's screens: parked turns, steps, editing beside somebody else, breakpoints."""

from __future__ import annotations

import pytest
from console_debugger import debugged, parked
from console_driver import console
from console_fakes import NOON, FakeClock, turn_id

from mindbot.domain.errors import Invalid
from mindbot_tui.state.merge import merge
from mindbot_tui.state.stops import Stops

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


def posted(daemon: object, method: str = "POST") -> list[str]:
    return [what for what, _ in daemon.asked if what.startswith(method)]  # type: ignore[attr-defined]


async def test_parked_turns_stand_out_everywhere_and_are_counted_down(clock: FakeClock) -> None:
    daemon, _ = debugged()
    async with console(daemon, clock=clock) as person:
        await person.sees("‖ 2 · 8s", "D debugger", "47s left, before run")
        clock.now += 3
        await person.sees("‖ 2 · 5s", "44s left, before run")
        await person.press("2")
        await person.sees("‖ 2 · 5s", "D debugger")


async def test_a_turn_that_parks_and_goes_on_is_told_by_events(clock: FakeClock) -> None:
    daemon, debugger = debugged()
    debugger.parked.clear()
    async with console(daemon, clock=clock) as person:
        await person.sees("谢谢")
        await person.sees_no("‖ 1 ·")
        debugger.stop(parked(12, "run", 60.0))
        await person.sees("‖ 1 · 60s", "60s left, before run")
        daemon.happen({"type": "turn.resumed", "turn": turn_id(12), "state": "running", "by": "lease"})
        await person.sees_no("‖ 1 ·")


async def test_stepping_through_a_turn(clock: FakeClock) -> None:
    daemon, debugger = debugged()
    async with console(daemon, clock=clock) as person:
        await person.press("D")
        await person.sees("before run", "47s", "deliver", '"sender": "carol"')
        await person.press("space")
        await person.finds(lambda: f"POST /v1/turns/{turn_id(4)}/step" in posted(daemon))
        await person.sees(f"mindbot debug step {turn_id(4)}", "running")
        debugger.stop({**parked(4), "on": "after", "breakpoint": "", "reason": "step"})
        await person.sees("after run")
        await person.press("S")
        await person.sees(f"mindbot debug step-in {turn_id(4)}")
        debugger.stop(parked(4))
        await person.sees("before run")
        await person.press("O")
        await person.sees(f"mindbot debug step-out {turn_id(4)}")


async def test_scopes_are_shown_one_at_a_time(clock: FakeClock) -> None:
    daemon, _ = debugged()
    async with console(daemon, clock=clock) as person:
        await person.press("D")
        await person.sees('"sender": "carol"')
        await person.press("right")
        await person.sees("most like 怎么退款")
        await person.press("right", "right")
        await person.sees("system: You answer customers")
        await person.press("tab", "enter")
        await person.sees("· prompt")


async def test_one_goes_on_or_all_do(clock: FakeClock) -> None:
    daemon, _ = debugged()
    async with console(daemon, clock=clock) as person:
        await person.press("D")
        await person.sees("before run")
        await person.press("a")
        await person.finds(lambda: f"POST /v1/turns/{turn_id(4)}/resume" in posted(daemon))
        await person.sees("‖ 1 ·")
        await person.press("A")
        await person.finds(lambda: "POST /v1/parked/resume" in posted(daemon))
        await person.sees("mindbot debug resume --all")
        await person.sees_no("‖ 1 ·")


async def test_dropping_is_asked_about_first(clock: FakeClock) -> None:
    daemon, _ = debugged()
    async with console(daemon, clock=clock) as person:
        await person.press("D")
        await person.sees("before run")
        await person.press("x")
        await person.sees("Its user gets no answer")
        assert not posted(daemon)
        await person.press("y")
        await person.finds(lambda: f"POST /v1/turns/{turn_id(4)}/drop" in posted(daemon))


async def test_an_operator_answers_in_their_own_words(clock: FakeClock) -> None:
    daemon, _ = debugged()
    async with console(daemon, clock=clock) as person:
        await person.press("D")
        await person.sees("before run")
        await person.press("w")
        await person.type("We call you.")
        await person.press("enter")
        await person.sees(f"mindbot debug answer {turn_id(4)} 'We call you.'")
        assert ("POST /v1/turns/" + turn_id(4) + "/answer") in posted(daemon)


async def test_what_cannot_be_stepped_says_why(clock: FakeClock) -> None:
    daemon, debugger = debugged()
    debugger.parked.clear()
    async with console(daemon, clock=clock) as person:
        await person.sees("谢谢")
        await person.press("a")
        await person.sees("the selected turn is not parked")
        await person.press("D")
        await person.sees("no turn is parked: b sets a breakpoint")


# --- editing


async def test_a_message_is_edited(clock: FakeClock) -> None:
    daemon, debugger = debugged()
    async with console(daemon, clock=clock) as person:
        await person.press("D")
        await person.sees("before run")
        await person.press("e")
        await person.sees("Edit ", "message.text", "I want a refund")
        await person.type(", please")
        await person.press("ctrl+s")
        await person.finds(
            lambda: debugger.scopes["message"]["text"] == "I want a refund for the blue lamp, please"
        )
        await person.sees("blue lamp, please", "mindbot debug set")


async def test_what_is_refused_stays_to_be_mended(clock: FakeClock) -> None:
    daemon, _ = debugged()
    daemon.answers[f"PUT /v1/turns/{turn_id(4)}/scopes"] = Invalid("message.text: at most 5 characters")
    async with console(daemon, clock=clock) as person:
        await person.press("D")
        await person.sees("before run")
        await person.press("e")
        await person.sees("I want a refund")
        await person.press("ctrl+s")
        await person.sees("at most 5 characters")
        await person.press("escape")
        await person.sees_no("at most 5 characters")


async def test_json_that_is_none_is_not_sent(clock: FakeClock) -> None:
    daemon, _ = debugged()
    async with console(daemon, clock=clock) as person:
        await person.press("D", "left")
        await person.sees('"order": "4711"')
        await person.press("e")
        await person.sees("variables")
        await person.finds(lambda: '"intent"' in person.screen)
        await person.type("x")
        await person.press("ctrl+s")
        await person.sees("this is no JSON")
        assert not posted(daemon, "PUT")


@pytest.mark.parametrize(("key", "left"), [("ctrl+s", "mine"), ("ctrl+t", "theirs")])
async def test_two_edit_the_same(clock: FakeClock, key: str, left: str) -> None:
    daemon, debugger = debugged()
    async with console(daemon, clock=clock) as person:
        await person.press("D")
        await person.sees("before run")
        await person.press("e")
        await person.sees("I want a refund")
        await person.press("ctrl+a")
        await person.type("mine I want")
        debugger.theirs("message.text", "theirs I want it")
        await person.press("ctrl+s")
        await person.sees("somebody else has changed it", "theirs I want it", "mine I want")
        assert debugger.scopes["message"]["text"] == "theirs I want it"
        await person.press(key)
        if key == "ctrl+t":
            await person.sees_no("somebody else has changed it")
            await person.press("ctrl+s")
        await person.finds(lambda: debugger.revision == 3)
        assert debugger.scopes["message"]["text"].startswith(left)


async def test_two_edits_of_different_lines_are_put_together(clock: FakeClock) -> None:
    daemon, debugger = debugged()
    debugger.scopes["message"]["text"] = "one\ntwo\nthree"
    async with console(daemon, clock=clock) as person:
        await person.press("D")
        await person.sees("before run")
        await person.press("e")
        await person.sees("three")
        await person.press("up", "up", "home")
        await person.type("my ")
        debugger.theirs("message.text", "one\ntwo\nthree of theirs")
        await person.press("ctrl+s")
        await person.sees("somebody else has changed it")
        await person.press("ctrl+g", "ctrl+s")
        await person.finds(lambda: debugger.scopes["message"]["text"] == "my one\ntwo\nthree of theirs")


def test_changes_are_put_together_where_they_stand_apart() -> None:
    assert merge("a\nb\nc", "A\nb\nc", "a\nb\nC") == ("A\nb\nC", True)
    text, apart = merge("a\nb\nc", "a\nmine\nc", "a\ntheirs\nc")
    assert not apart
    assert text == "a\n<<<<<<< mine\nmine\n=======\ntheirs\n>>>>>>> theirs\nc"


# --- the phone


async def test_the_phone_shows_what_would_be_sent(clock: FakeClock) -> None:
    daemon, debugger = debugged()
    async with console(daemon, clock=clock) as person:
        await person.press("D", "v")
        await person.sees("A refund takes three days.", "would be sent when it goes on")
        debugger.theirs("message.text", "I want it back")
        debugger.theirs("answer.text", "")
        await person.press("ctrl+r")
        await person.sees("I want it back", "edited", "nothing to send yet")


# --- breakpoints


async def test_a_breakpoint_is_set_by_a_form(clock: FakeClock) -> None:
    daemon, debugger = debugged()
    async with console(daemon, clock=clock) as person:
        await person.sees("谢谢")
        await person.press("b")
        await person.sees("Breakpoint", "from the nth")
        await person.press("tab", "tab")
        await person.type('text =~ "refund"')
        await person.press("enter")
        await person.sees("breakpoint b4 is set")
        assert debugger.breakpoints[-1]["filter"] == 'text =~ "refund"'
        await person.sees("mindbot debug break --stage run --when 'text =~ \"refund\"'")


async def test_a_breakpoint_that_is_none_says_so_in_the_form(clock: FakeClock) -> None:
    daemon, _ = debugged()
    async with console(daemon, clock=clock) as person:
        await person.sees("谢谢")
        await person.press("b")
        await person.sees("Breakpoint")
        await person.press("tab")
        await person.type("x")
        await person.press("enter")
        await person.sees("a breakpoint does not stop 'beforex'")
        assert not posted(daemon)


async def test_breakpoints_are_listed_switched_and_cleared(clock: FakeClock) -> None:
    daemon, debugger = debugged()
    async with console(daemon, clock=clock) as person:
        await person.press("colon")
        await person.type("breakpoints\n")
        await person.press("enter")
        await person.sees("before run", "rate_limited", "1,204", "refund")
        await person.press("x")
        await person.finds(lambda: not debugger.breakpoints[0]["enabled"])
        await person.sees("mindbot debug disable b1")
        await person.press("s")
        await person.finds(lambda: debugger.breakpoints[0]["enabled"])
        await person.press("d")
        await person.finds(lambda: [each["id"] for each in debugger.breakpoints] == ["b2", "b3"])
        await person.sees("breakpoint b1 is cleared")


async def test_messages_are_stopped_by_a_filter(clock: FakeClock) -> None:
    daemon, debugger = debugged()
    async with console(daemon, clock=clock) as person:
        await person.sees("谢谢")
        await person.press("i")
        await person.type('user == "carol"')
        await person.press("enter")
        await person.sees('stops user == "carol"')
        assert debugger.breakpoints[-1]["stage"] == "run"
        await person.press("colon")
        await person.type("intercept off")
        await person.press("enter")
        await person.sees_no('stops user == "carol"')
        assert len(debugger.breakpoints) == 3


def test_the_first_lease_that_ends_is_counted() -> None:
    stops = Stops()
    for id, until in (("A", NOON + 9.2), ("B", NOON + 30)):
        stops.take("parked", {"turn": id, "lease_until": until, "at": "before run"})
    assert (len(stops), stops.left(NOON)) == (2, 10)
    stops.take("answered", {"turn": "A"})
    assert (len(stops), stops.left(NOON), stops.left(NOON + 99)) == (1, 30, 0)
