"""Splitting by bytes loses nothing, breaks no character, and prefers to cut where people pause."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindbot.platforms.split import printable, split_bytes

#: Text with what makes splitting hard: wide characters, emoji sequences, combining marks, line ends, runs.
TEXT = st.lists(
    st.one_of(
        st.text(st.characters(), max_size=20),
        st.sampled_from(
            ["你好。", "\n\n", "\n", "👨‍👩‍👧", "👍🏽", "e\u0301", "x" * 30, "word ", ". ", "。”"]
        ),
    ),
    max_size=40,
).map("".join)


def size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def check_split(text: str, limit: int) -> None:
    pieces = split_bytes(text, limit)
    assert "".join(pieces) == text
    assert all(0 < size(piece) <= limit for piece in pieces)


@settings(max_examples=100)
@given(TEXT, st.integers(4, 120))
def test_nothing_lost_and_every_piece_fits(text: str, limit: int) -> None:
    check_split(text, limit)


@pytest.mark.full
@settings(max_examples=5000, deadline=None)
@given(TEXT, st.integers(4, 120))
def test_nothing_lost_and_every_piece_fits_at_length(text: str, limit: int) -> None:
    check_split(text, limit)


@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_a_wide_character_on_the_edge(extra: int) -> None:
    text = "a" * (2045 + extra) + "好"
    pieces = split_bytes(text, 2048)
    assert "".join(pieces) == text
    assert len(pieces) == (1 if extra <= 0 else 2)
    if extra > 0:
        assert pieces[1] == "好"


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("One. Two.\n\nThree four", "One. Two.\n\n"),
        ("One. Two\nthree four five", "One. Two\n"),
        ("One two. Three four five", "One two. "),
        ("今天很好。明天也很好吗", "今天很好。"),
        ("“好的。”他说完就走了了", "“好的。”"),
        ("one two three four fives", "one two three "),
        ("x https://example.org/long/path", "x "),
        ("a" * 40, "a" * 18),
    ],
    ids=["paragraph", "line", "sentence", "chinese", "closing-quote", "space", "early-space", "none"],
)
def test_where_it_is_cut(text: str, first: str) -> None:
    assert split_bytes(text, 18)[0] == first


@pytest.mark.parametrize("whole", ["👨‍👩‍👧", "👍🏽", "❤️", "e\u0301"])
def test_an_emoji_and_its_modifiers_stay_together(whole: str) -> None:
    limit = 2 + size(whole) - 1
    assert split_bytes("ab" + whole, limit) == ["ab", whole]


def test_a_character_longer_than_a_piece_is_cut_all_the_same() -> None:
    check_split("e" + "\u0301" * 30, 8)


def test_short_and_empty() -> None:
    assert split_bytes("hello", 2048) == ["hello"]
    assert split_bytes("", 2048) == []
    with pytest.raises(ValueError, match="3 bytes"):
        split_bytes("hello", 3)


def test_printable_mends_what_utf8_cannot_carry() -> None:
    assert printable("a\ud83d\ude00b") == "a😀b"
    assert printable("a\ud83db") == "a\ufffdb"
    assert printable("你好") == "你好"
