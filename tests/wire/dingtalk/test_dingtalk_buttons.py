"""Cards with buttons and forms: a press is a message, once, whatever happens meanwhile."""

from __future__ import annotations

import json

import anyio
import pytest
from dingtalk_here import a_delivery, connected, only_card

from mindbot.domain.errors import NetworkFailed, StoreError
from mindbot.domain.message import Part
from mindbot.testing.waiting import until

pytestmark = pytest.mark.anyio

BUTTONS = {"title": "Sure?", "buttons": [{"id": "yes", "text": "Yes"}, {"id": "no", "text": "No"}]}


async def test_a_press_is_a_message_and_a_second_one_is_not() -> None:
    async with connected() as here:
        to = await here.asked()
        sent = await here.bot.send(a_delivery(to, Part("card", "Delete it?", BUTTONS)))
        for _ in range(2):
            assert (await here.sim.press(sent.id, "li", "yes", {"why": "old"})).acked
        _, pressed = here.inbox.messages
        assert (pressed.text, pressed.sender, pressed.session) == ("Yes", "li", "s")
        assert pressed.parts[0].data["params"] == {"why": "old"}
        params = only_card(here)["params"]
        assert params["tips"] == "✓ Yes" and json.loads(params["sys_full_json_obj"]) == {"msgButtons": []}
        await here.sim.press(sent.id, "wang", "no")
        assert len(here.inbox.messages) == 2


async def test_a_late_press_is_told_so() -> None:
    async with connected() as here:
        sent = await here.bot.send(a_delivery(await here.asked(), Part("card", "?", BUTTONS)))
        here.keep.values.clear()
        assert (await here.sim.press(sent.id, "li", "yes")).acked
        assert "expired" in str(only_card(here)["params"])
        assert len(here.inbox.messages) == 1


async def test_where_no_card_can_be_the_choices_are_text() -> None:
    async with connected() as here:
        to = await here.asked(user="out1")
        await here.bot.send(a_delivery(to, Part("card", "Delete it?", BUTTONS)))
        assert here.shown("out1") == ["Delete it?\n\n1. Yes\n2. No"]
    async with connected(fault="card-failed") as here:
        await here.bot.send(a_delivery(await here.asked(), Part("card", "Delete it?", BUTTONS)))
        assert here.shown() == ["Delete it?\n\n1. Yes\n2. No"]


FORM = {
    "title": "Holiday",
    "form": {"fields": [{"name": "days", "label": "Days"}, {"name": "why", "label": "Reason"}]},
    "buttons": [{"id": "send", "text": "Send"}],
}


@pytest.mark.parametrize(
    "params",
    [
        {"form": {"days": 3, "why": "sun"}},
        {"form": '{"days": 3, "why": "sun"}'},
        {"days": 3, "why": "sun", "action": "send"},
    ],
)
async def test_a_form_comes_back_as_values_and_as_words(params: dict[str, object]) -> None:
    async with connected(form_template_id="form.schema") as here:
        sent = await here.bot.send(a_delivery(await here.asked(), Part("card", "When?", FORM)))
        card = here.sim.cards.cards[sent.id]
        assert card.template == "form.schema" and json.loads(card.params["form"]) == FORM["form"]
        assert (await here.sim.press(sent.id, "li", "send", params)).acked
        pressed = here.inbox.messages[-1]
        assert pressed.text == "Send\nDays: 3\nReason: sun"
        assert pressed.parts[0].data["values"] == {"days": 3, "why": "sun"}
        assert only_card(here)["params"]["submitted"] == "true"


async def test_a_form_without_a_template_is_asked_in_words() -> None:
    async with connected() as here:
        await here.bot.send(a_delivery(await here.asked(), Part("card", "When?", FORM)))
        assert here.shown() == ["When?\n\n- Days:\n- Reason:"]


async def test_presses_at_the_same_moment_are_one() -> None:
    async with connected() as here:
        sent = await here.bot.send(a_delivery(await here.asked(group="team"), Part("card", "?", BUTTONS)))
        async with anyio.create_task_group() as tasks:
            for user, action in (("li", "yes"), ("wang", "no"), ("li", "yes")):
                tasks.start_soon(here.sim.press, sent.id, user, action)
        (pressed,) = here.inbox.messages[1:]
        tips = only_card(here)["params"]["tips"]
        assert tips == f"✓ {pressed.text}"


async def test_what_buttons_do_survives_a_restart() -> None:
    async with connected() as here:
        sent = await here.bot.send(a_delivery(await here.asked(), Part("card", "?", BUTTONS)))
        await here.restart()
        assert (await here.sim.press(sent.id, "li", "yes", None)).acked
        await here.restart()
        assert (await here.sim.press(sent.id, "li", "no", None)).acked
        assert [m.text for m in here.inbox.messages[1:]] == ["Yes"]


@pytest.mark.full
async def test_a_press_that_cannot_be_stored_in_time_is_not_acknowledged_and_shown_later() -> None:
    async with connected() as here:
        sent = await here.bot.send(a_delivery(await here.asked(), Part("card", "?", BUTTONS)))
        here.inbox.hold()
        pressed = await here.sim.press(sent.id, "li", "yes")  # the platform waits two seconds
        assert not pressed.acked
        assert only_card(here)["params"]["tips"] == ""
        here.inbox.release()
        await until(lambda: only_card(here)["params"]["tips"] == "✓ Yes")
        assert (await here.sim.press(sent.id, "li", "no")).acked
        assert [m.text for m in here.inbox.messages[1:]] == ["Yes"]


@pytest.mark.full
async def test_a_press_that_cannot_be_stored_is_not_acknowledged() -> None:
    async with connected(again=True) as here:
        sent = await here.bot.send(a_delivery(await here.asked(), Part("card", "?", BUTTONS)))
        here.keep.error = StoreError("disk full")
        with anyio.move_on_after(1.0):
            await here.sim.press(sent.id, "li", "yes")
        assert only_card(here)["params"]["tips"] == ""
        here.keep.error = None
        assert (await here.sim.press(sent.id, "li", "yes")).acked
        assert len(here.inbox.messages) == 2


async def test_a_lost_answer_to_a_card_with_buttons_makes_no_second_card() -> None:
    async with connected() as here:
        to = await here.asked()
        here.sim.faults.set(["lost-answer:n=1@createAndDeliver"])
        delivery = a_delivery(to, Part("card", "?", BUTTONS))
        with pytest.raises(NetworkFailed):
            await here.bot.send(delivery)
        sent = await here.bot.send(delivery)
        assert len(here.shown()) == 1
        assert (await here.sim.press(sent.id, "li", "yes")).acked


async def test_cards_may_be_sent_again_and_words_may_not() -> None:
    async with connected(form_template_id="form.schema") as here:
        to = await here.asked()
        assert here.bot.repeatable(a_delivery(to, Part("card", "?", BUTTONS)))
        assert here.bot.repeatable(a_delivery(to, Part("card", "?", FORM)))
        assert not here.bot.repeatable(a_delivery(to, Part("card", "?", {"buttons": [{"url": "https://x"}]})))
        assert not here.bot.repeatable(a_delivery(to, "words"))
        assert not here.bot.repeatable(a_delivery(to | {"user": ""}, Part("card", "?", BUTTONS)))
        here.sim.faults.set(["card-failed"])
        failing = a_delivery(to, Part("card", "?", BUTTONS))
        await here.bot.send(failing)
        assert not here.bot.repeatable(failing)
        growing = a_delivery(to, "answer", kind="stream")
        assert here.bot.repeatable(growing)
        await here.bot.send(growing)  # it never got a card
        assert not here.bot.repeatable(growing)
