"""Thinking between tags, told from the answer however the stream is cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindbot.providers.shared.thinking import Thinking, unopened


def told(*pieces: str, hold: int = 0) -> tuple[str, str]:
    """Return what was said and thought in the end."""
    thinking = Thinking(hold)
    said = thought = ""
    for piece in [*map(thinking.feed, pieces), thinking.end()]:
        if piece.afresh:
            thought, said = thought + said, ""
        said += piece.said
        thought += piece.thought
    return said, thought


CASES = [
    ("<think>plan</think>answer", "answer", "plan"),
    ("\n <think>\nplan\n</think>\n\nanswer", "answer", "plan"),
    ("<thinking>plan</thinking>\nanswer", "answer", "plan"),
    ("<THINK>plan</Think>answer", "answer", "plan"),
    ("[THINK]plan[/THINK]answer", "answer", "plan"),
    ("◁think▷plan◁/think▷answer", "answer", "plan"),
    ("<thought>a</thought>\n<think>b</think>\nanswer", "answer", "ab"),
    ("answer\n<think>plan</think>\nmore", "answer\nmore", "plan"),
    ("<think>plan that never ends", "", "plan that never ends"),
    ("<think></think>\n\nanswer", "answer", ""),
    ("plan\n</think>\n\nanswer", "answer", "plan"),
    ("plan</think>\nanswer", "answer", "plan"),
    ("</think>answer", "answer", ""),
    ("<think>a < b [0] </thin </think>x < y [1]", "x < y [1]", "a < b [0] </thin "),
    ("write `<think>` and `</think>` so", "write `<think>` and `</think>` so", ""),
    ("as in\n```\n<think>x</think>\n```\nso", "as in\n```\n<think>x</think>\n```\nso", ""),
    ("as in\n~~~xml\n<think>\nx\n</think>\n~~~\nso", "as in\n~~~xml\n<think>\nx\n</think>\n~~~\nso", ""),
    ("```py\n<think>\n```js\n</think>\n```\nso", "```py\n<think>\n```js\n</think>\n```\nso", ""),
    ("````\n```\n<think>\n````\n<think>plan</think>so", "````\n```\n<think>\n````\nso", "plan"),
    ("```like this```\nplan\n</think>\nanswer", "answer", "```like this```\nplan"),
    ("```go home```\n<think>plan</think>answer", "```go home```\nanswer", "plan"),
    ("a list: [1], <b>, 1 < 2", "a list: [1], <b>, 1 < 2", ""),
    ("an end <", "an end <", ""),
]


@pytest.mark.parametrize("hold", [0, 16, -1])
@pytest.mark.parametrize(("text", "said", "thought"), CASES)
def test_whole_and_character_by_character(text: str, said: str, thought: str, hold: int) -> None:
    for pieces in ([text], text):
        got, thinks = told(*pieces, hold=hold)
        assert (got.strip(), thinks.strip()) == (said, thought.strip())


@given(st.sampled_from(CASES), st.lists(st.integers(0, 50), max_size=8), st.sampled_from([0, 16, -1]))
def test_however_it_is_cut(case: tuple[str, str, str], cuts: list[int], hold: int) -> None:
    text, said, thought = case
    at = [0, *sorted(cuts), len(text)]
    got, thinks = told(*(text[a:b] for a, b in pairwise(at)), hold=hold)
    assert (got.strip(), thinks.strip()) == (said, thought.strip())


@given(st.lists(st.text(st.sampled_from("<>/think [THINK]`\n◁▷x"), max_size=12)))
def test_nothing_is_lost_of_what_holds_no_tags(pieces: list[str]) -> None:
    text = "".join(pieces)
    if not any(word in text.lower() for word in ("think>", "think]", "think▷")):
        assert told(*pieces) == (text, "")


def test_a_code_block_that_thoughts_leave_open_hides_no_end_of_them() -> None:
    text = "try\n```py\nx = 1\n</think>\n\nanswer"
    assert told(*text, hold=-1) == ("answer", "try\n```py\nx = 1\n")
    assert told(*text) == (text, "")


def test_what_is_held_back_is_never_shown_when_it_was_thinking() -> None:
    thinking = Thinking(hold=-1)
    shown = [thinking.feed(piece) for piece in ("a long plan, ", "of many words\n", "</think>", "\n\nyes")]
    assert "".join(piece.said for piece in shown) + thinking.end().said == "yes"
    assert not any(piece.afresh for piece in shown)
    assert thinking.closed_unopened


def test_the_answer_begins_afresh_when_thinking_had_been_shown() -> None:
    thinking = Thinking()
    first, second = thinking.feed("a plan\n"), thinking.feed("</think>\nyes")
    assert (first.said, second.said, second.afresh) == ("a plan\n", "yes", True)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", True),
        ("QwQ-32B", True),
        ("qwen3-235b-a22b-thinking-2507", True),
        ("gpt-4.1", False),
        ("qwen2.5", False),
    ],
)
def test_models_whose_template_opens_the_thinking(model: str, expected: bool) -> None:
    assert unopened(model) is expected


@pytest.mark.parametrize("hold", [0, 16, -1])
@pytest.mark.parametrize("whole", [True, False])
def test_a_tag_that_an_answer_shows_and_never_closes_is_given_back_at_its_end(hold: int, whole: bool) -> None:
    def end(text: str, *, stopped: bool) -> str:
        thinking = Thinking(hold)
        pieces = [thinking.feed(each) for each in ([text] if whole else text)]
        return "".join(piece.said for piece in [*pieces, thinking.end(stopped=stopped)])

    shown = "Begin your prompt so:\n<Thinking> then a plan.\nAsk me more <b"
    assert end(shown, stopped=True) == shown
    assert end(shown, stopped=False) == "Begin your prompt so:\n"
    assert end("<think>a plan, and no end", stopped=True) == ""
    assert end("\n\n<think>a plan, and no end", stopped=True).strip() == ""
    assert end("Yes.\n<think>a</think>no\n<think>b", stopped=True) == "Yes.\nno\n<think>b"
