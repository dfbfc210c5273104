"""The shape of a conversation that every model takes, and what goes first when it is too long."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mindbot.domain import conversation, origins
from mindbot.domain.chat import ChatMessage, ToolCall, ToolResult

ROLES = st.sampled_from(["system", "user", "assistant"])
WORDS = st.sampled_from(["", " \n", "\u200b", "yes", "what is it?", "好"])
LINES = st.lists(st.builds(ChatMessage, ROLES, WORDS), max_size=12)
TALK = LINES.map(lambda lines: [*lines, ChatMessage("user", "and now?")])


def of(*lines: tuple[str, str]) -> list[ChatMessage]:
    return [ChatMessage(role, text) for role, text in lines]


def pairs(lines: list[ChatMessage]) -> list[tuple[str, str]]:
    return [(line.role, line.content) for line in lines]


@given(TALK)
def test_roles_take_turns_from_the_user_on_and_no_line_is_without_words(lines: list[ChatMessage]) -> None:
    found = conversation.shaped(lines)
    talk = [m.role for m in found if m.role != "system"]
    assert talk == [("user", "assistant")[n % 2] for n in range(len(talk))] and talk[-1] == "user"
    assert [m.role for m in found].count("system") == (found[0].role == "system")
    assert not any(conversation.wordless(m.content) for m in found)
    said = "\n".join(m.content for m in found)
    assert all(m.content in said for m in lines if not conversation.wordless(m.content)), "no word is lost"
    assert conversation.shaped(found) == found


@given(TALK, st.integers(0, 80))
def test_the_oldest_go_first_and_the_question_stays(lines: list[ChatMessage], most: int) -> None:
    found = conversation.within(lines, most)
    past, before = conversation.past(found), conversation.past(lines)
    assert found[-1] == lines[-1]
    assert [m for m in found if m.role == "system"] == [m for m in lines if m.role == "system"]
    assert conversation.size(found) <= most or not past
    assert past == before[len(before) - len(past) :]
    orphan = past and past[0].role == "assistant" and len(past) < len(before)
    assert not orphan or before[-len(past) - 1].role == "assistant", "an answer goes with its question"


@given(TALK)
def test_all_that_was_said_before_the_question_can_be_left_out(lines: list[ChatMessage]) -> None:
    kept = [m for m in lines[:-1] if m.role == "system"]
    assert conversation.within(lines, 0) == [*kept, lines[-1]]


@given(st.lists(st.tuples(st.sampled_from(["user", "assistant"]), st.integers(1, 90)), max_size=14))
def test_what_is_remembered_begins_with_no_answer_to_what_is_forgotten(said: list[tuple[str, int]]) -> None:
    lines = [ChatMessage(role, "x" * length) for role, length in said]
    found = conversation.recent(lines, 200)
    left = len(lines) - len(found)
    assert [line.role for line in found] == [line.role for line in lines[left:]]
    assert not left or not found or found[0].role == "user" or lines[left - 1].role == "assistant"


def test_what_the_bot_said_first_is_told_as_an_instruction() -> None:
    found = conversation.shaped(of(("system", "Be kind."), ("assistant", "Good morning"), ("user", "hi")))
    assert [m.role for m in found] == ["system", "user"]
    assert found[0].content.startswith("Be kind.") and found[0].content.endswith("Good morning")


def test_a_question_without_words_is_not_an_empty_line() -> None:
    found = conversation.shaped(of(("user", ""), ("assistant", "Yes?"), ("user", " ")))
    assert found[-1] == ChatMessage("user", conversation.WORDLESS, origin=origins.STAND_IN)


def test_emoji_newer_than_the_tables_are_words_and_what_is_no_character_is_not() -> None:
    assert not any(conversation.wordless(text) for text in ("\U0001fa77", "\U0001fae9 ", "\U0001ff00"))
    assert all(conversation.wordless(text) for text in ("", "\ufffe", "\ufdd0\U0010ffff", "\u200b\n"))


def test_calls_of_tools_and_their_results_stay_as_they_are() -> None:
    call = ChatMessage("assistant", [ToolCall("1", "weather")])
    lines = [ChatMessage("user", "sun?"), call, ChatMessage("tool", [ToolResult("1", "weather", "")])]
    assert conversation.shaped(lines) == lines


def test_a_model_without_a_system_role_hears_the_instructions_from_the_user() -> None:
    lines = of(("system", "Be kind."), ("user", "one"), ("assistant", "two"), ("user", "three"))
    assert pairs(conversation.without_system(lines)) == [
        ("user", "Be kind.\n\none"),
        ("assistant", "two"),
        ("user", "three"),
    ]


def test_the_newest_lines_are_kept_and_a_long_one_is_cut() -> None:
    lines = [ChatMessage("user", text) for text in ("old", "x" * 900, "new")]
    found = conversation.recent(lines, 120)
    assert [len(line.content) for line in found] == [3, 30, 3] and found[1].content.endswith("…")
    assert conversation.recent(lines[:1] * 90, 120) == lines[:1] * 40
    assert lines[1].content == "x" * 900
