"""Webhook mode: streams that are polled for, ends that come once, what goes by the response_url."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, cast

import anyio
import pytest
from pydantic import SecretStr
from wecombot_here import Here, called_back, restarted, settings

from mindbot.domain import ids
from mindbot.domain.errors import RateLimited, Rejected, SecretError
from mindbot.domain.host import Keep, TurnAnswer
from mindbot.domain.message import Json, Message, Part
from mindbot.media.folder import bytes_of
from mindbot.platforms.wecombot.say import LATE, MAX_TEXT, stream_id
from mindbot.platforms.wecombot.webhook import WebhookBot
from mindbot.sim.wecombot.polls import PollRules
from mindbot.testing.platforms import HealthReports, served
from mindbot.testing.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 64
BUTTONS = {"title": "A question", "buttons": [{"id": "yes", "text": "Yes"}, {"id": "no", "text": "No"}]}


def frames(here: Here, message: Message) -> list[str]:
    return here.sim.screens.bubbles[message.chat, stream_id(here.turn(message))].frames


async def test_an_answer_grows_by_polls_and_ends_with_the_whole_text() -> None:
    async with called_back(placeholder="thinking") as here:
        message = await here.asked("hello")
        assert here.shown() == ["thinking"]
        delivery = here.answer(message, kind="stream")
        await here.bot.stream(delivery, "one ")
        await until(lambda: here.shown() == ["one "])
        delivery.parts = [Part("markdown", "one **two**\n")]
        sent = await here.bot.send(delivery)
        assert (sent.id, sent.notes["way"]) == (stream_id(here.turn(message)), "stream")
        await until(lambda: here.sim.counters["polls.finished"] == 1)
        assert here.shown() == ["one **two**\n"]
        assert here.sim.counters["bad_replies"] == here.sim.counters["aibot/response"] == 0
        assert here.bot.details()["collected"] == 1


async def test_whatever_one_user_writes_is_stored_at_once_however_many_answers_are_open() -> None:
    async with called_back(placeholder="thinking") as here:
        messages = [await here.asked(f"question {n}") for n in range(6)]
        assert here.shown() == ["thinking", "thinking", *[LATE] * 4]
        assert here.sim.counters["held"] == 0 and here.bot.details()["without_stream"] == 4
        for n, message in enumerate(messages):
            sent = await here.bot.send(here.answer(message, f"answer {n}"))
            assert sent.notes["way"] == ("stream" if n < 2 else "response_url")
        await until(lambda: here.sim.counters["polls.finished"] >= 2)
        assert here.shown() == ["answer 0", "answer 1", *[LATE] * 4, *[f"answer {n}" for n in range(2, 6)]]
        here.desk.answers[here.turn(messages[-1])] = TurnAnswer(
            True, (here.answer(messages[-1], state="sent"),)
        )
        await here.asked("and now")
        assert here.shown()[-1] == "thinking", "those before have ended"


async def test_while_an_answer_is_to_come_by_url_no_stream_is_opened_above_it() -> None:
    async with called_back(placeholder="thinking") as here:
        first, second, third = [await here.asked(f"question {n}") for n in range(3)]
        for message in (first, second):
            await here.bot.send(here.answer(message, f"re {message.text}"))
        await until(lambda: here.sim.counters["polls.finished"] >= 2)
        fourth = await here.asked("question 3")  # no stream is open any more, but the third is not answered
        elsewhere = await here.asked("of another", user="wang")
        assert here.shown("wang") == ["thinking"] and elsewhere.session != fourth.session
        here.desk.answers[here.turn(fourth)] = TurnAnswer(True, (here.answer(fourth, "x", state="sending"),))
        fifth = await here.asked("question 4")  # it is on its way
        for message in (third, fourth, fifth):
            sent = await here.bot.send(here.answer(message, f"re {message.text}"))
            assert sent.notes["way"] == "response_url"
        texts = [f"re question {n}" for n in range(5)]
        assert [text for text in here.shown() if text != LATE] == texts
        here.desk.answers[here.turn(fifth)] = TurnAnswer(True, (here.answer(fifth, "x", state="dead"),))
        await here.asked("question 5")
        assert here.shown()[-1] == "thinking", "nothing is to come any more"


async def test_the_stream_of_a_turn_is_the_same_for_a_repeated_callback() -> None:
    async with called_back(fault="duplicate:times=4") as here:
        message = await here.asked("hello")
        await until(lambda: len(here.inbox.messages) == 5)
        assert len({m.key for m in here.inbox.messages}) == 1
        await here.bot.send(here.answer(message, "once"))
        await until(lambda: here.sim.counters["polls.finished"] == 1)
        assert here.shown() == ["once"]
        here.sim.faults.set(["lost-ack:n=1"])
        other = await here.asked("hello again")
        bubble = here.sim.screens.bubbles["li", stream_id(here.turn(other))]
        assert bubble.feedback == here.turn(other), "told again: the first answer did not arrive"
        assert here.sim.counters["other_stream"] == 0


async def test_an_answer_lost_on_its_way_is_collected_again_from_the_store() -> None:
    async with called_back() as here:
        message = await here.asked("hello")
        delivery = here.answer(message, "whole")
        here.sim.faults.set(["lost-ack:n=1@poll"])
        sent = await here.bot.send(delivery)
        assert sent.notes["way"] == "stream"
        await until(lambda: here.sim.counters["polls.finished"] == 1)
        assert here.shown() == ["whole"]


async def test_polls_are_served_from_the_store_after_a_restart() -> None:
    async with called_back() as here:
        message = await here.asked("hello")
        delivery = here.answer(message, "from the store")
        here.desk.answers[here.turn(message)] = TurnAnswer(done=True, deliveries=(delivery,))
        new = restarted(here)
        async with served(new, here.inbox.receive) as url:
            poll = here.sim.people.poll("li", stream_id(here.turn(message)), "")
            called = await here.sim.hook.call(url, poll)
            assert called.reply["stream"]["finish"] is True
            assert called.reply["stream"]["content"] == "from the store"
            delivery.again = True  # it was being sent when the process ended
            assert (await new.send(delivery)).notes["way"] == "stream"
            third = restarted(here)
            assert (await third.send(delivery)).notes["way"] == "stream", (
                "a poll had taken it: that is on disk"
            )
        assert here.sim.counters["aibot/response"] == 0


async def test_polls_of_a_turn_without_a_reply_and_of_unknown_streams_end() -> None:
    async with called_back() as here:
        message = await here.asked("hello")
        here.desk.answers[here.turn(message)] = TurnAnswer(done=True)
        await until(lambda: here.sim.counters["polls.finished"] == 1)
        assert here.shown() == [], "nothing was said"
        here.desk.answers[ids.show(1)] = None
        for unknown in ("mb-nonsense", "x", stream_id(ids.show(1))):
            here.desk.answers["nonsense"] = None
            called = await here.sim.hook.call(here.sim.callback_url, here.sim.people.poll("li", unknown, ""))
            assert called.reply["stream"] == {"id": unknown, "finish": True, "content": ""}


@pytest.mark.full
async def test_where_nobody_polls_any_more_the_answer_goes_by_the_response_url_once() -> None:
    async with called_back(fault="stream-expiry") as here:
        message = await here.asked("hello")
        await until(lambda: here.sim.counters["polls.expired"] == 1)
        delivery = here.answer(message, "late, but whole")
        sent = await here.bot.send(delivery)
        assert sent.notes["way"] == "response_url"
        assert here.shown()[-1] == "late, but whole"
        called = await here.sim.hook.call(
            here.sim.callback_url, here.sim.people.poll("li", stream_id(here.turn(message)), "")
        )
        assert (called.reply["stream"]["finish"], called.reply["stream"]["content"]) == (True, "")
        delivery.again = True
        await restarted(here).send(delivery)
        assert here.shown().count("late, but whole") == 1


@pytest.mark.full
async def test_without_a_way_left_the_answer_is_a_dead_letter_with_a_hint() -> None:
    async with called_back(fault="stream-expiry") as here:
        message = await here.asked("hello")
        await until(lambda: here.sim.counters["polls.expired"] == 1)
        delivery = here.answer(message, "too late")
        for changed, reason in (
            ({"response_url": ""}, "no response_url"),
            ({"asked": time.time() - 4000}, "is over"),
        ):
            delivery.to = message.reply_to | changed
            with pytest.raises(Rejected, match=reason) as caught:
                await restarted(here).send(delivery)
            assert caught.value.hint
        with pytest.raises(Rejected, match="no response_url"):
            await here.bot.send(here.push(here.bot.address("li"), "unasked"))


async def test_an_answer_that_grew_for_too_long_is_closed_and_follows_whole() -> None:
    async with called_back(stream_lifetime=5.5) as here:
        message = await here.asked("hello")
        await here.bot.stream(here.answer(message, kind="stream"), "half of ")
        await until(lambda: here.sim.counters["polls.finished"] == 1)
        assert here.shown() == [LATE]
        sent = await here.bot.send(here.answer(message, "half of the whole", kind="stream"))
        assert sent.notes["way"] == "response_url"
        assert here.shown() == [LATE, "half of the whole"]


async def test_what_does_not_fit_follows_by_the_response_url_and_the_rest_is_cut_and_told() -> None:
    async with called_back() as here:
        message = await here.asked("hello")
        text = "".join(f"line {n} 好\n" for n in range(4000))
        plan = here.bot.plan([Part("markdown", text)])
        assert len(plan) == 2
        cut = plan[1][0].data["cut"]
        head, _, notice = plan[1][0].text.rpartition("\n\n")
        assert text.startswith(plan[0][0].text + head) and f"{cut:,} characters left out" in notice
        assert abs(len(text) - len(plan[0][0].text + head) - cut) <= 1, "the last line end may go"
        first, second = (here.answer(message, *parts, n=n) for n, parts in enumerate(plan))
        await here.bot.send(first)
        sent = await here.bot.send(second)
        assert (sent.notes["way"], sent.notes["cut"]) == ("response_url", cut)
        await until(lambda: here.sim.counters["polls.finished"] == 1)
        assert here.shown() == [plan[0][0].text, plan[1][0].text]
        assert all(len(text.encode()) <= MAX_TEXT for text in here.shown())
        with pytest.raises(Rejected, match="used"):
            await here.bot.send(here.answer(message, "a third", n=2))


async def test_pictures_and_a_card_end_the_same_stream() -> None:
    async with called_back() as here:
        message = await here.asked("hello")
        files = [
            await here.host.media.save(bytes_of(content), name=name)
            for name, content in (("a.png", PNG), ("b.gif", b"GIF89a" + b"0" * 20))
        ]
        images = [Part("image", "[image]", {"media": id}) for id in (files[0].id, files[1].id, "gone")]
        (planned,) = here.bot.plan([Part("text", "look"), *images, Part("card", "Ok?", BUTTONS)])
        sent = await here.bot.send(here.answer(message, *planned))
        assert sent.notes["left_out"] == [
            f"{files[1].id}: not a JPEG or PNG of 10 MB at most",
            "gone: not there any more",
        ]
        await until(lambda: here.sim.counters["polls.finished"] == 1)
        stream, card = here.sim.inbox("li")
        assert (stream.text, len(stream.body["msg_item"])) == ("look\n[image]\n[image]", 1)
        assert card.msgtype == "template_card" and "[Yes] [No]" in card.text
        assert here.sim.counters["bad_replies"] == 0


async def test_a_notice_is_shown_in_the_stream_until_the_answer_comes() -> None:
    async with called_back() as here:
        message = await here.asked("hello")
        sent = await here.bot.send(here.answer(message, "please wait", n=-1))
        assert sent.notes["way"] == "stream"
        await until(lambda: here.shown() == ["please wait"])
        await here.bot.send(here.answer(message, "done"))
        await until(lambda: here.shown() == ["done"])
        other = await here.asked("hello")
        await here.bot.send(here.answer(other, "please wait", n=-1))
        here.desk.answers[here.turn(other)] = TurnAnswer(done=True)
        await until(lambda: here.sim.counters["polls.finished"] == 2)
        assert here.shown() == ["done", "please wait"], "a turn without a reply leaves what was said"


async def test_a_turn_run_again_has_another_answer_than_its_stream_ended_with() -> None:
    async with called_back() as here:
        message = await here.asked("hello")
        await here.bot.send(here.answer(message, "sorry", created=1.0))
        sent = await here.bot.send(here.answer(message, "now it works", created=2.0))
        assert sent.notes["way"] == "response_url"
        await until(lambda: here.shown() == ["sorry", "now it works"])


@pytest.mark.full
async def test_a_response_url_that_is_throttled_is_tried_again() -> None:
    async with called_back(fault=["stream-expiry", "45009:n=1@aibot/response"]) as here:
        message = await here.asked("hello")
        await until(lambda: here.sim.counters["polls.expired"] == 1)
        delivery = here.answer(message, "hello")
        with pytest.raises(RateLimited):
            await here.bot.send(delivery)
        delivery.attempts = 2
        await here.bot.send(delivery)
        assert here.shown()[-1] == "hello"


async def test_the_simulator_holds_a_user_back_who_has_as_many_unfinished_answers_as_it_allows() -> None:
    rules = PollRules(every=0.02, open=2)
    async with called_back(sim={"poll": rules}) as here, anyio.create_task_group() as tasks:
        for n in range(3):
            tasks.start_soon(here.sim.push_text, "li", f"q{n}")
        await until(lambda: len(here.inbox.messages) == 2)
        await until(lambda: here.sim.counters["held"] == 1)
        await here.bot.send(here.answer(here.inbox.messages[0], "a0"))
        await until(lambda: len(here.inbox.messages) == 3)


class StallingKeep:
    """A store that keeps nothing for so long that the poll which waits for it is given up, once."""

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self.stalls = 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._keep, name)

    async def put(self, key: str, value: Json | None, *, ttl: float = 0.0) -> None:
        if key.startswith("stream:") and self.stalls:
            self.stalls -= 1
            await anyio.sleep_forever()
        await self._keep.put(key, value, ttl=ttl)


@pytest.mark.full
async def test_an_answer_whose_poll_was_given_up_goes_another_way() -> None:
    rules = PollRules(every=30)
    async with called_back(sim={"poll": rules}) as here, anyio.create_task_group() as tasks:
        keep = StallingKeep(here.bot._host.keep)
        here.bot._host = replace(here.bot._host, keep=cast(Keep, keep))
        message = await here.asked("hello")
        with anyio.fail_after(PATIENCE):
            tasks.start_soon(here.bot.send, here.answer(message, "whole"))
            await anyio.wait_all_tasks_blocked()
            with anyio.move_on_after(0.05):  # as a callback that is not answered in time
                await here.bot._polled(stream_id(here.turn(message)))
            assert not keep.stalls
            await until(lambda: here.shown()[-1] == "whole")


async def test_polling_ends_after_its_time_whatever_the_bot_says() -> None:
    async with called_back(sim={"poll": PollRules(every=0.02, lifetime=0.1)}) as here:
        await here.asked("hello")
        await until(lambda: here.sim.counters["polls.expired"] == 1)
        assert here.bot.details()["streams"] == 1


async def test_a_welcome_is_the_answer_to_the_event_itself() -> None:
    async with called_back(welcome_message="Welcome!", fault="lost-ack:n=1") as here:
        called = await here.sim.enter("li")
        assert called.attempts == 2 and here.shown() == ["Welcome!"]
        assert [m.kind for m in here.inbox.messages] == ["event", "event"]
        assert not here.bot.can_stream(here.inbox.messages[0])


async def test_feedback_is_kept_with_its_turn_and_answered_with_nothing() -> None:
    async with called_back() as here:
        message = await here.asked("hello")
        await here.bot.send(here.answer(message, "answer"))
        bubble = here.sim.screens.bubbles["li", stream_id(here.turn(message))]
        assert bubble.feedback == here.turn(message)
        here.sim.faults.set(["lost-ack:n=1@callback", "duplicate:times=2"])
        rated = await here.sim.rate("li", bubble.feedback, 2, content="wrong", inaccurate_reason_list=[2, 4])
        assert rated.attempts == 2 and here.sim.counters["fault.lost-ack"] == 1
        assert rated.status == 200 and rated.reply == {} and here.sim.counters["bad_replies"] == 0
        events = here.inbox.messages[1:]
        assert len(events) == 4 and len({event.key for event in events}) == 1, "one turn"
        silence = await here.bot.silence(events[0])  # in that turn
        assert silence is not None and "dislike" in silence.reason and not silence.say
        fact = {"feedback": "dislike", "content": "wrong", "reasons": [2, 4], "user": "li"}
        assert here.desk.told == [(here.turn(message), fact | {"event": events[0].key})]
        assert await here.bot.silence(message) is None


async def test_the_press_of_a_button_changes_the_card_and_is_taken_once() -> None:
    async with called_back() as here:
        message = await here.asked("hello")
        delivery = here.answer(message, Part("card", "Shall we?", BUTTONS))
        await here.bot.send(delivery)
        await until(lambda: here.sim.screens.cards)
        (task,) = here.sim.screens.cards
        for _ in range(2):
            pressed = await here.sim.press("li", task, "yes")
            assert pressed.reply["template_card"]["task_id"] == task
        assert [shown.text for shown in here.sim.inbox("li")][-1].endswith("[✓ Yes]")
        presses = here.inbox.messages[1:]
        assert {m.key for m in presses} == {f"press:{task}:li"}
        assert presses[0].parts[0].text == "Yes" and presses[0].parts[0].data["action"] == "yes"
        assert presses[0].kind == "event", "nothing could answer it here"


@pytest.mark.parametrize(
    ("kind", "content"), [("image", PNG), ("file", b"%PDF" + b"x" * 300_000)], ids=["image", "file"]
)
async def test_files_are_decrypted_as_they_come(kind: str, content: bytes) -> None:
    async with called_back() as here:
        await here.sim.say("li", kind, {kind: here.sim.offer(content, "报告.pdf" if kind == "file" else "")})
        message = here.inbox.messages[-1]
        file = await here.bot.fetch(message, message.parts[0])
        assert file is not None and file.size == len(content)
        assert (await here.host.media.path(file.id)).read_bytes() == content
        assert file.name == ("报告.pdf" if kind == "file" else "")


async def test_a_file_whose_url_has_ended_is_said_so() -> None:
    async with called_back(fault="expired-media") as here:
        await here.sim.say("li", "image", {"image": here.sim.offer(PNG)})
        message = here.inbox.messages[-1]
        with pytest.raises(Rejected, match="HTTP 404"):
            await here.bot.fetch(message, message.parts[0])
        late = WebhookBot(settings(here.sim, "webhook"), "hr", here.host, clock=lambda: time.time() + 400)
        with pytest.raises(Rejected, match="its URL has ended"):
            await late.fetch(message, message.parts[0])


@pytest.mark.parametrize(
    "forged", ["bad-signature", "bad-receiveid", "bad-padding", "bad-base64", "bad-json", "stale"]
)
async def test_forged_callbacks_are_refused_and_the_sound_repeat_is_taken(forged: str) -> None:
    async with called_back(fault=f"{forged}:n=1") as here:
        called = await here.sim.push_text("li", "hello")
        assert called.attempts == 2 and len(here.inbox.messages) == 1


async def test_the_url_is_verified_and_the_bot_proves_itself() -> None:
    async with called_back() as here:
        assert (await here.sim.hook.verify(here.sim.callback_url)).ok
        checks = await here.bot.test()
        assert [check.state for check in checks] == ["ok", "skipped"]
        await here.asked()
        assert [check.state for check in await here.bot.test()] == ["ok", "ok"]


async def test_groups_are_asked_by_name_and_answered_in_the_group() -> None:
    async with called_back() as here:
        message = await here.asked("hello", group="team")
        assert message.text == "hello" and message.session == "wecombot:hr:team:li"
        await here.bot.send(here.answer(message, "hi all"))
        await until(lambda: here.shown("team") == ["hi all"])


@pytest.mark.parametrize(
    ("changed", "why", "mend"),
    [
        ({"token": "wrong"}, "wrong signature", "`token`"),
        ({"EncodingAESKey": "A" * 43}, "impossible", "`EncodingAESKey`"),
    ],
)
async def test_a_wrong_callback_setting_is_named(changed: dict[str, str], why: str, mend: str) -> None:
    async with called_back(**changed) as here:
        assert not (await here.sim.hook.verify(here.sim.callback_url)).ok
        (_, found) = await here.bot.test()
        assert found.state == "failed" and found.detail.startswith("1 refused, the last 0 s ago: ")
        assert why in found.detail and mend in found.mend
        details = here.bot.details()
        assert details["refused_callbacks"] == 1 and why in details["last_refusal"]


async def test_callbacks_of_an_application_are_no_wrong_corpid() -> None:
    async with called_back(fault="bad-receiveid:n=1") as here:
        await here.sim.push_text("li", "hello")
        (_, found) = await here.bot.test()  # the repeat was taken: it works
        assert found.state == "ok" and "1 refused" in found.detail and "the last came 0 s ago" in found.detail
        assert "corpid" not in found.mend and "`wecom` bot" in found.mend


async def test_secrets_that_the_test_can_read_clear_the_state() -> None:
    class Drawer:
        locked = True

        async def aget(self, value: SecretStr, /) -> str:
            if self.locked:
                raise SecretError("no secret wecombot-token")
            return value.get_secret_value()

    async with called_back() as here, anyio.create_task_group() as tasks:
        drawer, health = Drawer(), HealthReports()
        bot = WebhookBot(here.bot._settings, "hr", replace(here.host, secrets=drawer))
        tasks.start_soon(bot.run, here.inbox.receive, health.report)
        assert "needs credentials" in await health.until("failed")
        drawer.locked = False
        await bot.test()
        assert health.reports[-1] == ("ok", "")
        tasks.cancel_scope.cancel()
