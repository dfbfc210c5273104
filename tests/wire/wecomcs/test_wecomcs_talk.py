"""Talking: welcome, states, hand-over, the five messages, and repeats that are refused."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from wecomcs_here import ACCOUNT, Here, a_delivery, connected

from mindbot.domain.errors import Conflict, Invalid, NetworkFailed, Overloaded, Rejected, StoreError
from mindbot.domain.message import Json, Part
from mindbot.platforms.wecomcs.adapter import WeComCsPlatform
from mindbot.sim.wecomcs.service_desk import BOT, ENDED, NEW, PERSON, POOL
from mindbot.testing.waiting import until

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
        here.budget()["last"] = time.time() - 49 * 3600
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


async def test_questions_that_waited_are_answered_together() -> None:
    async with connected() as here:
        messages = [await here.asked(text) for text in ("one", "two")]
        merged = here.bot.merge(messages)
        assert merged.text == "1. one\n2. two" and merged.key == messages[0].key


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


async def test_a_rule_hands_over_to_whom_it_names() -> None:
    rules = [
        {"when": 'text =~ "refund|退款" and user != "wm9"', "to": "boris", "say": "Boris comes."},
        {"when": "kind == image"},
    ]
    async with connected(handoff_rules=rules, handoff_message="Somebody comes.") as here:
        message = await here.asked("我要退款")
        silence = await here.bot.silence(message)
        assert silence is not None and "rule 'text =~" in silence.reason and silence.heard == "user"
        assert (here.talk().state, here.talk().servicer) == (PERSON, "boris")
        await here.bot.send(a_delivery(message.reply_to, *silence.say))
        await here.sim.say("wm2", "image", {"media_id": "M"})
        image = await here.got(lambda m: m.kind == "image")
        silence = await here.bot.silence(image)
        assert silence is not None and here.talk("wm2").state == POOL
        await here.bot.send(a_delivery(image.reply_to, *silence.say, n=1))
        assert here.shown() == ["Boris comes."] and here.shown("wm2") == ["Somebody comes."]
        assert await here.bot.silence(await here.asked("refund?", "wm9")) is None


async def test_a_rule_that_is_no_filter_is_refused_with_its_place() -> None:
    with pytest.raises(ValueError, match="is no filter"):
        async with connected(handoff_rules=[{"when": "text =~"}]):
            pass


async def test_a_servicer_who_stopped_is_replaced_by_the_pool() -> None:
    async with connected(handoff_keywords=["human"], handoff_to="anna") as here:
        here.sim.desk.attends("anna", False)
        silence = await here.bot.silence(await here.asked("HUMAN please"))
        assert silence is not None and here.talk().state == POOL
        assert "anna is not there (95019)" in silence.reason


async def test_an_operator_who_names_somebody_wrong_is_told() -> None:
    async with connected() as here:
        to = (await here.asked()).reply_to
        here.sim.desk.attends("anna", False)
        for name, code in (("anna", "95019"), ("nobody", "95014")):
            with pytest.raises(Rejected) as caught:
                await here.bot.transfer(to, name)
            assert caught.value.code == code
        here.sim.desk.ends(ACCOUNT, "wm1")
        with pytest.raises(Conflict, match=r"ended.*write again"):
            await here.bot.transfer(to, "pool")


async def test_an_operators_hand_over_is_said_to_the_customer() -> None:
    async with connected(handoff_message="A person comes.", ended_message="Bye.") as here:
        to = (await here.asked()).reply_to
        assert (await here.bot.transfer(to, "pool"))["said"] is True
        assert (await here.bot.transfer(to, "end"))["said"] is True
        assert here.shown() == ["A person comes.", "Bye."] and here.talk().left == 5


async def test_a_reply_hands_over_in_its_place_and_once() -> None:
    async with connected(handoff_message="A person comes.") as here:
        to = (await here.asked()).reply_to
        first, second = here.bot.plan([Part("text", "wait"), Part("transfer", "", {"to": "pool"})])
        await here.bot.send(a_delivery(to, *first))
        sent = await here.bot.send(a_delivery(to, *second, n=1))
        assert sent.notes == {"handed_to": "the pool", "said": True} and here.talk().state == POOL
        again = await here.bot.send(a_delivery(to, *second, n=1, again=True))
        assert "people already" in again.notes["handed_to"]
        assert here.shown() == ["wait", "A person comes."]


def restarted(here: Here) -> None:
    """Let the bot forget what it has in memory, as a crash does."""
    old = here.bot
    here.bot = WeComCsPlatform(old._settings, old.bot, old._host, clock=here.clock, backoff=0.05)


async def test_a_hand_over_that_a_crash_kept_from_being_said_is_said_by_the_second_run() -> None:
    async with connected(handoff_keywords=["human"], handoff_message="A person comes.") as here:
        message = await here.asked("human please")
        first = await here.bot.silence(message)
        restarted(here)
        second = await here.bot.silence(message)
        assert first is not None and second == first and here.talk().state == POOL
        await here.bot.send(a_delivery(message.reply_to, *second.say))
        assert here.shown() == ["A person comes."]
        later = await here.bot.silence(message)
        assert later is not None and not later.say, "the code was used"
        assert not [key for key in here.keep.values if key.startswith("handed:")]


async def test_a_code_ends_with_the_state_it_was_for_and_serves_no_other_message() -> None:
    async with connected(handoff_keywords=["human"], handoff_message="A person comes.") as here:
        message = await here.asked("human please")
        assert await here.bot.silence(message) is not None
        other = await here.bot.silence(await here.asked("human, hello?"))
        assert other is not None and not other.say
        here.sim.desk.takes(ACCOUNT, "wm1", "anna")
        again = await here.bot.silence(message)
        assert again is not None and not again.say and "anna" in again.reason


@pytest.mark.parametrize(
    ("fault", "notes"),
    [
        ("drop:n=1@send_msg_on_event", {"said": True}),
        (
            "lost-answer:n=1@send_msg_on_event",
            {"said": True, "arrived": "before, it seems; the repeat was refused (40058)"},
        ),
    ],
)
async def test_a_hand_over_of_a_reply_is_said_once_by_a_repeat(fault: str, notes: Json) -> None:
    async with connected(handoff_message="A person comes.", fault=fault) as here:
        delivery = a_delivery((await here.asked()).reply_to, Part("transfer", "", {"to": "pool"}))
        with pytest.raises(NetworkFailed):
            await here.bot.send(delivery)
        assert here.talk().state == POOL
        restarted(here)
        sent = await here.bot.send(replace(delivery, again=True))
        assert sent.notes == {"handed_to": "the pool"} | notes
        assert here.shown() == ["A person comes."]


async def test_an_operator_who_hands_over_again_says_what_was_not_said() -> None:
    async with connected(handoff_message="A person comes.", fault="drop:n=1@send_msg_on_event") as here:
        to = (await here.asked()).reply_to
        assert (await here.bot.transfer(to, "pool"))["said"] is False
        restarted(here)
        assert (await here.bot.transfer(to, "pool"))["said"] is True
        assert here.shown() == ["A person comes."]
        assert "said" not in await here.bot.transfer(to, "pool")


async def test_a_code_that_cannot_be_kept_is_used_all_the_same() -> None:
    async with connected(handoff_keywords=["human"], handoff_message="A person comes.") as here:
        message = await here.asked("human please")
        here.keep.error = StoreError("disk full")
        silence = await here.bot.silence(message)
        here.keep.error = None
        assert silence is not None
        await here.bot.send(a_delivery(message.reply_to, *silence.say))
        assert here.shown() == ["A person comes."]


async def test_what_is_still_to_be_said_stays_unsaid_while_people_serve_and_later_it_goes_on() -> None:
    async with connected() as here:
        to = (await here.asked("one")).reply_to
        await here.bot.send(a_delivery(to, "part 1"))
        here.sim.desk.servicer_says(ACCOUNT, "wm1", "anna", "I help")
        with pytest.raises(Rejected, match="with a person: anna"):
            await here.bot.send(a_delivery(to, "part 2", n=1))
        meanwhile = await here.asked("still for anna")
        silence = await here.bot.silence(meanwhile)
        assert silence is not None and silence.heard == "user"
        here.sim.desk.ends(ACCOUNT, "wm1")
        message = await here.asked("bot again")
        assert await here.bot.silence(message) is None and here.talk().state == BOT
        await here.bot.send(a_delivery(to, "hello again", n=2))
        assert here.shown() == ["part 1", "I help", "hello again"]


async def test_an_error_that_is_no_repeat_is_no_success_and_the_first_send_never_is() -> None:
    async with connected(
        fault="40058:n=1@kf/send_msg", repeated_codes=[95999], sim={"repeated": 95999}
    ) as here:
        delivery = a_delivery((await here.asked()).reply_to, "hi")
        with pytest.raises(Rejected):
            await here.bot.send(delivery)
        here.sim.faults.set(["lost-answer:n=1@kf/send_msg"])
        with pytest.raises(NetworkFailed):
            await here.bot.send(delivery)
        with pytest.raises(Rejected):
            await here.bot.send(delivery)  # as a first send: whoever used that id, it was not this one
        delivery.again = True
        assert "95999" in (await here.bot.send(delivery)).notes["arrived"]
        assert here.shown() == ["hi"]


async def test_a_repeat_counts_once() -> None:
    async with connected(fault="lost-answer:n=1@kf/send_msg") as here:
        to = (await here.asked()).reply_to
        delivery = a_delivery(to, "hi")
        with pytest.raises(NetworkFailed):
            await here.bot.send(delivery)
        delivery.again = True
        for _ in range(2):  # and a crash before the end was written
            assert (await here.bot.send(delivery)).notes["left"] == 4
        assert await here.bot.left(to) == here.talk().left == 4


async def test_a_page_that_comes_again_renews_no_budget() -> None:
    async with connected() as here:
        to = (await here.asked()).reply_to
        await here.bot.send(a_delivery(to, "hi"))
        here.sim.faults.set(["page-again:n=2"])
        here.keep.values[f"cursor:{ACCOUNT}"] = {"cursor": ""}  # as after a lost cursor
        await here.sim.ring()
        await until(lambda: len(here.inbox.messages) >= 3)
        assert {m.key for m in here.inbox.messages} == {here.inbox.messages[0].key}
        assert await here.bot.left(to) == 4


async def test_five_more_also_when_the_customer_writes_twice_in_a_second() -> None:
    async with connected() as here:
        at = float(int(time.time()))
        for n, text in enumerate(("one", "two")):
            here.sim.desk.says(ACCOUNT, "wm1", "text", {"content": text}, at=at)
            await here.sim.ring()
            message = await here.got(lambda m, text=text: m.text == text)
            await here.bot.send(a_delivery(message.reply_to, text, n=n))
            assert await here.bot.left(message.reply_to) == 4


async def test_what_wecom_counted_beside_us_ends_the_budget() -> None:
    async with connected() as here:
        to = (await here.asked()).reply_to
        here.talk().left = 0
        with pytest.raises(Rejected) as caught:
            await here.bot.send(a_delivery(to, "hi"))
        assert caught.value.code == "95001" and await here.bot.left(to) == 0


async def test_after_two_days_the_conversation_has_ended_by_itself() -> None:
    async with connected() as here:
        message = await here.asked()
        here.clock.ahead = 49 * 3600
        silence = await here.bot.silence(message)
        assert silence is not None and "ended" in silence.reason
        assert await here.bot.left(message.reply_to) == 0


async def test_a_push_goes_to_whom_it_names_and_nobody_is_handed_over() -> None:
    async with connected(handoff_keywords=["human"]) as here:
        asked = await here.asked()
        to = here.bot.address(f"{ACCOUNT}/wm1")
        push = replace(asked, kind="push", parts=(Part("text", "human?"),), reply_to=to)
        assert await here.bot.silence(push) is None and here.talk().state == NEW
        assert to == here.bot.address("wm1") == {"touser": "wm1", "open_kfid": ACCOUNT}


async def test_a_store_that_cannot_count_makes_nothing_be_said_twice() -> None:
    async with connected() as here:
        to = (await here.asked()).reply_to
        here.keep.error = StoreError("disk full")
        assert "left" not in (await here.bot.send(a_delivery(to, "hi"))).notes
        here.keep.error = None
        assert here.shown() == ["hi"] and await here.bot.left(to) == 5


async def test_a_state_that_allows_sending_again_by_now_is_tried_again() -> None:
    async with connected(fault="95018:n=1@kf/send_msg") as here:
        delivery = a_delivery((await here.asked()).reply_to, "hi")
        with pytest.raises(Overloaded, match="by now the conversation is") as caught:
            await here.bot.send(delivery)
        assert caught.value.retryable and caught.value.code == "95018"
        await here.bot.send(delivery)
        assert here.shown() == ["hi"]


async def test_an_operator_speaks_in_the_bots_name_where_wecom_lets_it() -> None:
    async with connected(take_sessions=False) as here:
        message = await here.asked()
        assert here.talk().state == NEW
        await here.bot.hold(message.reply_to)
        assert here.talk().state == BOT, "WeCom gives it to nobody else now"
        await here.bot.hold(message.reply_to)
        await here.bot.send(a_delivery(message.reply_to, "a person here"))
        assert here.shown() == ["a person here"]
        with pytest.raises(Invalid, match="no customer"):
            await here.bot.hold({**message.reply_to, "touser": ""})


@pytest.mark.parametrize(
    ("state", "says", "hint"),
    [
        (POOL, "queueing for people", "people answer it in WeCom"),
        (PERSON, "with a person: anna", "people answer it in WeCom"),
        (ENDED, "ended", "the customer must write again"),
    ],
)
async def test_an_operator_takes_nothing_that_is_not_the_bots(state: int, says: str, hint: str) -> None:
    async with connected() as here:
        message = await here.asked()
        here.talk().state, here.talk().servicer = state, "anna" if state == PERSON else ""
        with pytest.raises(Conflict, match=says) as refused:
            await here.bot.hold(message.reply_to)
        assert refused.value.hint.startswith(hint)
        assert here.talk().state == state
