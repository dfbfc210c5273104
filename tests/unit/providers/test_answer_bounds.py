"""One event of an unsound server: whatever it is full of, little work is done for it and less is kept."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from mindbot.domain.errors import Overloaded
from mindbot.http.answers import LineSplitter
from mindbot.providers.characters import Joiner
from mindbot.providers.documents import Documents
from mindbot.providers.openai_parts import words
from mindbot.providers.openai_wire import AnswerReader
from mindbot.providers.thinking import Thinking

LIMIT = 1000


def delta(**fields: object) -> dict[str, object]:
    return {"choices": [{"delta": fields}]}


@pytest.mark.parametrize(
    "unit",
    ["</think>z\n", "<think>a</think>\nb\n", "</think>\n", "<", "\n", "```\n", "\ud83d", "\udcff", "é "],
)
@pytest.mark.parametrize("hold", [0, 16, -1])
@pytest.mark.parametrize("field", ["content", "reasoning_content"])
def test_a_huge_piece_is_read_as_far_as_an_answer_may_go(unit: str, hold: int, field: str) -> None:
    answer = AnswerReader("acme", limit=LIMIT, hold=hold)
    shown = [answer.feed(delta(**{field: unit * 20_000})), answer.rest()]
    assert answer.full
    assert sum(len(chunk.text.encode()) for chunk in shown if chunk) <= LIMIT
    assert sum(len(chunk.reasoning) for chunk in shown if chunk) <= 6 * LIMIT


def test_tags_without_number_are_text_at_last() -> None:
    thinking = Thinking()
    piece = thinking.feed("<think>a</think>\nb\n" * 3000)
    assert piece.thought == "a" * 1000
    assert "<think>" in piece.said


def nested(depth: int) -> Any:
    found: Any = "deep"
    for _ in range(depth):
        found = [found]
    return found


@pytest.mark.parametrize("depth", [1, 500, 5000])
def test_a_content_of_lists_within_lists_is_no_trap(depth: int) -> None:
    answer = AnswerReader("acme")
    chunk = answer.feed(delta(content=nested(depth)))
    assert chunk is not None
    assert (chunk.text, answer.unread) == ("deep", 0)


def test_a_content_of_very_many_parts_is_left_out_in_part_and_counted() -> None:
    assert words([{"text": "x"}] * 1000) == ("x" * 1000, "", False)
    said, _, left_out = words([[{"text": "x"}] * 700] * 700)
    assert 0 < len(said) < 10_000
    assert left_out
    answer = AnswerReader("acme")
    answer.feed(delta(content=["x"] * 50_000))
    assert answer.unread == 1


def test_a_chunk_brings_so_many_fragments_of_calls_and_no_more() -> None:
    answer = AnswerReader("acme")
    one = {"index": 0, "id": "a", "function": {"name": "f", "arguments": "x"}}
    answer.feed(delta(tool_calls=[one] * 20_000))
    answer.cut("enough")
    assert len(answer.end().tool_calls[0]["arguments"]) == 1000


@pytest.mark.parametrize("between", [[], [b""]])
def test_pieces_that_nobody_can_read_come_to_an_end(between: list[bytes]) -> None:
    documents = Documents(1 << 20)
    with pytest.raises(Overloaded, match="nobody can read"):
        for line in [line for _ in range(5000) for line in (b"data: {", *between)] + [b""]:
            documents.feed(line)
    assert documents.unread == 1001


def test_a_document_over_many_lines_is_one() -> None:
    doc = {"choices": [{"delta": {"content": "yes"}}], "more": list(range(3000))}
    documents = Documents(1 << 20)
    found = [
        each
        for line in [*orjson.dumps(doc, option=orjson.OPT_INDENT_2).split(b"\n"), b""]
        for each in documents.feed(b"data: " + line if line else line)
    ]
    assert (found, documents.unread) == ([doc], 0)


def test_a_line_in_many_pieces_is_put_together_once() -> None:
    splitter = LineSplitter(100)
    assert not [line for _ in range(99) for line in splitter.feed(b"x")]
    assert splitter.feed(b"y\r\nz") == [b"x" * 99 + b"y"]
    assert splitter.rest == b"z"


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["a\ud83d", "\ude00b"], "a😀b"),
        (["\udcf0\udc9f", "\udc98\udc80!"], "😀!"),
        (["\udcf0\udc9f", "\ud83d", "\ude00"], "\ufffd😀"),
        (["\udc00\ud800x", "\udce4\udcbd"], "\ufffd\ufffdx\ufffd"),
    ],
)
def test_halves_are_joined_over_pieces(pieces: list[str], expected: str) -> None:
    joiner = Joiner()
    assert "".join(map(joiner.feed, pieces)) + joiner.end() == expected
