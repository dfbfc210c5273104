"""Webhook mode: which way an answer goes is one decision, also across reloads and restarts, and in order."""

from __future__ import annotations

import time

import anyio
import pytest
from wecombot_here import Here, called_back, reloaded, restarted

from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.errors import Rejected
from mindbot.domain.host import TurnAnswer
from mindbot.domain.message import Json, Message, text_part
from mindbot.domain.shared import Shared
from mindbot.platforms.wecombot.polled import PolledAnswers
from mindbot.platforms.wecombot.say import stream_id
from mindbot.platforms.wecombot.webhook import WebhookBot
from mindbot.sim.wecombot.polls import PollRules
from mindbot.testing.platforms import served
from mindbot.testing.waiting import until

pytestmark = pytest.mark.anyio

NEVER: Json = {"sim": {"poll": PollRules(every=600.0)}}  # nobody polls by themselves


async def polled(here: Here, bot: WebhookBot, message: Message) -> tuple[bool, str]:
    """Poll once for the answer to a message; returns whether it has ended, and its text."""
    async with served(bot, here.inbox.receive) as url:
        poll = here.sim.people.poll("li", stream_id(here.turn(message)), "")
        stream = (await here.sim.hook.call(url, poll)).reply["stream"]
        return stream["finish"], stream["content"]


def stored(here: Here, delivery: Delivery, message: Message, *, overtakes: bool = False) -> None:
    here.desk.answers[here.turn(message)] = TurnAnswer(True, (delivery,), overtakes)


def long_ago(message: Message) -> Json:
    """Return where to answer a message that nobody polls for any more."""
    return message.reply_to | {"asked": time.time() - 1000}


async def test_an_answer_under_way_during_a_reload_grows_on_and_is_shown_once() -> None:
    async with called_back(**NEVER) as here:
        message = await here.asked("hello")
        new = reloaded(here, placeholder="other")
        delivery = here.answer(message, kind="stream")
        await here.bot.stream(delivery, "half")
        assert await polled(here, new, message) == (False, "half"), "the turn has the adapter it began with"
        delivery.parts = here.answer(message, "half and half").parts
        stored(here, delivery, message)
        sent: list[Sent] = []

        async def send() -> None:
            sent.append(await here.bot.send(delivery))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send)
            assert await polled(here, new, message) == (True, "half and half")
        assert sent[0].notes["way"] == "stream"
        assert here.sim.counters["aibot/response"] == 0


async def test_a_bot_removed_and_added_again_tells_no_poll_that_it_forgot() -> None:
    async with called_back(**NEVER) as here:
        message = await here.asked("hello")
        delivery = here.answer(message, "nobody polls while it is away")
        delivery.to = long_ago(message)
        stored(here, delivery, message)
        assert (await here.bot.send(delivery)).notes["way"] == "response_url"
        assert await polled(here, reloaded(here), message) == (True, "")
        assert await polled(here, restarted(here), message) == (True, "")
        assert here.shown()[-1] == "nobody polls while it is away"


async def test_a_long_answer_by_the_url_says_how_much_its_one_message_leaves_out() -> None:
    async with called_back(**NEVER) as here:
        message = await here.asked("hello")
        text = "a line of words\n" * 2000
        parts = here.bot.plan([text_part(text)])
        assert len(parts) == 2
        first, second = (here.answer(message, *part, n=n) for n, part in enumerate(parts))
        for delivery in (first, second):
            delivery.to = long_ago(message)
        stored(here, first, message)
        here.desk.answers[here.turn(message)] = TurnAnswer(True, (first, second), False)
        sent = await here.bot.send(first)
        shown = here.shown()[-1]
        kept = shown.rpartition("\n\n")[0]
        assert 0 <= len(text) - len(kept) - sent.notes["cut"] < 3, "but for line ends at the cuts"
        assert f"{sent.notes['cut']}" in shown.replace(",", "")
        first.state = "sent"
        assert (await here.bot.send(second)).notes["way"] == "response_url"
        assert here.sim.counters["aibot/response"] == 1
        first.state = "dead"
        with pytest.raises(Rejected, match="used"):
            await here.bot.send(second)


async def test_what_a_poll_took_before_it_was_ever_sent_is_not_said_again_by_the_next_process() -> None:
    async with called_back(**NEVER) as here:
        message = await here.asked("hello")
        delivery = here.answer(message, "waits behind another, and is there")
        stored(here, delivery, message)
        assert await polled(here, here.bot, message) == (True, delivery.text)
        assert (delivery.attempts, delivery.again) == (0, False)
        delivery.to = long_ago(message)
        assert (await restarted(here).send(delivery)).notes["way"] == "stream"
        assert here.sim.counters["aibot/response"] == 0


async def test_what_was_collected_long_ago_is_not_said_again() -> None:
    async with called_back(**NEVER) as here:
        message = await here.asked("hello")
        delivery = here.answer(message, "collected, and the process ended")
        stored(here, delivery, message)
        assert await polled(here, here.bot, message) == (True, delivery.text)
        delivery.again, delivery.to = True, long_ago(message)
        assert (await restarted(here).send(delivery)).notes["way"] == "stream"
        assert here.sim.counters["aibot/response"] == 0


async def test_an_answer_overtakes_no_earlier_one_of_its_session() -> None:
    async with called_back() as here:
        first, second = await here.asked("one"), await here.asked("two")
        early, late = here.answer(first, "1"), here.answer(second, "2")
        stored(here, late, second, overtakes=True)
        polls = here.sim.counters["polls"]
        await until(lambda: here.sim.counters["polls"] > polls + 6)
        assert here.shown() == ["…", "…"], "the first is not there yet"
        await here.bot.send(early)
        await until(lambda: here.shown() == ["1", "…"])
        stored(here, late, second)
        await until(lambda: here.shown() == ["1", "2"])
        assert here.sim.counters["aibot/response"] == 0


async def test_an_answer_waits_for_an_earlier_one_no_longer_than_its_stream_may_last() -> None:
    async with called_back(stream_lifetime=5.5) as here:
        message = await here.asked("hello")
        stored(here, here.answer(message, "whole"), message, overtakes=True)
        await until(lambda: here.sim.counters["polls.finished"] == 1)
        assert here.shown() == ["whole"], "not a pointer to something that follows"


async def test_who_sends_and_who_polls_meet_however_many_answers_there_are() -> None:
    shared = Shared()
    sending = PolledAnswers.of(shared, "hr").open("first", 1.0)
    for n in range(6000):
        PolledAnswers.of(shared, "hr").open(f"t{n}", 2.0)
    assert PolledAnswers.of(shared, "hr").open("first", 3.0) is sending
    assert PolledAnswers.of(shared, "hr").growing <= 5000
    for n in range(6000):
        sending_to = PolledAnswers.of(shared, "hr")
        sending_to.goes_on(f"u{n}", f"t{n}", until=9.0)
    assert sending_to.unfinished("u5999", 8.0) == 1 and sending_to.unfinished("u0", 8.0) == 0
    assert PolledAnswers.of(shared, "other").growing == 0
