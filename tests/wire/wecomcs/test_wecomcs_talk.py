"""Talking: welcome, states, hand-over, the five messages, and repeats that are refused."""

from __future__ import annotations

import time

import pytest
from wecomcs_here import ACCOUNT, Here, a_delivery, connected, until

from mindbot.domain.errors import Conflict, NetworkFailed, Rejected
from mindbot.domain.message import Part
from mindbot.platforms.wecomcs.outbound import MAX_TEXT
from mindbot.sim.wecomcs.desk import BOT, ENDED, NEW, PERSON, POOL

pytestmark = pytest.mark.anyio


async def test_the_bot_takes_a_new_conversation_and_answers() -> None:
    async with connected() as here:
        message = await here.asked()
        assert await here.bot.silence(message) is None
        assert here.talk().state == BOT
        sent = await here.bot.send(a_delivery(message.reply_to, "hi"))
        assert here.shown() == ["hi"] and sent.notes["left"] == 4


@pytest.mark.parametrize(("state", "says"), [(POOL, "queueing"), (PERSON, "anna"), (ENDED, "ended")])
async def test_the_bot_is_silent_while_people_serve(state: int, says: str) -> None:
    async with connected() as here:
        message = await here.asked()
        here.talk().state, here.talk().servicer = state, "anna" if state == PERSON else ""
        silence = await here.bot.silence(message)
        assert silence is not None and says in silence.reason
        with pytest.raises(Rejected, match="not sent"):
            await here.bot.send(a_delivery(message.reply_to, "hi"))
        assert here.shown() == []


async def test_a_person_who_comes_in_between_is_not_talked_over() -> None:
    async with connected(fault="taken-over") as here:
        message = await here.asked()
        with pytest.raises(Rejected, match="queueing for people"):
            await here.bot.send(a_delivery(message.reply_to, "hi"))
        assert here.shown() == []


async def test_a_keyword_hands_over_and_says_so() -> None:
    async with connected(handoff_keywords=["人工"], handoff_message="A person comes.") as here:
        message = await here.asked("转人工")
        silence = await here.bot.silence(message)
        assert silence is not None and here.talk().state == POOL
        await here.bot.send(a_delivery(message.reply_to, *silence.say))
        assert here.shown() == ["A person comes."]


async def test_a_named_servicer_who_is_not_there_is_replaced_by_the_pool() -> None:
    for name, state in (("anna", PERSON), ("nobody", POOL)):
        async with connected(handoff_keywords=["human"], handoff_to=name) as here:
            assert await here.bot.silence(await here.asked("human please")) is not None
            assert here.talk().state == state


async def test_an_operator_transfers() -> None:
    async with connected() as here:
        to = (await here.asked()).reply_to
        assert await here.bot.transfer(to, "anna") == {"state": "with a person", "servicer": "anna"}
        with pytest.raises(Conflict, match="with a person"):
            await here.bot.transfer(to, "bot")
        assert (await here.bot.transfer(to, "end"))["state"] == "ended"


async def test_who_opens_the_chat_is_welcomed_once() -> None:
    async with connected(welcome_message="Welcome!") as here:
        here.sim.desk.enters(ACCOUNT, "wm1")
        await here.sim.ring()
        await until(lambda: here.inbox.messages)
        event = here.inbox.messages[0]
        (welcome,) = here.bot.greeting(event)
        await here.bot.send(a_delivery(event.reply_to, welcome))
        assert here.shown() == ["Welcome!"]
        with pytest.raises(Rejected):
            await here.bot.send(a_delivery(event.reply_to, welcome, n=1))
        here.sim.desk.enters(ACCOUNT, "wm1")
        await here.sim.ring()
        await until(lambda: len(here.inbox.messages) == 2)
        assert not here.bot.greeting(here.inbox.messages[1])


async def test_five_messages_and_a_new_one_of_the_customer_brings_five_more() -> None:
    async with connected() as here:
        to = (await here.asked("one")).reply_to
        for n in range(5):
            await here.bot.send(a_delivery(to, str(n), n=n))
        with pytest.raises(Rejected, match="five messages"):
            await here.bot.send(a_delivery(to, "too many", n=5))
        assert here.sim.counters["errcode.95001"] == 0  # it was not even tried
        await here.asked("two")
        assert (await here.bot.send(a_delivery(to, "again", n=6))).notes["left"] == 4


async def test_after_two_days_nothing_can_be_said() -> None:
    async with connected() as here:
        to = (await here.asked()).reply_to
        here.keep.values[f"talk:{ACCOUNT}:wm1"]["last"] = time.time() - 49 * 3600
        with pytest.raises(Rejected, match="48 hours"):
            await here.bot.send(a_delivery(to, "late"))


async def test_a_repeat_is_refused_instead_of_shown_twice() -> None:
    async with connected(fault="lost-answer:n=1@kf/send_msg") as here:
        delivery = a_delivery((await here.asked()).reply_to, "hi")
        with pytest.raises(NetworkFailed):
            await here.bot.send(delivery)
        delivery.again = True
        await here.bot.send(delivery)
        assert here.shown() == ["hi"]
        assert here.sim.counters["repeats_refused"] == 1


async def test_what_was_not_delivered_in_the_end_is_told_of_its_delivery() -> None:
    async with connected(fault="send-fails") as here:
        delivery = a_delivery((await here.asked()).reply_to, "hi")
        await here.bot.send(delivery)
        await here.sim.ring()
        await until(lambda: here.desk.told)
        subject, fact = here.desk.told[0]
        assert subject == delivery.id and fact["failed"] == "the customer refuses messages"


def texts(plan: list[list[Part]]) -> list[str]:
    return [part.text for message in plan for part in message]


async def test_a_reply_of_many_parts_is_put_together_into_five() -> None:
    async with connected(run=False) as here:
        few = [Part("text", str(n)) for n in range(4)]
        assert texts(here.bot.plan(few)) == ["0", "1", "2", "3"]
        many = [Part("text", str(n)) for n in range(9)]
        assert texts(here.bot.plan(many)) == ["\n".join(map(str, range(9)))]
        huge = here.bot.plan([Part("text", "好" * 8000)])
        assert len(huge) == 5
        assert all(len(text.encode()) <= MAX_TEXT for text in texts(huge))
        assert huge[-1][0].text.endswith("…") and huge[-1][0].data["cut"] > 0


async def test_questions_that_waited_are_answered_together() -> None:
    async with connected() as here:
        messages = [await here.asked(text) for text in ("one", "two")]
        merged = here.bot.merge(messages)
        assert merged.text == "1. one\n2. two" and merged.key == messages[0].key


async def test_files_and_menus_go_out() -> None:
    async with connected() as here:
        to = (await here.asked()).reply_to

        async def content():  # type: ignore[no-untyped-def]
            yield b"\x89PNG\r\n\x1a\n" + b"0" * 20

        file = await here.bot._desk.media.save(content(), name="a.png")
        (image,) = here.bot.plan([Part("image", "", {"media": file.id})])
        await here.bot.send(a_delivery(to, *image))
        menu = Part(
            "card", "Choose", {"buttons": [{"id": "a", "text": "A"}, {"text": "B", "url": "https://b"}]}
        )
        await here.bot.send(a_delivery(to, menu, n=1))
        assert [m.msgtype for m in here.sim.inbox("wm1")] == ["image", "msgmenu"]
        assert here.shown()[1] == "Choose\nA\nB"


def states(here: Here) -> int:
    return int(here.talk().state)


async def test_a_conversation_that_people_ended_begins_anew_with_the_next_message() -> None:
    async with connected() as here:
        await here.asked("one")
        here.sim.desk.ends(ACCOUNT, "wm1")
        assert states(here) == ENDED
        message = await here.asked("two")
        assert states(here) == NEW
        assert await here.bot.silence(message) is None
