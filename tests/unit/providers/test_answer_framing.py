"""An answer's framing is read from what comes, and its odd lines cost nothing else."""

from __future__ import annotations

import orjson
import pytest

from mindbot.providers.shared.characters import Joiner
from mindbot.providers.shared.documents import DONE, Documents, NotJson, decode


def documents(text: bytes) -> tuple[list[object], Documents]:
    reader = Documents(1 << 20)
    found = [doc for line in text.split(b"\n") for doc in reader.feed(line)]
    return [*found, *reader.end()], reader


@pytest.mark.parametrize(
    ("text", "expected", "framing"),
    [
        (b'data: {"a":1}\n\ndata: [DONE]\n\n', [{"a": 1}, DONE], "events"),
        (b'data: {"a":1}\ndata: {"a":2}\ndata: [DONE] \n', [{"a": 1}, {"a": 2}, DONE], "events"),
        (b': hello\n\ndata: {\ndata: "a":1}\n\n', [{"a": 1}], "events"),
        (b'data: [1]\ndata: {"a":2}\n\n', [[1], {"a": 2}], "events"),
        (b'data: null\n\ndata: {"a":1}\n\n', [None, {"a": 1}], "events"),
        (b'event: error\ndata: {"code":1}\n\n', [{"error": {"code": 1}}], "events"),
        (b'event: error\ndata: "no money"\n\n', [{"error": "no money"}], "events"),
        (b"event: error\ndata: no money\ndata: left\n\n", [{"error": "no money\nleft"}], "events"),
        (b'event: error\ndata: {"error":"x"}\n\n', [{"error": "x"}], "events"),
        (b'{"a":\n1}', [{"a": 1}], "json"),
        (b'\n\xef\xbb\xbf {"a":1}\n\ndata: [DONE]\n\n', [{"a": 1}], "json"),
        (b'null\n{"a":1}\nnull\n{"a":2}\n', [{"a": 1}, {"a": 2}], "json"),
        (b"<!doctype html>", [], "page"),
        (b"\xff\xfed\0a\0", [], "utf-16"),
        (b"Bad gateway", [], "other"),
        (b"\n\n", [], ""),
    ],
)
def test_framings(text: bytes, expected: list[object], framing: str) -> None:
    found, reader = documents(text)
    assert found == expected
    assert (reader.framing, reader.unread) == (framing, 0)


def test_a_line_that_cannot_be_read_is_counted() -> None:
    found, reader = documents(b'data: {"a":1}\n\ndata: {"a":\n\ndata: {"a":3}\n\n')
    assert found == [{"a": 1}, {"a": 3}]
    assert reader.unread == 1


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"a":NaN,"b":-Infinity}', {"a": None, "b": None}),
        (b'{"a":1' + b"0" * 400 + b"}", {"a": float("inf")}),
        (b'"\\ud83d"', "\ud83d"),
        (b'"a\xe4\xbd"', "a\udce4\udcbd"),
        (b'"a\nb"', "a\nb"),
    ],
)
def test_json_as_some_servers_write_it(data: bytes, expected: object) -> None:
    assert decode(data) == expected


@pytest.mark.parametrize("data", [b"", b"{", b"[" * 100_000, b'{"a":1} and more', b"\xff"])
def test_what_is_not_even_that(data: bytes) -> None:
    with pytest.raises(NotJson):
        decode(data)


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["a", "b"], "ab"),
        (["\ud83d", "\udcaf"], "💯"),
        (["\ud83d", "x"], "\ufffdx"),
        (["\udcaf", "x"], "\ufffdx"),
        (["\ud83d"], "\ufffd"),
        (["\udcf0", "\udc9f\udc92", "\udcaf"], "💯"),
        (["x\udce4\udcbd", "y"], "x\ufffdy"),
        (["\udce4\udcbd"], "\ufffd"),
    ],
)
def test_halves_of_characters(pieces: list[str], expected: str) -> None:
    joiner = Joiner()
    assert "".join([*map(joiner.feed, pieces), joiner.end()]) == expected


def test_a_document_is_bounded() -> None:
    from mindbot.domain.errors import Overloaded

    reader = Documents(100)
    with pytest.raises(Overloaded):
        for _ in range(20):
            reader.feed(b"data: " + orjson.dumps("x" * 20))
