"""One event of an unsound server: whatever it is full of, little work is done for it and less is kept."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from mindbot.domain.errors import Overloaded
from mindbot.http.answers import LineSplitter
from mindbot.providers.shared.characters import Joiner
from mindbot.providers.shared.documents import Documents
from mindbot.providers.shared.thinking import Thinking
from mindbot.providers.wires.openai_parts import words
from mindbot.providers.wires.openai_wire import OpenAIAnswer

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
    answer = OpenAIAnswer("acme", limit=LIMIT, hold=hold)
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
    answer = OpenAIAnswer("acme")
    chunk = answer.feed(delta(content=nested(depth)))
    assert chunk is not None
    assert (chunk.text, answer.unread) == ("deep", 0)


def test_a_content_of_very_many_parts_is_left_out_in_part_and_counted() -> None:
    assert words([{"text": "x"}] * 1000) == ("x" * 1000, "", False)
    said, _, left_out = words([[{"text": "x"}] * 700] * 700)
    assert 0 < len(said) < 10_000
    assert left_out
    answer = OpenAIAnswer("acme")
    answer.feed(delta(content=["x"] * 50_000))
    assert answer.unread == 1


def test_a_chunk_brings_so_many_fragments_of_calls_and_no_more() -> None:
    answer = OpenAIAnswer("acme")
    one = {"index": 0, "id": "a", "function": {"name": "f", "arguments": "x"}}
    answer.feed(delta(tool_calls=[one] * 20_000))
    answer.cut("enough")
    assert len(answer.end().tool_calls[0].arguments) == 1000


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


def looked_at(monkeypatch: pytest.MonkeyPatch, lines: list[bytes]) -> tuple[int, list[Any]]:
    """Feed lines of JSON; return how many bytes were decoded, by either decoder, and what was found."""
    from mindbot.providers.shared import documents

    sizes: list[int] = []

    def counted(data: bytes, leniently: int) -> Any:
        sizes.append(len(data) * (2 if len(data) <= leniently else 1))
        return decoded(data, leniently)

    decoded = documents._decoded
    monkeypatch.setattr(documents, "_decoded", counted)
    reader = Documents(4 << 20)
    found = [doc for line in lines for doc in reader.feed(line)]
    return sum(sizes), [*found, *reader.end()]


@pytest.mark.parametrize(
    "lines",
    [
        [b"[" + b'{"a":1},' * 20_000, *[b"]x]"] * 400],
        [b"{]", *[b"}"] * 20_000],
        [b'[{"a":1},', *[b"]" + b" " * 99 + b"]"] * 2000],
    ],
)
def test_what_never_becomes_a_document_is_decoded_a_few_times(
    monkeypatch: pytest.MonkeyPatch, lines: list[bytes]
) -> None:
    decoded, found = looked_at(monkeypatch, lines)
    assert found == [] and decoded <= 6 * sum(len(line) + 1 for line in lines)


def test_what_was_cut_is_not_decoded_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    assert looked_at(monkeypatch, [b'{"a":[', b" 1,", b' "and'] * 100) == (0, [])


def test_lines_of_json_are_read_as_they_come_however_long_and_odd_they_are() -> None:
    reader = Documents(4 << 20)
    lines = [b'{"a":"\\ud83d"}', b'{"b":NaN}', b'{"c":"' + b"x" * 100_000 + b'"}', b'{"d":4}']
    assert [next(iter(doc)) for line in lines for doc in reader.feed(line)] == ["a", "b", "c", "d"]


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
