"""Cards with buttons: shown, pressed once, greyed or replaced; as text where the app has no callback."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from wecom_here import Clock, Here, a_delivery, connected

from mindbot.domain.errors import Conflict, NetworkFailed, NotFound, Rejected, StoreError, VendorError
from mindbot.domain.message import Json, Message, Part
from mindbot.domain.ports.platform import Receipt
from mindbot.domain.ports.store import Kept
from mindbot.runtime.keep import BotKeep
from mindbot.store.sqlite import SqliteStore
from mindbot.testing.platforms import served
from mindbot.testing.waiting import until

pytestmark = pytest.mark.anyio

ASK = Part(
    "card",
    "Three days in June.",
    {
        "title": "Approve the leave?",
        "buttons": [{"text": "Approve", "id": "yes", "value": "I approve"}, {"text": "Refuse", "id": "no"}],
    },
)


async def asked(here: Here, part: Part = ASK, **more: object) -> str:
    """Send a card; returns its task id."""
    (parts,) = here.bot.plan([part])
    return str((await here.bot.send(a_delivery(*parts, **more))).notes["card"])


def card(here: Here, user: str = "zhangsan") -> Json:
    return here.sim.inbox(user)[-1].body


async def test_a_press_is_one_message_and_greys_the_button() -> None:
    async with connected(run=True) as here:
        task = await asked(here, session="wecom:hr:team-7")
        assert here.shown() == ["Approve the leave?\nThree days in June.\n[Approve]\n[Refuse]"]
        assert (await here.sim.press("zhangsan", "yes")).acked
        (message,) = here.inbox.messages
        assert (message.kind, message.text, message.sender) == ("text", "I approve", "zhangsan")
        assert message.parts[0].data == {"card": task, "action": "yes", "params": {}}
        assert message.session == "wecom:hr:team-7"
        assert message.reply_to == {"touser": "zhangsan", "agentid": here.sim.settings.agent_id}
        assert "template_card_event" in message.raw
        await until(lambda: card(here)["_state"] == "grey")
        assert card(here)["_button"] == "✓ Approve"


async def test_repeats_and_double_clicks_are_one_message() -> None:
    async with connected(fault="duplicate:times=4") as here:
        await asked(here)
        presses = [here.sim.cards.press("zhangsan", key) for key in ("yes", "no", "yes")]
        async with anyio.create_task_group() as tasks:
            for fields in presses:
                tasks.start_soon(here.sim.push, "zhangsan", "event", fields)
        assert {m.key for m in here.inbox.messages} == {f"press:{presses[0]['TaskId']}"}
        assert len(here.inbox.messages) == 1
        assert len(await here.keep.items("update:")) == 3  # each press has a code of its own


async def test_what_is_due_is_done_after_a_restart() -> None:
    async with connected() as here:
        await asked(here)
        assert (await here.sim.press("zhangsan", "no")).acked
        assert card(here)["_state"] == "pressable"
        restarted = here.restarted()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(restarted.run, here.inbox.receive, here.health.report)
            await until(lambda: card(here)["_state"] == "grey")
            await until(lambda: not [key for key in here.keep.values if key.startswith("update:")])
            tasks.cancel_scope.cancel()
        assert card(here)["_button"] == "✓ Refuse"


async def test_a_late_click_is_told_that_it_is_late() -> None:
    async with connected(run=True) as here:
        task = await asked(here)
        await here.keep.put(f"card:{task}", None)  # its time is over
        assert (await here.sim.press("zhangsan", "yes")).acked
        await until(lambda: card(here)["_state"] == "grey")
        assert "expired" in card(here)["_button"]
        assert not here.inbox.messages


async def test_a_press_that_cannot_be_stored_gets_no_ack_and_comes_again() -> None:
    async with connected() as here:
        await asked(here)
        here.keep.error = StoreError("disk full")
        pushed = await here.sim.press("zhangsan", "yes")
        assert (pushed.acked, pushed.status) == (False, 503)
        here.keep.error = None
        assert (await here.sim.press("zhangsan", "yes")).acked
        assert len(here.inbox.messages) == 1


@pytest.mark.parametrize(
    "fault", ["-1:n=2@update_template", "drop:n=2@update_template", "45033:n=1@update_template"]
)
async def test_an_update_that_fails_is_tried_again(fault: str) -> None:
    async with connected(run=True) as here:
        await asked(here)
        here.sim.faults.set([f"{fault}@update_template_card"])
        await here.sim.press("zhangsan", "yes")
        await until(lambda: card(here)["_state"] == "grey")


async def test_a_refused_update_is_given_up_and_counted() -> None:
    async with connected(run=True, fault="42022@update_template") as here:
        await asked(here)
        await here.sim.press("zhangsan", "yes")
        await until(lambda: here.bot.details()["cards"]["not_changed"] == 1)
        assert not await here.keep.items("update:")
        assert len(here.inbox.messages) == 1


async def test_a_card_says_what_comes_in_its_place() -> None:
    done = {
        "card_type": "text_notice",
        "main_title": {"title": "Approved"},
        "card_action": {"type": 1, "url": "https://example.org"},
    }
    async with connected(run=True) as here:
        await asked(here, Part("card", ASK.text, ASK.data | {"after": done}))
        await here.sim.press("zhangsan", "yes")
        await until(lambda: here.shown() == ["Approved"])
        await asked(here, Part("card", ASK.text, ASK.data | {"after": "handed in"}), n=1)
        await here.sim.press("zhangsan", "yes")
        await until(lambda: card(here).get("_button") == "handed in")


async def test_a_vote_and_a_form_say_what_was_chosen() -> None:
    vote = {
        "card_type": "vote_interaction",
        "main_title": {"title": "When?"},
        "checkbox": {
            "question_key": "day",
            "mode": 1,
            "option_list": [{"id": d, "text": d.title()} for d in ("monday", "tuesday", "friday")],
        },
        "submit_button": {"text": "Send", "key": "send"},
    }
    form = {
        "card_type": "multiple_interaction",
        "main_title": {"title": "Room"},
        "select_list": [
            {"question_key": "floor", "title": "Floor", "option_list": [{"id": "1", "text": "First"}]},
            {"question_key": "size", "title": "Size", "option_list": [{"id": "s", "text": "Small"}]},
        ],
        "submit_button": {"text": "Book", "key": "book"},
    }
    async with connected() as here:
        await asked(here, Part("card", "", {"template_card": vote}))
        await here.sim.press("zhangsan", selected={"day": ["monday", "friday"]})
        assert here.last.text == "Monday, Friday"
        assert here.last.parts[0].data["params"] == {"day": ["monday", "friday"]}
        await asked(here, Part("card", "", {"template_card": form}), n=1)
        await here.sim.press("zhangsan", selected={"floor": ["1"], "size": ["s"]})
        assert here.last.text == "First, Small"
        assert here.last.parts[0].data["action"] == "book"


async def test_ten_choices_are_a_vote() -> None:
    buttons = [{"text": f"Room {n}", "value": f"book room {n}"} for n in range(10)]
    async with connected(run=True) as here:
        await asked(here, Part("card", "Which room?", {"buttons": buttons}))
        assert card(here)["card_type"] == "vote_interaction"
        await here.sim.press("zhangsan", selected={"choice": ["7"]})
        assert here.last.text == "book room 7"
        await until(lambda: card(here).get("_button") == "✓ Room 7")


async def test_a_menu_may_be_used_again_and_leaves_the_card_as_it_is() -> None:
    notice = {
        "card_type": "text_notice",
        "main_title": {"title": "News"},
        "card_action": {"type": 1, "url": "https://example.org"},
        "action_menu": {"desc": "more", "action_list": [{"text": "Mute", "key": "mute"}]},
    }
    async with connected() as here:
        await asked(here, Part("card", "", {"template_card": notice}))
        for second in (1, 2):
            fields = here.sim.cards.press("zhangsan", "mute", menu=True)
            await here.sim.push("zhangsan", "event", {**fields, "CreateTime": 1_700_000_000 + second})
        assert [m.text for m in here.inbox.messages] == ["Mute", "Mute"]
        assert len({m.key for m in here.inbox.messages}) == 2
        assert not await here.keep.items("update:")


async def test_cards_of_somebody_else_are_events() -> None:
    async with connected() as here:
        fields = {"Event": "template_card_event", "EventKey": "ok", "TaskId": "theirs", "ResponseCode": "RC"}
        assert (await here.sim.push("zhangsan", "event", fields)).acked
        assert (here.last.kind, here.last.parts[0].kind) == ("event", "card")
        assert not await here.keep.items("")


async def test_without_a_callback_url_the_choices_are_text() -> None:
    async with connected(callback=False) as here:
        sent = await here.bot.send(a_delivery(ASK))
        assert here.shown() == ["Approve the leave?\nThree days in June.\n\n1. Approve\n2. Refuse"]
        assert sent.notes["sent_as_text"] == ["card"]
        assert "43012" in sent.notes["card_error"]
        assert not await here.keep.items("card:")


async def test_addresses_alone_need_no_callback() -> None:
    links = [
        {"text": "Docs", "url": "https://example.org/d"},
        {"text": "Wiki", "url": "https://example.org/w"},
    ]
    async with connected(callback=False) as here:
        sent = await here.bot.send(a_delivery(Part("card", "Where?", {"buttons": links})))
        assert card(here)["card_type"] == "text_notice"
        assert "[Wiki https://example.org/w]" in here.shown()[0]
        assert not sent.notes


async def test_a_repeat_of_a_card_after_a_lost_answer_is_shown_once_and_can_be_pressed() -> None:
    for fault in (
        "lost-answer:n=1@message/send",
        ["lost-answer:n=1@message/send", "42014:after=1@message/send"],
    ):
        async with connected(fault=fault) as here:
            with pytest.raises(NetworkFailed):
                await here.bot.send(a_delivery(ASK))
            sent = await here.restarted().send(a_delivery(ASK, again=True))
            assert len(here.shown()) == 1
            assert sent.notes["card"].startswith("mb-")
            await here.sim.press("zhangsan", "yes")
            assert here.last.text == "I approve"


async def test_a_card_over_a_limit_is_refused_with_the_field_and_nothing_left_behind() -> None:
    async with connected() as here:
        twice = Part("card", "?", {"buttons": [{"text": "a", "id": "x"}, {"text": "b", "id": "x"}]})
        with pytest.raises(Rejected, match=r"template_card\.button_list\[1\]\.key is there twice"):
            await here.bot.send(a_delivery(twice))
        assert not await here.keep.items("card:")
        assert not here.sim.counters["message/send"]


async def test_a_task_id_of_another_card_is_refused_and_the_first_card_goes_on_working() -> None:
    own = {
        "card_type": "button_interaction",
        "task_id": "leave-7",
        "main_title": {"title": "Sure?"},
        "button_list": [{"text": "Yes", "key": "y"}],
    }
    async with connected() as here:
        await asked(here, Part("card", "", {"template_card": own}))
        with pytest.raises(Rejected, match="task_id is there twice"):
            await asked(here, Part("card", "", {"template_card": own}), n=1)
        await here.sim.press("zhangsan", "y")
        assert here.last.text == "Yes"


async def test_a_card_pressed_before_its_repeat_stays_pressed() -> None:
    async with connected(fault="lost-answer:n=1@message/send") as here:
        with pytest.raises(NetworkFailed):
            await here.bot.send(a_delivery(ASK))
        await here.sim.press("zhangsan", "yes")
        sent = await here.bot.send(a_delivery(ASK, again=True))
        state = await here.keep.get(f"card:{sent.notes['card']}")
        assert state is not None and state["pressed"]["key"] == "yes"


async def test_a_blocked_api_changes_cards_later_and_is_not_asked_for_each() -> None:
    async with connected(fault="45009@update_template_card") as here:
        for n in range(5):
            await asked(here, n=n)
            await here.sim.press("zhangsan", "yes")
        assert await here.bot._buttons._catch_up() >= 60
        assert here.sim.counters["fault.45009"] == 1


async def test_a_card_is_changed_without_a_press_once() -> None:
    async with connected() as here:
        task = await asked(here)
        await here.bot.change_card(task, "too late")
        assert card(here)["_button"] == "too late"
        with pytest.raises(NotFound):
            await here.bot.change_card(task, "again")
        other = await asked(here, n=1)
        await here.bot.change_card(other, Part("card", "New question", ASK.data | {"title": "New"}))
        assert here.shown()[-1].startswith("New\n")
        pressed = await asked(here, n=2)
        await here.sim.press("zhangsan", "yes", task=pressed)
        with pytest.raises(Conflict):
            await here.bot.change_card(pressed, "no")


async def test_on_the_real_store_a_press_survives_and_a_click_after_a_restart_is_no_second_message(
    tmp_path: Path,
) -> None:
    taken: list[tuple[str, bool]] = []
    async with SqliteStore.open(tmp_path / "mindbot.db") as store, connected() as here:

        async def intake(messages: Sequence[Message], kept: Sequence[Kept]) -> list[Receipt]:
            found = await store.inbox.put_all(messages, kept)
            taken.extend((turn.message.text, again) for turn, again in found)
            return [Receipt(turn.number, again) for turn, again in found]

        here.host = replace(here.host, keep=BotKeep(store, intake, "wecom", "hr"))
        first = here.restarted()
        task = str((await first.send(a_delivery(ASK))).notes["card"])
        assert task
        fields = here.sim.cards.press("zhangsan", "yes")
        for bot in (first, here.restarted()):
            async with served(bot, here.inbox.receive) as url:
                assert (await here.sim.push("zhangsan", "event", fields, url=url)).acked
        assert taken == [("I approve", False)]
        with sqlite3.connect(tmp_path / "mindbot.db") as rows:
            ends = rows.execute(
                "SELECT key, ends FROM keep WHERE platform = 'wecom' AND (ends IS NULL OR ends > 0)"
            ).fetchall()
        assert {key.partition(":")[0] for key, _ in ends} == {"card", "code", "update"}
        assert all(end is not None for _, end in ends)  # nothing of it is kept for good
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(here.restarted().run, here.inbox.receive, here.health.report)
            await until(lambda: card(here)["_state"] == "grey")
            tasks.cancel_scope.cancel()


async def test_a_message_is_taken_back() -> None:
    clock = Clock(1000.0)
    async with connected(sim={"clock": clock, "token_ttl": 1e7}) as here:
        sent = [a_delivery(f"{n}", n=n) for n in range(3)]
        for delivery in sent[:2]:
            delivery.sent_id = (await here.bot.send(delivery)).id
        await here.bot.take_back(sent[0])
        assert here.shown() == ["1"]
        clock.now += 86_400
        with pytest.raises(Rejected):
            await here.bot.take_back(sent[1])
        with pytest.raises(Rejected, match="no id"):
            await here.bot.take_back(sent[2])


async def test_a_card_said_in_several_texts_is_taken_back_whole() -> None:
    long = " ".join(map(str, range(1200)))
    many = Part("card", long, {"buttons": [{"id": "a", "text": "Yes"}]})
    async with connected(fault="43012@message/send", callback=False) as here:
        delivery = a_delivery(many)
        here.sim.faults.set(["43012:n=1@message/send"])
        sent = await here.bot.send(delivery)
        delivery.sent_id = sent.id
        delivery.notes.add(sent.notes)
        assert sent.notes["sent_as_text"] == ["card"] and len(here.shown()) > 1
        pieces = list(delivery.notes.pieces or ())
        here.sim.faults.set(["500:n=1:after=1@message/recall"])
        with pytest.raises(VendorError):
            await here.bot.take_back(delivery)
        assert len(here.shown()) == len(pieces) - 1  # the next attempt goes on with the others
        await here.bot.take_back(delivery)
        assert here.shown() == []
        delivery.notes.add({"gone": [], "take_back_unknown": 1.0})  # as after an answer that was lost
        await here.bot.take_back(delivery)
        assert delivery.gone == pieces[::-1]
