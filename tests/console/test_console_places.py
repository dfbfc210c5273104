"""Back and forth through what was looked at."""

from __future__ import annotations

import pytest
from console_driver import console
from console_fakes import FakeClock
from console_sample import filled, turn_id

from mindbot.api.calls import ApiCall
from mindbot_tui.state.history import MOST, History, Layer

pytestmark = pytest.mark.anyio

DEAD, CONFIG = (Layer("dead"),), (Layer("config"),)


def test_places_are_gone_through_back_and_forth() -> None:
    history = History()
    history.visit(DEAD)
    history.visit(CONFIG)
    assert history.ahead(1) is None
    assert history.travel(-1) == DEAD
    assert history.before == CONFIG
    history.visit((Layer("logs"),))
    assert history.ahead(1) is None, "what lay ahead is forgotten"
    assert history.ahead(-2) == ()


def test_a_place_instead_of_another_takes_its_room_and_leaves_the_one_before() -> None:
    history = History()
    history.visit((Layer("turn", "A"),))
    history.visit((Layer("turn", "B"),), instead=True)
    assert history.ahead(-1) == ()
    assert history.before == ()


def test_a_history_is_bounded() -> None:
    history = History()
    for n in range(3 * MOST):
        history.leave(str(n))
        history.visit((Layer("turn", str(n)),))
    assert history.ahead(1 - MOST) is not None
    assert history.ahead(-MOST) is None
    assert len(history._spots) <= MOST + 1


@pytest.mark.full
async def test_places_come_back_with_what_was_selected_in_them(clock: FakeClock) -> None:
    async with console(filled(), clock=clock) as person:
        await person.sees("Where is my order")
        await person.press("left_square_bracket")
        await person.sees("there is no place before this one")
        await person.press("home", "down", "enter")
        await person.sees(f"Turn {turn_id(1)}")
        await person.press("full_stop", "right")
        await person.sees(f"Turn {turn_id(2)}")
        await person.press("4")
        await person.sees("40001")
        await person.press("down")
        letter = person.app.view.dead_letter
        await person.press("5")
        await person.sees("wecom.corpid")
        await person.press("left_square_bracket")
        await person.sees("40001")
        await person.finds(lambda: person.app.view.dead_letter == letter)
        await person.press("left_square_bracket")
        await person.sees(f"Turn {turn_id(2)}")
        await person.press("left_square_bracket")
        await person.sees("TIME")
        await person.press("right_square_bracket", "right_square_bracket", "right_square_bracket")
        await person.sees("wecom.corpid")
        await person.press("minus")
        await person.sees("40001")
        await person.press("minus")
        await person.sees("wecom.corpid")


@pytest.mark.full
async def test_the_help_begins_with_the_keys_of_the_place_and_runs_what_is_chosen(clock: FakeClock) -> None:
    async with console(filled(), clock=clock) as person:
        await person.press("4")
        await person.sees("40001")
        await person.press("question_mark")
        await person.sees_at(2, "Here: Dead letters")
        await person.sees("put it away for good", "Dead letters › Help")
        await person.press("slash")
        await person.type("conversations")
        await person.sees_no("put it away for good")
        await person.press("enter", "enter")
        await person.sees("$ mindbot session list")
        await person.press("minus")
        await person.sees("40001")


@pytest.mark.full
async def test_the_help_scrolls_and_closes_where_it_was_opened(clock: FakeClock) -> None:
    async with console(filled(), clock=clock, size=(80, 24)) as person:
        await person.sees("Where is my")
        await person.press("home", "enter")
        await person.sees("ToUserName")
        await person.press("question_mark")
        await person.sees("Here: Turn", "the next turn of the list", "1-9 views")
        await person.press("pagedown", "pagedown")
        await person.sees_no("the next turn of the list")
        await person.press("G")
        await person.sees("Routes", "let an accepted correction count no longer")
        await person.press("escape")
        await person.sees("ToUserName")


@pytest.mark.full
async def test_what_was_done_last_is_taken_back_and_what_cannot_be_is_said(clock: FakeClock) -> None:
    daemon = filled()
    told: list[str] = []

    def settle(action: str) -> None:
        def answer(call: ApiCall[object]) -> object:
            told.append(f"{action} {' '.join(call.body['ids'])}")
            return {"settled": [{"id": id, "done": True, "why": ""} for id in call.body["ids"]]}

        daemon.answers[f"POST /v1/dead-letters/{action}"] = answer

    settle("discard")
    settle("restore")
    async with console(daemon, clock=clock) as person:
        await person.sees("Where is my order")
        await person.press("U")
        await person.sees("nothing to take back; what went out")
        await person.press("slash")
        await person.type("cheap")
        await person.press("enter")
        await person.sees("1/13")
        await person.press("x")
        await person.sees_no("1/13")
        await person.press("4")
        await person.sees("40001")
        letter = person.app.view.dead_letters[0]
        await person.press("d")
        await person.sees("(y)")
        await person.press("y")
        await person.finds(lambda: told == [f"discard {letter}"])
        await person.finds(lambda: len(person.app.state.acts) == 2)
        await person.press("U")
        await person.sees(f"undone: discard of {letter}")
        assert told[-1] == f"restore {letter}"
        await person.press("1", "U")
        await person.sees("1/13", "undone: clearing the filter cheap")


@pytest.mark.full
async def test_the_pane_in_use_is_shown_alone_and_with_the_others_again(clock: FakeClock) -> None:
    async with console(filled(), clock=clock, size=(80, 24)) as person:
        await person.sees("Where is my")
        await person.press("home", "enter")
        await person.sees("STEP", "ToUserName")
        await person.press("z")
        await person.sees_no("ToUserName")
        await person.sees("STEP")
        await person.press("z")
        await person.sees("ToUserName")
        await person.press("tab", "z")
        await person.sees_no("STEP")
        await person.press("escape")
        await person.sees("STEP", "ToUserName", "1-9 views")
