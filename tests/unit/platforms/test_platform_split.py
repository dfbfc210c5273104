"""Splitting by bytes loses nothing, breaks no character, and prefers to cut where people pause."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindbot.platforms import markdown, split
from mindbot.platforms.split import Room, clip, head, printable, split_bytes

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


@pytest.mark.parametrize("whole", ["👨‍👩‍👧", "👍🏽", "❤️", "e\u0301", "7️⃣", "🇫🇷", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "नी", "กำ", "각"])
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


@pytest.mark.parametrize("unit", ["3️⃣", "🇯🇵", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "क्षि", "ที่นี่", "👩🏽‍🚀"])
@pytest.mark.parametrize("before", ["", "x", "，"])
def test_a_run_without_blanks_is_cut_between_what_people_see_as_characters(unit: str, before: str) -> None:
    pieces = split_bytes(before + unit * 300, 500)
    assert len(pieces) > 2
    starts = {piece[0] for piece in pieces[1:]}
    assert starts <= {split_bytes(unit * 2, size(unit) + 1)[0][0], *unit} - set("\u200d\ufe0f\u20e3")
    assert "".join(pieces) == before + unit * 300
    if unit == "🇯🇵":
        assert all(piece.strip("x，") == unit * (len(piece.strip("x，")) // 2) for piece in pieces)


def test_flags_cost_no_more_than_their_number() -> None:
    assert len(split_bytes("🇯🇵" * 20_000, 2048)) == 79


@pytest.mark.parametrize(
    "whole",
    [
        "https://intranet.example/wiki/" + "%E4%BD%A0" * 12,
        "ops-team+night@intranet.example",
        "[the page we spoke of](https://intranet.example/p)",
        "/var/lib/service/data/current.db",
    ],
)
def test_addresses_and_links_that_fit_are_not_cut(whole: str) -> None:
    for room in range(40):
        text = "字" * room + whole + "，然后继续" * 30
        assert any(whole in piece for piece in split_bytes(text, 160))


def test_an_address_longer_than_a_piece_is_cut_all_the_same() -> None:
    check_split("见" + "https://intranet.example/" + "a" * 300, 100)


def test_only_the_head_is_cut_where_only_the_head_is_shown() -> None:
    assert head("word " * 1_000_000, 20) == "word word word word "
    assert head("", 20) == ""
    assert clip("👩🏽‍🚀👩🏽‍🚀", 6) == "👩🏽‍🚀" and clip("ab", 5) == "ab"


def test_a_reply_has_room_for_so_many_messages_and_tells_what_is_left_out() -> None:
    room = Room(3)
    assert room.fit("a" * 8, 4, split.pieces) == ["aaaa", "aaaa"] and room.notice() == []
    assert room.fit("b" * 1_000_000, 4, split.pieces) == ["bbbb"]
    assert room.fit("c" * 7, 4, split.pieces) == []
    ((notice,),) = room.notice()
    assert notice.data == {"cut": 1_000_003} and "1,000,003 characters left out" in notice.text
    assert split.left_out([[notice]]) == 1_000_003


# --- Markdown


@pytest.mark.parametrize("fence", ["```python", "~~~", "````md title"])
@pytest.mark.parametrize("lead", ["", "> ", "    ", "> > "])
def test_code_is_closed_and_opened_again_in_whatever_it_stands(fence: str, lead: str) -> None:
    lines = [f"step_{n}()" for n in range(120)]
    before = "1. first\n\n" if lead == "    " else ""
    mark = "".join(c for c in fence if c in "`~")
    text = before + "\n".join(f"{lead}{line}" for line in [fence, *lines, mark]) + "\n\nThe end."
    pieces = markdown.split(text, 400)
    assert len(pieces) > 3
    for piece in pieces:
        assert size(piece) <= 400
        marks = [line.strip("> ") for line in piece.splitlines() if mark in line]
        assert marks in ([fence, mark], [])
    quote = lead if ">" in lead else ""
    assert all(piece.startswith(quote + fence + "\n") for piece in pieces[1:] if mark in piece)
    assert [line.strip("> ") for piece in pieces for line in piece.splitlines() if "step_" in line] == lines


def test_code_in_a_list_item_goes_on_without_the_list() -> None:
    text = "- run:\n\n      ```sh\n" + "".join(f"      make a{n}\n" for n in range(60)) + "      ```\n"
    second = markdown.split(text, 300)[1]
    assert second.startswith("```sh\nmake a") and second.endswith("\n```")


def test_each_piece_of_a_table_has_its_head() -> None:
    rows = [f"| host-{n} | {n} ms |" for n in range(80)]
    pieces = markdown.split("Slow:\n\n| host | took |\n| :-- | --: |\n" + "\n".join(rows) + "\n\nDone.", 300)
    assert len(pieces) > 4
    assert all("| host | took |\n| :-- | --: |\n| host-" in piece for piece in pieces)
    assert [line for piece in pieces for line in piece.splitlines() if "host-" in line] == rows


def test_no_block_begins_at_the_end_of_a_piece() -> None:
    text = "word " * 30 + "\n\n```py\n" + "x = 1\n" * 30 + "```"
    first, second, *_ = markdown.split(text, 165)
    assert "```" not in first and second.startswith("```py\nx = 1")


MARKDOWN_LINES = """
```|```py|> ```|    ```|- ~~~|~~~||> q|1. item|plain words|    x|[a](https://example.org/bbbbbbbbbbbbbbbbbbbbb)
""".strip().split("|")
TABLE_LINES = ["| a | b |", "|---|---|", "| 1 | 2 |", "好" * 20]
MARKDOWN = st.lists(st.sampled_from([*MARKDOWN_LINES, *TABLE_LINES]), max_size=60).map("\n".join)


@settings(max_examples=150, deadline=None)
@given(MARKDOWN, st.integers(200, 400))
def test_markdown_of_any_shape_fits_and_ends(text: str, limit: int) -> None:
    pieces = list(markdown.pieces(text, limit))
    assert all(size(piece.text) <= limit for piece in pieces)
    ends = [piece.end for piece in pieces]
    assert ends == sorted(set(ends)) and (not ends or ends[-1] <= len(text))
    assert markdown.first(text, limit) == (pieces[0].text if pieces else text)
    words = [piece.text.count("plain words") for piece in pieces]
    assert sum(words) >= text.count("plain words")


def test_a_block_that_is_closed_at_a_cut_leaves_nothing_out() -> None:
    for limit in range(40, 90):
        text = "```\n" + "x" * 30 + "\n" + "y" * 44 + "\n`````\n"
        *_, last = markdown.pieces(text, limit)
        assert last.end == len(text), limit
