"""Server-sent events and the lines they travel in."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindbot.domain.errors import Overloaded
from mindbot.http.answers import LineSplitter
from mindbot.http.attempt import AnswerTooLong
from mindbot.providers.shared.sse import SseDecoder, SseEvent


def events(text: bytes, cuts: list[int] | None = None) -> list[SseEvent]:
    """Decode a stream that arrives cut at these places."""
    splitter, decoder = LineSplitter(1 << 20), SseDecoder()
    at = sorted({0, len(text), *(cut for cut in cuts or () if cut < len(text))})
    pieces = [text[a:b] for a, b in pairwise(at)]
    lines = [line for piece in pieces for line in splitter.feed(piece)]
    return [event for line in lines if (event := decoder.feed(line)) is not None]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"data: a\n\n", [SseEvent(b"a")]),
        (b"data:a\n\n", [SseEvent(b"a")]),
        (b"data:  a \n\n", [SseEvent(b" a ")]),
        (b"data\n\n", [SseEvent(b"")]),
        (b"data: a\r\ndata: b\r\n\r\n", [SseEvent(b"a\nb")]),
        (b"\xef\xbb\xbfdata: a\n\n", [SseEvent(b"a")]),
        (b": keep-alive\n\ndata: a\n\n: bye\n\n", [SseEvent(b"a")]),
        (b"event: ping\n\ndata: a\n\n", [SseEvent(b"a")]),  # Dify's ping has no data and is no event
        (b"event:message\ndata:{}\n\n", [SseEvent(b"{}", "message")]),  # Coze writes no spaces
        (b"id: 7\ndata: a\n\ndata: b\n\n", [SseEvent(b"a", id="7"), SseEvent(b"b", id="7")]),
        (b"id: 7\0\ndata: a\n\n", [SseEvent(b"a")]),
        (b"retry: 10\nunknown: x\ndata: a\n\n", [SseEvent(b"a")]),
        (b"data: a\n\ndata: cut o", [SseEvent(b"a")]),
        (b"data: a\n\ndata: no blank line\n", [SseEvent(b"a")]),
    ],
)
def test_streams(stream: bytes, expected: list[SseEvent]) -> None:
    assert events(stream) == expected


line_text = st.text(st.characters(blacklist_characters="\r\n\0", blacklist_categories=["Cs"]), max_size=20)
noise = st.sampled_from([b"", b": comment", b":", b"retry: 5", b"foo: bar", b"foo"])


@given(
    sent=st.lists(st.tuples(line_text, st.lists(line_text, min_size=1, max_size=3), noise), max_size=5),
    crlf=st.booleans(),
    cuts=st.lists(st.integers(1, 400), max_size=30),
)
def test_what_was_sent_arrives_however_it_is_cut(
    sent: list[tuple[str, list[str], bytes]], crlf: bool, cuts: list[int]
) -> None:
    lines: list[bytes] = []
    for name, data, between in sent:
        lines += [between] if between else []
        lines += [b"event: " + name.encode()] if name else []
        lines += [b"data: " + each.encode() for each in data]
        lines.append(b"")
    end = b"\r\n" if crlf else b"\n"
    stream = b"".join(line + end for line in lines)
    expected = [SseEvent("\n".join(data).encode(), name) for name, data, _ in sent]
    assert events(stream, cuts) == expected


@given(stream=st.binary(max_size=300), cuts=st.lists(st.integers(1, 300), max_size=30))
def test_garbage_is_read_the_same_however_it_is_cut(stream: bytes, cuts: list[int]) -> None:
    assert events(stream, cuts) == events(stream)


def test_events_and_lines_are_bounded() -> None:
    decoder = SseDecoder(limit=10)
    decoder.feed(b"data: 12345")
    with pytest.raises(Overloaded):
        decoder.feed(b"data: 678901")
    with pytest.raises(AnswerTooLong):
        LineSplitter(10).feed(b"x" * 11)
