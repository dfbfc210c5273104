"""AI cards that grow, read back as people see them."""

from __future__ import annotations

import anyio
import pytest
from dingtalk_here import a_delivery, connected, only_card

from mindbot.domain.delivery import Delivery, DeliveryNotes
from mindbot.domain.errors import Overloaded, RateLimited, VendorError
from mindbot.platforms.dingtalk.cards import INTERRUPTED
from mindbot.testing.waiting import until

pytestmark = pytest.mark.anyio

TEMPLATES = pytest.mark.parametrize("template", ["", "mine.schema"])


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


async def test_a_long_answer_leaves_its_card_where_that_is_wanted() -> None:
    async with connected(enable_stream_reply=True, card_bytes=20) as here:
        text = "much longer than twenty bytes"
        delivery = a_delivery(await here.asked(), text, kind="stream")
        for shown in ("short", text):
            await here.bot.stream(delivery, shown)
        assert only_card(here)["text"] == "short"
        await here.bot.send(delivery)
        assert here.shown() == [INTERRUPTED, text]


@pytest.mark.full
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
        again = a_delivery(to, "whole", kind="stream", notes=DeliveryNotes(interrupted=True))
        await here.restart()
        await here.bot.send(again)
        assert here.shown() == [INTERRUPTED, "whole"]


async def test_the_stop_button_stops_the_turn() -> None:
    async with connected(enable_stream_reply=True) as here:
        delivery = a_delivery(await here.asked(), "whole", kind="stream")
        await here.bot.stream(delivery, "wh")
        pressed = await here.sim.press(f"mb-{delivery.id}", "li", "stop")
        assert pressed.acked
        assert here.desk.stopped == [delivery.id.partition("-")[0]]


@TEMPLATES
async def test_an_answer_whose_end_was_not_sent_before_a_restart_ends_on_its_card(template: str) -> None:
    async with connected(enable_stream_reply=True, card_template_id=template) as here:
        delivery = a_delivery(await here.asked(), "whole", kind="stream")
        await here.bot.stream(delivery, "wh")
        await here.restart()
        delivery.again = True
        await here.bot.send(delivery)
        await here.restart()
        await here.bot.send(delivery)
        assert here.shown() == ["whole"]


@TEMPLATES
async def test_a_card_that_was_given_up_stays_given_up_after_a_restart(template: str) -> None:
    async with connected(
        enable_stream_reply=True, card_template_id=template, sim={"max_content": 60}
    ) as here:
        text = "much longer than sixty bytes of UTF-8, so that the card refuses to take it"
        delivery = a_delivery(await here.asked(), text, kind="stream")
        await here.bot.stream(delivery, "short")
        here.sim.faults.set(["503:n=1@sendBySession"])
        with pytest.raises(Overloaded):
            await here.bot.send(delivery)  # given up, and the plain reply has not got out
        card = only_card(here)
        assert (card["state"], card["text"]) == ("failed", INTERRUPTED)
        await here.restart()
        delivery.again, delivery.notes = True, DeliveryNotes()  # killed before the notes were on disk
        await here.bot.send(delivery)
        assert here.shown() == [INTERRUPTED, text]


@TEMPLATES
async def test_a_card_made_but_not_delivered_is_no_place_for_an_answer(template: str) -> None:
    async with connected(
        enable_stream_reply=True, card_template_id=template, fault="card-failed:n=1"
    ) as here:
        delivery = a_delivery(await here.asked(), "whole", kind="stream")
        with pytest.raises(VendorError):
            await here.bot.stream(delivery, "wh")
        await here.restart()
        delivery.again = True
        await here.bot.send(delivery)
        assert here.shown() == ["whole"]


async def test_a_card_that_cannot_be_finished_is_given_up_in_the_end() -> None:
    async with connected(enable_stream_reply=True, card_template_id="mine") as here:
        delivery = a_delivery(await here.asked(), "whole", kind="stream")
        await here.bot.stream(delivery, "wh")
        here.sim.faults.set(["503@card/streaming"])
        for attempt in range(1, 20):
            delivery.attempts = attempt
            try:
                sent = await here.bot.send(delivery)
                break
            except VendorError as error:
                assert error.retryable
        assert attempt == 5 and sent.notes["plain"]
        assert [m.text for m in here.sim.inbox("li") if m.msgtype != "card"] == ["whole"]
        assert delivery.notes.card_error


async def test_a_token_that_is_refused_for_cards_leaves_the_webhook() -> None:
    async with connected(enable_stream_reply=True) as here:
        delivery = a_delivery(await here.asked(), "whole", kind="stream")
        await here.bot.stream(delivery, "wh")
        here.sim.faults.set(["expired-token:n=99"])
        await here.bot.send(delivery)
        assert [m.text for m in here.sim.inbox("li") if m.msgtype != "card"] == ["whole"]


@pytest.mark.full
async def test_the_frame_that_ends_a_card_is_repeated_when_it_was_too_much() -> None:
    async with connected(
        enable_stream_reply=True, card_template_id="mine", fault="throttle-final:n=3"
    ) as here:
        delivery = a_delivery(await here.asked(), "whole", kind="stream")
        await here.bot.stream(delivery, "wh")
        await here.bot.send(delivery)
        assert (only_card(here)["state"], here.shown()) == ("finished", ["whole"])
        assert here.sim.counters["fault.throttle-final"] == 3


@pytest.mark.parametrize("late", [False, True])
async def test_a_finished_card_is_not_changed_by_an_end_that_comes_again(late: bool) -> None:
    async with connected(
        enable_stream_reply=True, card_template_id="mine", sim={"refuse_late": late}
    ) as here:
        delivery = a_delivery(await here.asked(), "whole", kind="stream")
        await here.bot.stream(delivery, "wh")
        for again in (False, True):
            delivery.again = again
            await here.bot.send(delivery)
        assert here.shown() == ["whole"]


async def test_text_that_no_encoding_knows_can_be_shown() -> None:
    async with connected(enable_stream_reply=True, card_template_id="mine") as here:
        delivery = a_delivery(await here.asked(), "whole \ud83d", kind="stream")
        await here.bot.stream(delivery, "wh \ud83d")
        await here.bot.send(delivery)
        assert here.shown() == ["whole \ufffd"]


@pytest.mark.full
async def test_open_cards_take_turns_and_none_is_left_behind() -> None:
    async with connected(
        enable_stream_reply=True, card_template_id="t", card_pace=0.3, calls_per_second=40, sim={"qps": 40}
    ) as here:
        to = await here.asked()

        async def show(delivery: Delivery) -> None:
            for n in range(1, 30):
                await here.bot.stream(delivery, "x" * n)
                await anyio.sleep(here.bot.pace)

        assert here.bot.pace < 0.4
        async with anyio.create_task_group() as tasks:
            for n in range(40):
                tasks.start_soon(show, a_delivery(to, n=n, kind="stream"))
            cards = here.sim.cards.cards
            await until(lambda: len(cards) == 40 and all(card.updates for card in cards.values()))
            assert here.bot.pace > 1.0  # forty share what one had
            tasks.cancel_scope.cancel()
        assert here.sim.counters["refused.Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"] == 0


@pytest.mark.full
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
