"""AI cards that grow, and cards with buttons, read back as people see them."""

from __future__ import annotations

import json

import pytest
from dingtalk_here import Here, a_delivery, connected

from mindbot.domain.errors import RateLimited, VendorError
from mindbot.domain.message import Part
from mindbot.platforms.dingtalk.cards import INTERRUPTED

pytestmark = pytest.mark.anyio

TEMPLATES = pytest.mark.parametrize("template", ["", "mine.schema"])


def only_card(here: Here) -> dict[str, object]:
    (card,) = here.sim.cards.cards.values()
    return card.to_json()


@TEMPLATES
async def test_an_answer_grows_and_is_finished(template: str) -> None:
    async with connected(enable_stream_reply=True, card_template_id=template) as here:
        to = await here.asked()
        assert here.bot.can_stream(here.inbox.messages[-1])
        delivery = a_delivery(to, "one two three", kind="stream")
        for text in ("one", "one two"):
            await here.bot.stream(delivery, text)
        assert only_card(here)["state"] == "inputing"
        sent = await here.bot.send(delivery)
        card = only_card(here)
        assert (card["state"], card["text"]) == ("finished", "one two three")
        assert here.shown() == ["one two three"]
        assert sent.notes["card"] == card["outTrackId"] and sent.notes["carrier"]


async def test_in_a_group_the_card_is_in_the_group() -> None:
    async with connected(enable_stream_reply=True) as here:
        to = await here.asked(group="team")
        delivery = a_delivery(to, "whole", kind="stream")
        await here.bot.stream(delivery, "wh")
        await here.bot.send(delivery)
        assert here.shown("team") == ["whole"]


@TEMPLATES
@pytest.mark.parametrize(
    "fault",
    ["card-failed", "400:code=param.templateNotExist@createAndDeliver", "permission@createAndDeliver"],
)
async def test_a_card_that_cannot_be_is_one_plain_reply(fault: str, template: str) -> None:
    async with connected(enable_stream_reply=True, card_template_id=template, fault=fault) as here:
        delivery = a_delivery(await here.asked(), "whole answer", kind="stream")
        with pytest.raises(VendorError):
            await here.bot.stream(delivery, "who")
        sent = await here.bot.send(delivery)
        assert here.shown() == ["whole answer"]
        assert sent.notes["plain"]


async def test_a_card_that_breaks_half_way_is_one_plain_reply() -> None:
    async with connected(enable_stream_reply=True, sim={"max_content": 20}) as here:
        text = "much longer than twenty bytes"
        delivery = a_delivery(await here.asked(), text, kind="stream")
        await here.bot.stream(delivery, "short")
        await here.bot.send(delivery)
        assert [m.text for m in here.sim.inbox("li") if m.msgtype != "card"] == [text]


async def test_the_last_update_is_never_left_out() -> None:
    async with connected(enable_stream_reply=True) as here:
        delivery = a_delivery(await here.asked(), "whole", kind="stream")
        await here.bot.stream(delivery, "wh")
        here.sim.faults.set(["throttle:n=2@streaming"])
        await here.bot.send(delivery)
        assert here.shown() == ["whole"]


async def test_a_lost_answer_to_the_last_update_is_repeated_without_harm() -> None:
    async with connected(enable_stream_reply=True, card_template_id="mine") as here:
        delivery = a_delivery(await here.asked(), "whole", kind="stream")
        await here.bot.stream(delivery, "wh")
        here.sim.faults.set(["lost-answer:n=1@streaming"])
        with pytest.raises(VendorError) as caught:
            await here.bot.send(delivery)
        assert caught.value.retryable and not getattr(caught.value, "sent", False)
        await here.bot.send(delivery)
        assert here.shown() == ["whole"]


async def test_after_a_crash_the_card_says_so_and_the_answer_is_said_once() -> None:
    async with connected(enable_stream_reply=True, card_template_id="mine") as here:
        to = await here.asked()
        await here.bot.stream(a_delivery(to, kind="stream"), "wh")
        again = a_delivery(to, "whole", kind="stream", notes={"interrupted": True})
        here.bot._cards._shown.clear()  # as in a new process
        await here.bot.send(again)
        assert here.shown() == [INTERRUPTED, "whole"]


async def test_the_stop_button_stops_the_turn() -> None:
    async with connected(enable_stream_reply=True) as here:
        delivery = a_delivery(await here.asked(), "whole", kind="stream")
        await here.bot.stream(delivery, "wh")
        pressed = await here.sim.press(f"mb-{delivery.id}", "li", "stop")
        assert pressed.acked
        assert here.desk.stopped == [delivery.id.partition("-")[0]]


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
        assert isinstance(params, dict)
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


async def test_many_cards_share_the_calls_that_are_allowed() -> None:
    async with connected(
        enable_stream_reply=True, card_template_id="t", sim={"qps": 20}, calls_per_second=18
    ) as here:
        to = await here.asked()
        deliveries = [a_delivery(to, f"whole {n}", n=n, kind="stream") for n in range(12)]
        for delivery in deliveries:
            try:
                await here.bot.stream(delivery, "wh")
            except RateLimited:
                pytest.fail("an update must wait its turn, not fail")
        for delivery in deliveries:
            await here.bot.send(delivery)
        assert sorted(here.shown()) == sorted(f"whole {n}" for n in range(12))
        assert here.sim.counters["refused.Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"] == 0
