"""A turn as plain data: its steps, going back to what it was, JSON and back."""

from __future__ import annotations

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mindbot.domain import ids
from mindbot.domain.bot import Bot
from mindbot.domain.chat import ChatMessage
from mindbot.domain.message import Message, Part, text_part
from mindbot.domain.span import CANCELLED, Span
from mindbot.domain.turn import Reply, Turn
from mindbot.platforms.console import ConsolePlatform
from mindbot.store.rows import pack_spans, unpack_spans

TEXT = st.text(max_size=20)
FACTS = st.dictionaries(TEXT.filter(lambda key: key[:1] != "_"), TEXT | st.integers() | st.lists(TEXT))
LINES = st.lists(
    st.builds(ChatMessage, st.sampled_from(["system", "user", "assistant"]), TEXT, origin=TEXT), max_size=4
)
SPANS = st.lists(
    st.builds(
        Span,
        st.integers(1, 9),
        st.integers(0, 9),
        TEXT,
        TEXT,
        st.integers(0, 2**31).map(float),
        st.sampled_from([-1.0, 0.0, 0.5, 2.25]),
        st.sampled_from(["ok", "error", "memo"]),
        FACTS,
    ),
    max_size=4,
)


def a_turn(text: str = "hello") -> Turn:
    message = Message("console", "default", "m1", "s1", "lin", "text", (text_part(text),), {"to": "lin"})
    return Turn(ids.new_id(), message, state="running")


@pytest.mark.full
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(FACTS, FACTS, LINES, LINES, SPANS, st.lists(st.builds(Part, st.just("text"), TEXT)), FACTS)
def test_json_holds_all_of_it(vars, route, prompt, history, spans, parts, memo) -> None:  # type: ignore[no-untyped-def]
    turn = a_turn()
    turn.vars, turn.route, turn.prompt, turn.history = vars, route, prompt, history
    turn.spans, turn.reply, turn.memo = spans, Reply(parts), memo
    turn.reason, turn.attempt, turn.started, turn.finished = "why", 3, 5.0, 7.5
    again = Turn.from_json(turn.to_json())
    assert again.to_json() == turn.to_json()
    assert (again.message, again.prompt, again.spans) == (turn.message, prompt, spans)


def test_a_step_of_an_older_record_ends_in_the_words_of_today() -> None:
    step = Span(1, 0, "tool", "search", 5.0, 0.5)
    old = {**step.to_json(), "status": "aborted"}
    assert Span.from_json(old).status == CANCELLED
    assert [span.status for span in unpack_spans([[*pack_spans([step])[0][:6], "aborted", None]])] == [
        CANCELLED
    ]


@pytest.mark.anyio
async def test_a_turn_goes_back_to_what_it_was_and_keeps_what_it_remembers() -> None:
    turn = a_turn()
    turn.vars["user"] = {"name": "Lin"}
    async with turn.span("stage", "deliver"):
        then = turn.snapshot()
        turn.vars["user"]["name"] = "changed"
        turn.route["runner"] = "chat"
        turn.prompt.append(ChatMessage("user", "hello"))
        turn.reply.say("half")
        turn.message = a_turn("changed").message
        turn.reason, turn.memo["run"] = "why", {"text": "half"}
        async with turn.span("model", "acme"):
            pass
        turn.restore(then)
        assert (turn.vars, turn.route, turn.prompt) == ({"user": {"name": "Lin"}}, {}, [])
        assert (turn.message.text, turn.reply.parts, turn.reason) == ("hello", [], "")
        assert [span.name for span in turn.spans] == ["deliver"] and turn.innermost == 1
        assert turn.memo == {"run": {"text": "half"}}
    turn.reset()
    assert (turn.vars, turn.spans, turn.innermost) == ({}, [], 0)


@pytest.mark.anyio
async def test_steps_that_run_side_by_side_stand_beside_each_other() -> None:
    turn = a_turn()
    both = anyio.Event()

    async def step(parent: Span, name: str) -> None:
        async with turn.span("tool", name, parent=parent) as mine:
            if name == "b":
                both.set()
            await both.wait()
            async with turn.span("model", f"in {name}", parent=mine):
                await anyio.lowlevel.checkpoint()

    async with turn.span("stage", "run") as outer:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(step, outer, "a")
            tasks.start_soon(step, outer, "b")
        assert turn.innermost == outer.id
    by_id = {span.id: span.name for span in turn.spans}
    assert {span.name: by_id.get(span.parent, "") for span in turn.spans} == {
        "run": "",
        "a": "run",
        "b": "run",
        "in a": "a",
        "in b": "b",
    }
    assert all(span.took >= 0 for span in turn.spans)


@pytest.mark.anyio
async def test_a_step_that_fails_says_so_and_one_whose_reader_goes_away_is_no_failure_of_words() -> None:
    turn = a_turn()
    with pytest.raises(KeyError):
        async with turn.span("tool", "broken"):
            raise KeyError("x")
    assert (turn.spans[0].status, turn.spans[0].data) == ("error", {"error": "KeyError"})


def test_what_a_bot_can_do_is_known_once() -> None:
    bot = Bot.of(ConsolePlatform("default"))
    assert (bot.key, bot.local, bot.streams, bot.webhook) == (("console", "default"), True, None, None)
