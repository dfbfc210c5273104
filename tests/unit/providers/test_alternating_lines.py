"""Conversations of any history become turns that the strictest vendors take."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindbot.domain.chat import Attachment, ChatMessage, ChatPart, Reasoning, Text, ToolCall, ToolResult
from mindbot.domain.conversation import WORDLESS, wordless
from mindbot.providers.shared.alternating import NO_RESULT, alternating


def turns(*lines: ChatMessage) -> list[ChatMessage]:
    return alternating(lines, "acme")[1]


def user(*parts: ChatPart) -> ChatMessage:
    return ChatMessage("user", parts)


def bot(*parts: ChatPart) -> ChatMessage:
    return ChatMessage("assistant", parts)


def tool(*parts: ChatPart) -> ChatMessage:
    return ChatMessage("tool", parts)


ASK, CALL, OTHER = Text("hi"), ToolCall("a", "add"), ToolCall("b", "sub")
THREE, FOUR = ToolResult("a", "add", "3"), ToolResult("b", "sub", "4")


def test_instructions_stand_apart() -> None:
    lines = [ChatMessage("system", "Be brief."), user(ASK), ChatMessage("system", "Now in French.")]
    assert alternating(lines, "acme") == ("Be brief.\n\nNow in French.", [user(ASK)])
    assert alternating([ChatMessage("system", " ")], "acme")[0] == ""


def test_lines_of_one_role_are_joined() -> None:
    assert turns(user(ASK), user(Text("there")), bot(Text("a")), bot(Text("b"))) == [
        user(Text("hi\nthere")),
        bot(Text("a\nb")),
    ]


def test_blanks_alone_are_nothing() -> None:
    assert turns(user(ASK), bot(Text("\n")), user(Text("you?"))) == [user(Text("hi\nyou?"))]
    assert turns(user(ASK), bot(Text("a")), user(Text(" ")), bot(Text("b"))) == [
        user(ASK),
        bot(Text("a\nb")),
    ]
    assert turns() == [user(Text(WORDLESS))]


def test_the_user_is_the_first() -> None:
    assert turns(bot(Text("welcome")), user(ASK))[0] == user(Text(WORDLESS))


def test_results_are_in_front_and_in_the_order_of_the_calls() -> None:
    assert turns(user(ASK), bot(CALL, OTHER), user(Text("so?")), tool(FOUR), tool(THREE)) == [
        user(ASK),
        bot(CALL, OTHER),
        user(THREE, FOUR, Text("so?")),
    ]


def test_every_call_has_a_result_and_every_result_a_call() -> None:
    none = ToolResult("b", "sub", NO_RESULT, failed=True)
    assert turns(user(ASK), bot(CALL, OTHER), tool(THREE)) == [user(ASK), bot(CALL, OTHER), user(THREE, none)]
    assert turns(user(ASK), bot(OTHER), bot(Text("well"))) == [
        user(ASK), bot(OTHER), user(none), bot(Text("well")),
    ]  # fmt: skip
    assert turns(tool(THREE), user(ASK)) == [user(Text("[add: 3]\nhi"))]
    assert turns(user(ASK), bot(CALL), tool(THREE), tool(THREE))[-1] == user(THREE, Text("[add: 3]"))


def test_ids_are_plain_and_each_is_one_call_only() -> None:
    odd = ToolCall("functions.add:0", "add")
    lines = turns(
        user(ASK), bot(odd, CALL), tool(ToolResult(odd.id, "add", "1"), THREE), bot(CALL), tool(THREE)
    )
    calls = [call.id for line in lines for call in line.tool_calls]
    results = [result.id for line in lines for result in line.results]
    assert calls == results
    assert len(set(calls)) == 3
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", each) for each in calls)
    assert [result.text for line in lines for result in line.results] == ["1", "3", "3"]


def test_no_vendor_sees_the_thoughts_and_signatures_of_another() -> None:
    own, foreign = Reasoning("so", "signed", vendor="acme"), Reasoning("so", "signed", vendor="else")
    bare, sealed = Reasoning("so", vendor="acme"), Reasoning(sealed="xx", vendor="acme")
    signed = ToolCall("a", "add", signature="s", vendor="else")
    mine = ToolCall("b", "sub", signature="s", vendor="acme")
    assert turns(user(ASK), bot(own, foreign, bare, sealed, signed, mine))[1] == bot(own, sealed, CALL, mine)


def test_what_the_bot_showed_is_named() -> None:
    shown = Attachment("image", "image/png", "cat.png", data=b"x")
    assert turns(user(shown), bot(shown, Text("there"))) == [user(shown), bot(Text("[image cat.png]there"))]


texts = st.sampled_from(["", " ", "\n", "one", "two ", "three"]).map(Text)
calls = st.builds(ToolCall, st.sampled_from(["", "a", "b", "c:0", "call_1"]), st.sampled_from(["f", "g"]))
answers = st.builds(
    ToolResult, st.sampled_from(["", "a", "b", "c:0", "call_1"]), st.just("f"), st.sampled_from(["", "r"])
)
thoughts = st.builds(
    Reasoning, st.just("t"), st.sampled_from(["", "s"]), vendor=st.sampled_from(["acme", "x"])
)
pictures = st.builds(Attachment, st.just("image"), st.just("image/png"), data=st.just(b"x"))
parts = st.lists(st.one_of(texts, calls, answers, thoughts, pictures), max_size=5)
roles = st.sampled_from(["system", "user", "assistant", "tool"])


@pytest.mark.full
@given(st.lists(st.builds(ChatMessage, roles, parts), max_size=12))
def test_whatever_was_said_the_strictest_take_it(lines: list[ChatMessage]) -> None:
    said = alternating(lines, "acme")[1]
    assert [line.role for line in said] == ["user" if n % 2 == 0 else "assistant" for n in range(len(said))]
    seen: set[str] = set()
    waiting: list[str] = []
    for line in said:
        assert line.parts
        assert not any(isinstance(part, Text) and wordless(part.text) for part in line.parts)
        if line.role == "user":
            assert [result.id for result in line.results] == waiting
            assert line.parts[: len(waiting)] == line.results
            waiting = []
        else:
            waiting = [call.id for call in line.tool_calls]
            assert not seen & set(waiting)
            assert len(set(waiting)) == len(waiting)
            seen.update(waiting)
            assert all(part.vendor == "acme" for part in line.parts if isinstance(part, Reasoning))
    assert not waiting
