"""Events: welcomes within their time, failures and recalls noted where they belong, all of it kept."""

from __future__ import annotations

import pytest
from wecomcs_here import ACCOUNT, a_delivery, connected

from mindbot.domain.errors import NetworkFailed, Rejected
from mindbot.platforms.wecomcs.say import msgid_of

pytestmark = pytest.mark.anyio


async def test_who_opens_the_chat_is_welcomed_once() -> None:
    async with connected(welcome_message="Welcome!") as here:
        here.sim.desk.enters(ACCOUNT, "wm1", "web", "a=1")
        event = await here.event("enter_session")
        assert event.parts[0].data["scene_param"] == "a=1"
        assert await here.bot.silence(event) is None
        (welcome,) = here.bot.greeting(event)
        await here.bot.send(a_delivery(event.reply_to, welcome))
        assert here.shown() == ["Welcome!"]
        with pytest.raises(Rejected):
            await here.bot.send(a_delivery(event.reply_to, welcome, n=1))
        here.inbox.messages.clear()
        here.sim.desk.enters(ACCOUNT, "wm1")
        again = await here.event("enter_session")
        assert not here.bot.greeting(again)
        silence = await here.bot.silence(again)
        assert silence is not None and "opened the chat" in silence.reason


async def test_a_welcome_that_is_too_late_is_dropped_with_its_reason() -> None:
    async with connected(welcome_message="Welcome!") as here:
        here.sim.desk.enters(ACCOUNT, "wm1")
        event = await here.event("enter_session")
        (welcome,) = here.bot.greeting(event)
        here.clock.ahead = 40
        with pytest.raises(Rejected, match="code has ended") as caught:
            await here.bot.send(a_delivery(event.reply_to, welcome))
        assert not caught.value.retryable
        assert here.sim.counters["kf/send_msg_on_event"] == 0
        assert not here.bot.greeting(event)
        silence = await here.bot.silence(event)
        assert silence is not None and "its code ended" in silence.reason


async def test_a_code_that_wecom_calls_too_old_is_no_error_loop() -> None:
    async with connected(welcome_message="Welcome!") as here:
        here.sim.desk.enters(ACCOUNT, "wm1")
        event = await here.event("enter_session")
        (welcome,) = here.bot.greeting(event)
        here.clock.ahead = 25  # within what clocks may differ
        with pytest.raises(Rejected) as caught:
            await here.bot.send(a_delivery(event.reply_to, welcome))
        assert not caught.value.retryable and here.shown() == []


async def test_a_welcome_sent_again_is_shown_once_and_counts_as_sent() -> None:
    async with connected(welcome_message="Welcome!", fault="lost-answer:n=1@on_event") as here:
        here.sim.desk.enters(ACCOUNT, "wm1")
        event = await here.event("enter_session")
        delivery = a_delivery(event.reply_to, *here.bot.greeting(event))
        with pytest.raises(NetworkFailed):
            await here.bot.send(delivery)
        delivery.again = True
        assert "before, it seems" in (await here.bot.send(delivery)).notes["arrived"]
        assert here.shown() == ["Welcome!"]


async def test_a_code_is_good_for_one_message_however_it_fails() -> None:
    async with connected(welcome_message="Welcome!", fault="500:n=1@on_event") as here:
        here.sim.desk.enters(ACCOUNT, "wm1")
        event = await here.event("enter_session")
        delivery = a_delivery(event.reply_to, *here.bot.greeting(event))
        with pytest.raises(Exception, match="HTTP 500"):
            await here.bot.send(delivery)
        await here.bot.send(delivery)  # it was not carried out: the code is as good as it was
        assert here.shown() == ["Welcome!"]


async def test_people_who_take_and_end_a_conversation_are_announced() -> None:
    async with connected(taken_message="Anna is here.", ended_message="Thank you!") as here:
        to = (await here.asked()).reply_to
        await here.bot.transfer(to, "pool")
        here.sim.desk.takes(ACCOUNT, "wm1", "anna")
        taken = await here.event("session_status_change")
        assert await here.bot.silence(taken) is None
        await here.bot.send(a_delivery(to, *here.bot.greeting(taken)))
        here.inbox.messages.clear()
        here.sim.desk.passes(ACCOUNT, "wm1", "boris")
        passed = await here.event("session_status_change")
        assert not here.bot.greeting(passed)
        silence = await here.bot.silence(passed)
        assert silence is not None and silence.reason == "the conversation went from anna to boris"
        here.inbox.messages.clear()
        here.sim.desk.ends(ACCOUNT, "wm1")
        ended = await here.event("session_status_change")
        await here.bot.send(a_delivery(to, *here.bot.greeting(ended), n=1))
        assert here.shown() == ["Anna is here.", "Thank you!"]
        assert here.talk().left == 5, "none of it counts"


async def test_what_was_not_delivered_in_the_end_is_noted_on_its_delivery() -> None:
    async with connected(fault="send-fails") as here:
        delivery = a_delivery((await here.asked()).reply_to, "hi", created=1_700_000_000.123)
        sent = await here.bot.send(delivery)
        assert sent.id == msgid_of(delivery)
        silence = await here.bot.silence(await here.event("msg_send_fail"))
        assert here.desk.told == [(delivery.id, {"failed": "the customer refuses messages", "fail_type": 10})]
        assert silence is not None and delivery.id in silence.reason


@pytest.mark.parametrize(("fault", "left", "number"), [((), 0, 6), ("taken-over", 5, 5)])
async def test_refusals_that_come_late_are_noted_as_well(fault: str, left: int, number: int) -> None:
    async with connected(fault=fault, sim={"late": True}) as here:
        to = (await here.asked()).reply_to
        here.talk().left = left
        await here.bot.send(a_delivery(to, "hi"))
        await here.bot.silence(await here.event("msg_send_fail"))
        assert here.desk.told[0][1]["fail_type"] == number and here.shown() == []
        assert await here.bot.left(to) == (0 if number == 6 else 4)


async def test_a_failure_of_somebody_elses_message_is_kept_and_nothing_else() -> None:
    async with connected() as here:
        await here.asked()
        here.sim.desk.event(
            ACCOUNT, "wm1", {"event_type": "msg_send_fail", "fail_msgid": "other", "fail_type": "odd"}
        )
        silence = await here.bot.silence(await here.event("msg_send_fail"))
        assert silence is not None and "no message of this bot" in silence.reason
        assert here.desk.told == []


async def test_a_recall_is_noted_on_the_turn_of_what_was_recalled() -> None:
    async with connected() as here:
        message = await here.asked("oops")
        here.sim.desk.recalls(ACCOUNT, "wm1", message.key)
        recall = await here.event("user_recall_msg")
        silence = await here.bot.silence(recall)
        assert here.desk.told == [("1", {"recalled": recall.ts, "by": "the customer"})]
        assert silence is not None and "turn 1" in silence.reason
        said = here.sim.desk.servicer_says(ACCOUNT, "wm1", "anna", "wrong chat")
        here.sim.desk.servicer_recalls(ACCOUNT, "wm1", "anna", said["msgid"])
        await here.bot.silence(await here.event("servicer_recall_msg"))
        assert here.desk.told[1][1]["by"] == "a servicer (anna)" and here.shown() == []
        here.sim.desk.recalls(ACCOUNT, "wm1", "unknown")
        await here.sim.ring()
        lost = await here.got(lambda m: m.parts[0].data.get("recall_msgid") == "unknown")
        silence = await here.bot.silence(lost)
        assert silence is not None and "not in the inbox" in silence.reason and len(here.desk.told) == 2


async def test_what_people_say_is_heard_and_not_answered() -> None:
    async with connected() as here:
        await here.asked()
        here.sim.desk.servicer_says(ACCOUNT, "wm1", "anna", "I am here")
        await here.sim.ring()
        said = await here.got(lambda m: m.text == "I am here")
        silence = await here.bot.silence(said)
        assert silence is not None and (silence.heard, silence.say) == ("assistant", ())
        assert said.session == f"wecomcs:shop:{ACCOUNT}:wm1" and not here.bot.greeting(said)


async def test_events_of_servicers_are_kept() -> None:
    async with connected() as here:
        await here.asked()
        here.sim.desk.attends("anna", False)
        stopped = await here.event("servicer_status_change")
        silence = await here.bot.silence(stopped)
        assert silence is not None and silence.reason == "servicer anna takes no conversations"
        assert (stopped.sender, stopped.session) == ("system", f"wecomcs:shop:{stopped.chat}")
        here.sim.desk.refuses(ACCOUNT, "wm1", "anna", True)
        refused = await here.event("reject_customer_msg_switch_change")
        silence = await here.bot.silence(refused)
        assert silence is not None and "refuses messages" in silence.reason
