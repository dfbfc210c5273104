"""What each stage does to a turn, through the whole onion."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import anyio
import pytest
from pipeline_house import Echo, House, Watch

from mindbot.domain.abilities import Silence
from mindbot.domain.chat import Chunk, ToolCall
from mindbot.domain.errors import (
    AuthFailed,
    ConfigError,
    ContentFiltered,
    NetworkFailed,
    Overloaded,
    StoreError,
    StoreFull,
    StoreReadOnly,
)
from mindbot.domain.host import File
from mindbot.domain.message import Json, Part, text_part
from mindbot.domain.records import turn_record
from mindbot.domain.turn import Turn
from mindbot.filters.fields import TURN_FIELDS
from mindbot.filters.language import parse

pytestmark = pytest.mark.anyio


async def test_a_message_is_answered_and_every_stage_leaves_a_closed_span() -> None:
    house = House()
    turn = await house.run()
    assert (turn.state, turn.reply.text) == ("answered", "echo: hello")
    assert [s.name for s in turn.spans if s.kind == "stage"] == house.order
    assert all(s.took >= 0 and s.status == "ok" for s in turn.spans)
    assert [s.parent for s in turn.spans] == list(range(len(house.order))), (
        "each stage is inside the one before"
    )
    assert house.finished == [turn] and turn.finished == house.now


async def test_what_turns_out_to_have_been_thinking_is_not_said() -> None:
    class Thinker(Echo):
        async def run(self, turn: Turn) -> AsyncGenerator[Chunk, None]:
            yield Chunk("the user wants…")
            yield Chunk(reasoning="the user wants…", afresh=True)
            yield Chunk("Yes.", finish="stop")

    turn = await House(Thinker()).run()
    assert turn.reply.text == "Yes."


async def test_a_failing_runner_is_told_to_the_user_and_kept_for_the_operator() -> None:
    house = House(Echo(Overloaded("model is down")), dispatcher={"failure_notice": "Sorry."})
    turn = await house.run()
    assert (turn.state, turn.reply.text) == ("failed", "Sorry.")
    assert turn.reason == "overloaded: model is down"
    assert next(s for s in turn.spans if s.name == "run").status == "error"
    assert house.finished == [turn]


async def test_a_bug_in_a_runner_fails_its_turn_only() -> None:
    house = House(Echo(KeyError("x")))
    turn = await house.run()
    assert turn.state == "failed" and turn.reason.startswith("internal:")
    assert house.warnings[0]["exc_info"] is True


async def test_a_store_that_fails_is_not_the_users_fault_and_reaches_the_dispatcher() -> None:
    house = House()
    house.store_error = StoreFull("no space")
    with pytest.raises(StoreFull):
        await house.run()
    assert house.finished == []


async def test_denied_senders_are_dropped_silently_with_the_rule_named() -> None:
    runner = Echo()
    turn = await House(runner, access={"deny": ["spam-*"]}).run(user="spam-7")
    assert (turn.state, turn.reply.parts, runner.calls) == ("dropped", [], 0)
    assert turn.reason == "access: denied by 'spam-*'"


async def test_an_allow_list_lets_only_its_own_in_and_deny_wins() -> None:
    house = House(access={"allow": ["lin", "mei"], "deny": ["mei"]})
    assert [(await house.run(user=u)).state for u in ("lin", "mei", "wei")] == [
        "answered",
        "dropped",
        "dropped",
    ]


async def test_events_wake_no_model() -> None:
    runner = Echo()
    turn = await House(runner).run(kind="event")
    assert (turn.state, runner.calls) == ("dropped", 0)


async def test_an_answer_that_was_recorded_is_not_asked_for_again() -> None:
    runner = Echo()
    house = House(runner)
    house.memo["run"] = {"text": "recorded", "finish": "stop"}
    turn = await house.run()
    assert (turn.reply.text, runner.calls) == ("recorded", 0)


async def test_a_hand_over_that_was_recorded_is_not_forgotten_after_a_crash() -> None:
    class Gives(Echo):
        async def run(self, turn: Turn) -> AsyncGenerator[Chunk, None]:
            turn.hand_over(say="bye")
            yield Chunk("yes", finish="stop")

    house = House(Gives())
    for _ in range(2):
        turn = await house.run()
        assert [(p.kind, p.text, p.data) for p in turn.reply.parts] == [
            ("text", "yes", {}),
            ("transfer", "bye", {"to": "pool"}),
        ]


async def test_who_answered_is_known_also_after_a_crash() -> None:
    class Hands(Echo):
        async def run(self, turn: Turn) -> AsyncGenerator[Chunk, None]:
            self.calls += 1
            turn.route["workflow"], turn.vars["instead_of"] = "general", "faq"
            turn.reason = "faq did not answer"
            yield Chunk("yes", finish="stop")

    runner = Hands()
    house = House(runner)
    for _ in range(2):
        turn = await house.run()
        assert (turn.route["workflow"], turn.vars["instead_of"]) == ("general", "faq")
        assert turn.reason == "faq did not answer"
    assert runner.calls == 1


async def test_the_gate_is_asked_before_each_stage_only_while_somebody_watches() -> None:
    watch = Watch()
    house = House(watch=watch)
    await house.run()
    assert watch.gates == watch.opened_spans == house.order
    assert watch.closed_spans == house.order[::-1]
    idle = Watch(active=False)
    await House(watch=idle).run()
    assert idle.gates == []


async def test_an_attended_session_is_not_answered_and_says_why() -> None:
    house = House()
    house.silent = Silence("a person serves the customer", (text_part("one moment"),), "user")
    turn = await house.run()
    assert (turn.state, turn.reason) == ("dropped", "access: a person serves the customer")
    assert turn.reply.text == "one moment" and "run" not in [s.name for s in turn.spans]
    assert turn.vars["heard"] == "user"


async def test_an_event_the_platform_greets_is_answered_without_a_model() -> None:
    runner = Echo()
    house = House(runner)
    house.greetings = (text_part("welcome"),)
    turn = await house.run(kind="event")
    assert (turn.state, turn.reply.text, turn.route["runner"]) == ("answered", "welcome", "greeting")
    assert not runner.calls


async def test_files_are_fetched_once_before_anybody_looks_and_a_failure_is_said() -> None:
    house = House()
    house.files = {
        "cat": File("ab.jpg", 3, "image/jpeg", "cat.jpg"),
        "dog": NetworkFailed("gone"),
        "no": None,
    }
    parts = (Part("image", "cat", {"code": 1}), Part("file", "dog"), text_part("look"), Part("voice", "no"))
    turn = await house.run(parts=parts)
    got = [part.data for part in turn.message.parts]
    assert got[0] == {"code": 1, "media": "ab.jpg", "type": "image/jpeg", "size": 3}
    assert "gone" in got[1]["error"] and not got[2] and not got[3]
    spans = {s.name: s for s in turn.spans if s.kind == "media"}
    assert spans["image"].status == "ok" and spans["file"].status == "error"
    assert {s.parent for s in spans.values()} == {next(s.id for s in turn.spans if s.name == "media")}
    again = await house.run(parts=parts)
    assert house.fetches == 3 and again.message.parts == turn.message.parts


async def test_a_broken_media_store_costs_a_message_its_file_and_not_its_answer() -> None:
    house = House(media={"timeout": 0.05})
    house.files = {"cat": StoreError("media: bucket b: no such bucket", hint="check media.bucket")}
    turn = await house.run(parts=(Part("image", "cat"), text_part("look")))
    assert "check media.bucket" in turn.message.parts[0].data["error"]
    assert turn.state == "answered"
    for passing in (StoreFull("no space"), StoreReadOnly("mounted ro")):  # that is waited for
        house = House()
        house.files = {"cat": passing}
        with pytest.raises(type(passing)):
            await house.run(parts=(Part("image", "cat"),))


async def test_an_answer_that_is_stopped_ends_with_what_was_there() -> None:
    class Endless:
        async def run(self, turn: Turn) -> AsyncGenerator[Chunk, None]:
            yield Chunk("half ")
            house.scope.cancel()
            await anyio.sleep_forever()
            yield Chunk("never")

    house = House(Endless())
    turn = await house.run()
    assert (turn.state, turn.reply.text, turn.vars["finish"]) == ("answered", "half ", "stopped")


class Phonebook:
    """A directory that counts how often it is asked."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.asked: list[str] = []

    async def __call__(self, id: str) -> Json:
        self.asked.append(id)
        if self.failures:
            raise self.failures.pop(0)
        return {"name": id.title(), "title": "", "departments": ["Sales", "Berlin"]}


async def test_the_senders_details_are_on_the_turn_and_in_its_record() -> None:
    house = House()
    house.directory = book = Phonebook()
    turn = await house.run(user="lin")
    assert turn.vars["user"] == {"name": "Lin", "departments": ["Sales", "Berlin"]}
    record = turn_record(turn)
    assert (record["user_name"], record["department"]) == ("Lin", ["Sales", "Berlin"])
    assert parse('department == "Berlin" and user_name == "Lin"', TURN_FIELDS).compile()(record)
    assert not parse('department != "Berlin"', TURN_FIELDS).compile()(record)
    (span,) = [s for s in turn.spans if s.kind == "people"]
    assert (span.name, span.status, span.data) == ("lin", "ok", {"known": True})
    house.memo.clear()
    again = await house.run(user="lin")
    assert book.asked == ["lin"] and again.vars["user"]["name"] == "Lin"


@pytest.mark.parametrize("kind", ["event", "push"])
async def test_nobody_is_looked_up_where_no_person_wrote(kind: str) -> None:
    house = House()
    house.directory = book = Phonebook()
    turn = await house.run(kind=kind)
    assert not book.asked and "user" not in turn.vars


async def test_looking_up_can_be_switched_off() -> None:
    house = House(people={"enabled": False})
    house.directory = book = Phonebook()
    assert (await house.run()).state == "answered"
    assert not book.asked


async def test_a_directory_that_fails_costs_the_details_alone() -> None:
    house = House()
    house.directory = book = Phonebook(AuthFailed("no permission", hint="Contacts API"), KeyError("bug"))
    turn = await house.run(user="lin")
    (span,) = [s for s in turn.spans if s.kind == "people"]
    assert (turn.state, span.status) == ("answered", "error")
    assert "no permission" in span.data["error"] and "user" not in turn.vars
    house.memo.clear()
    await house.run(user="lin")  # the failure is remembered as well
    assert book.asked == ["lin"]
    house.memo.clear()
    other = await house.run(user="bo")
    assert [s.data["error"] for s in other.spans if s.kind == "people"] == ["internal: KeyError: 'bug'"]
    assert other.state == "answered"


async def test_a_directory_that_is_not_set_up_is_no_error() -> None:
    house = House()
    house.directory = Phonebook(ConfigError("no directory", hint="set contacts_secret"))
    turn = await house.run()
    (span,) = [s for s in turn.spans if s.kind == "people"]
    assert (span.status, span.data) == ("ok", {"not_asked": "no directory (set contacts_secret)"})
    assert turn.state == "answered" and "user" not in turn.vars


async def test_after_a_crash_nobody_is_looked_up_again() -> None:
    house = House()
    house.directory = book = Phonebook()
    house.memo["people"] = {"user": {"name": "As it was"}}
    turn = await house.run()
    assert not book.asked and turn.vars["user"] == {"name": "As it was"}


class Says(Echo):
    """A runner whose model gives these pieces."""

    def __init__(self, *chunks: Chunk) -> None:
        super().__init__()
        self._chunks = chunks

    async def run(self, turn: Turn) -> AsyncGenerator[Chunk, None]:
        self.calls += 1
        for chunk in self._chunks:
            yield chunk


@pytest.mark.parametrize(
    ("chunks", "why"),
    [
        ([], "said nothing (finish: not told)"),
        ([Chunk(" \n\u200b", finish="stop")], "said nothing (finish: stop)"),
        ([Chunk(reasoning="hm"), Chunk(finish="stop")], "thought and said nothing"),
        (
            [Chunk(reasoning="hm"), Chunk(finish="length")],
            "on thinking before the first word: raise max_tokens",
        ),
        ([Chunk(finish="content_filter")], "content policy"),
        (
            [Chunk(tool_calls=(ToolCall("1", "weather"),), finish="tool_calls")],
            "called weather and said nothing",
        ),
    ],
)
async def test_an_answer_without_words_is_told_to_the_user_with_its_reason_kept(
    chunks: list[Chunk], why: str
) -> None:
    runner = Says(*chunks)
    house = House(runner, dispatcher={"empty_notice": "Ask differently."})
    for _ in ("made", "recorded"):
        turn = await house.run()
        assert (turn.state, turn.reply.text) == ("failed", "Ask differently.")
        assert turn.reason.startswith("empty_answer: ") and why in turn.reason
    assert runner.calls == 1


async def test_an_answer_that_a_limit_cut_says_so_to_the_user_and_to_the_operator() -> None:
    house = House(Says(Chunk("Once upon a"), Chunk(finish="length")))
    for _ in ("made", "recorded"):
        turn = await house.run()
        assert (turn.state, turn.vars["finish"]) == ("answered", "length")
        assert turn.reply.text.startswith("Once upon a\n\n（回答到达上限") and len(turn.reply.parts) == 1
        assert turn.reason == "cut short: a limit of length or time was reached"


async def test_an_answer_that_a_policy_ended_is_marked_for_the_operator_alone() -> None:
    turn = await House(Says(Chunk("Take two"), Chunk(finish="content_filter"))).run()
    assert turn.reply.text == "Take two" and turn.reason.startswith("cut short: the vendor's content policy")


async def test_an_answer_stopped_before_its_first_word_is_no_failure_and_says_nothing_more() -> None:
    class Stopped(Echo):
        async def run(self, turn: Turn) -> AsyncGenerator[Chunk, None]:
            house.scope.cancel()
            await anyio.sleep_forever()
            yield Chunk()

    house = House(Stopped(), dispatcher={"empty_notice": "Ask differently."})
    turn = await house.run()
    assert (turn.state, turn.reason) == ("dropped", "stopped before the first word")
    assert not turn.reply.parts, "who stopped it is answered by the turn that asked for it"


async def test_what_the_vendor_withheld_is_told_as_that_and_not_as_something_that_passes() -> None:
    house = House(Echo(ContentFiltered("no")), dispatcher={"empty_notice": "Ask differently."})
    assert (await house.run()).reply.text == "Ask differently."


async def test_a_hand_over_without_words_is_an_answer() -> None:
    class Gives(Echo):
        async def run(self, turn: Turn) -> AsyncGenerator[Chunk, None]:
            turn.hand_over()
            yield Chunk(finish="stop")

    turn = await House(Gives()).run()
    assert (turn.state, [p.kind for p in turn.reply.parts]) == ("answered", ["transfer"])


async def test_a_mistake_in_a_download_costs_the_file_and_not_the_answer() -> None:
    house = House()
    house.files = {"cat": RecursionError("too deep"), "dog": File("ab.jpg", 3, "image/jpeg", "")}
    turn = await house.run("look", parts=(Part("image", "cat"), Part("image", "dog"), text_part("look")))
    assert turn.state == "answered" and turn.message.parts[1].data["media"] == "ab.jpg"
    assert turn.message.parts[0].data["error"] == "internal: RecursionError: too deep"
    assert [warning["event"] for warning in house.warnings] == ["file not fetched"]
