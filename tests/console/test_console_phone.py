"""The phone beside a turn's trace: what the user sees, of what was sent and not of what was meant."""

from __future__ import annotations

import pytest
from console_driver import console
from console_fakes import NOON, FakeClock, FakeDaemon
from console_sample import SAMPLE, filled, listing, turn_view
from console_turns import failed, queued, running, undelivered
from hypothesis import given
from hypothesis import strategies as st

from mindbot.api.models import TurnView
from mindbot.domain.message import Json
from mindbot_tui.state.phone import Bubble, exchange

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ALICE, ZHANG = SAMPLE[11], SAMPLE[7]


def seen(view: Json, saying: str = "") -> list[Bubble]:
    return list(exchange(TurnView.model_validate(view), saying))


def with_parts(*parts: Json, **more: object) -> Json:
    view = turn_view()
    view["deliveries"][0] |= {"parts": list(parts), **more}
    return view


def test_an_exchange_is_what_came_in_and_what_was_sent() -> None:
    asked, answer = seen({**turn_view(), "reply": "what was meant"})
    assert (asked.side, asked.name, asked.blocks) == ("user", "alice", (("text", "Where is my order 4711?"),))
    assert (answer.side, answer.note) == ("bot", "") and "warehouse" in answer.blocks[0][1]


def test_an_answer_that_did_not_arrive_says_so() -> None:
    _, lost = seen(undelivered(turn_view(7)))
    assert lost.note.startswith("✗ not delivered: 45047") and lost.kind == "bad"


def test_of_a_failure_the_user_sees_the_notice() -> None:
    _, notice = seen(failed(turn_view(4)))
    assert notice.blocks == (("text", "抱歉，我暂时无法回答，请稍后再试。"),)


def test_an_answer_grows_as_far_as_it_was_said() -> None:
    view = running(turn_view(11))
    assert seen(view)[1].blocks == () and seen(view)[1].note == "typing …"
    assert seen(view, "It left")[1].blocks == (("text", "It left▌"),)
    assert seen(view, "x" * 5000 + "end")[1].blocks[0][1].endswith("xend▌")
    assert len(seen(view, "x" * 5000)[1].blocks[0][1]) < 1000
    assert [b.note for b in seen({**view, "deliveries": []}, "It left")][1:] == ["typing …"]  # is not shown
    assert [b.note for b in seen(queued(turn_view(12)))][1:] == ["not begun yet"]


def test_cards_buttons_and_files_look_like_some() -> None:
    buttons = [{"id": "yes", "text": "Yes"}, {"id": "no"}]
    card = {"kind": "card", "text": "Shall we?", "data": {"title": "A question", "buttons": buttons}}
    picture = {"kind": "image", "data": {"media": "9f", "name": "map.png", "size": 48_213}}
    form = {"kind": "card", "data": {"title": "A form", "form": {"fields": [{"name": "a", "label": "Age"}]}}}
    _, bubble = seen(with_parts(card, picture, form))
    assert bubble.blocks == (
        ("title", "A question"),
        ("text", "Shall we?"),
        ("button", "[ Yes ]"),
        ("button", "[ no ]"),
        ("file", "[image] map.png 48 KB"),
        ("title", "A form"),
        ("field", "Age: ____"),
    )


@pytest.mark.parametrize(
    ("delivery", "note"),
    [
        ({"state": "discarded"}, "put away unsent"),
        ({"state": "unknown"}, "it may have arrived"),
        ({"state": "pending"}, "not sent yet"),
        ({"state": "pending", "attempts": 2, "error": "500"}, "tried 2 times: 500"),
        ({"notes": {"taken_back": NOON}}, "taken back"),
        ({"notes": {"failed": "blocked"}}, "✗ not delivered: blocked"),
    ],
)
def test_a_delivery_says_how_it_fares(delivery: Json, note: str) -> None:
    assert seen(with_parts(**delivery))[1].note == note


def test_what_nobody_wrote_stands_in_the_middle() -> None:
    view = {**turn_view(), "state": "dropped", "deliveries": []}
    view["message"] |= {"kind": "event", "parts": [{"kind": "text", "text": "entered the chat"}]}
    assert [(b.side, b.note) for b in seen(view)] == [("", "entered the chat"), ("", "nothing was sent")]
    view["message"]["kind"] = "push"
    assert [b.note for b in seen(view)] == ["nothing was sent"]


_ANY = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
_DATA = st.dictionaries(st.sampled_from(["title", "buttons", "form", "feed", "name", "size", "url"]), _ANY)


@given(st.sampled_from(["text", "card", "image", "link", "quote", "raw", ""]), _DATA)
def test_a_part_of_any_shape_can_be_drawn(kind: str, data: Json) -> None:
    assert len(seen(with_parts({"kind": kind, "text": "x", "data": data}))) == 2


@pytest.mark.full
async def test_the_phone_shows_the_conversation_as_it_grows(clock: FakeClock) -> None:
    daemon = filled()
    async with console(daemon, clock=clock, size=(160, 40)) as person:
        await person.sees("And the other parcel?")
        daemon.answers["GET /v1/turns"] = listing(ALICE["session"])
        await person.press("up", "enter")
        await person.sees("it left Hamburg ▌")
        await person.press("v")
        await person.sees("Where is my order 4711?", "It left our warehouse", "typing …")
        assert person.screen.count("And the other parcel?") == 1  # the message's text is not open
        tells = {"turn": ALICE["id"], "ts": NOON, "type": "chunk.text"}
        at = len(running(turn_view(11))["saying"])
        daemon.happen({**tells, "text": "yesterday.", "at": at})
        await person.finds(lambda: person.screen.count("yesterday.▌") == 2)
        await person.press("v")
        await person.sees_no("Where is my order 4711?")


@pytest.mark.full
async def test_on_a_narrow_screen_the_phone_is_in_place_of_the_texts(clock: FakeClock) -> None:
    daemon: FakeDaemon = filled()
    async with console(daemon, clock=clock, size=(80, 24)) as person:
        await person.sees("谢谢")
        daemon.answers["GET /v1/turns"] = listing(ZHANG["session"])
        for command in (f"open {ZHANG['id']}", "phone"):
            await person.press("colon")
            await person.type(command)
            await person.press("enter")
        await person.sees("发票怎么开？", "请提供公司名称和税号", "✗ not delivered: 45047")
        await person.sees_no("message  prompt")
        await person.resize(160, 30)
        await person.sees("message  prompt", "发票怎么开？")
        await person.resize(40, 10)
        await person.sees("✗ not delivered")
        await person.sees_no("发票怎么开？")
        await person.press("up")
        await person.sees("发票怎么开？")


@pytest.mark.full
async def test_on_the_smallest_screen_what_was_asked_and_the_answer_that_grows_are_in_sight(
    clock: FakeClock,
) -> None:
    daemon = filled()
    later = queued({**turn_view(12), "session": ALICE["session"], "text": "Hello? Are you there?"})
    later["message"] = {**later["message"], "parts": [{"kind": "text", "text": later["text"]}]}
    async with console(daemon, clock=clock, size=(40, 10)) as person:
        await person.sees("谢谢")
        daemon.answers["GET /v1/turns"] = lambda call: [later, *listing(ALICE["session"])(call)]
        daemon.answers[f"GET /v1/turns/{later['id']}"] = later
        await person.press("up", "enter")
        await person.sees("it left Hamburg")
        await person.press("v")
        await person.sees("And the other parcel?", "it left Hamburg ▌", "typing …")
        await person.finds(lambda: (("span", "chunk"), f'turn == "{ALICE["id"]}"') in daemon.subscribed)
        tells = {"turn": ALICE["id"], "ts": NOON, "type": "chunk.text"}
        said = "".join(f"On day {n} it was at sea. " for n in range(20))
        daemon.happen({**tells, "text": said, "at": len(running(turn_view(11))["saying"])})
        await person.sees("And the other parcel?", "19 it was at sea. ▌", "typing …")
        await person.sees_no("not begun yet")  # what waits behind it lies below
