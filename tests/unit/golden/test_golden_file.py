"""Files of golden conversations: what is written is read, and what is wrong is said with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindbot.domain.errors import ConfigError, Invalid
from mindbot.golden.file import (
    VERSION,
    GoldenAnswer,
    GoldenEnd,
    GoldenFile,
    GoldenPrompt,
    GoldenRoute,
    GoldenTalk,
    GoldenTurn,
    dumped,
    read,
    write,
)
from mindbot.golden.masking import Masker

WORDS = st.text(max_size=30).map(Masker(b"k" * 32).text)
TURNS = st.builds(
    GoldenTurn,
    text=WORDS.filter(bool),
    answers=st.lists(st.builds(GoldenAnswer, text=WORDS, failed=WORDS), max_size=2).map(tuple),
    expect=st.builds(
        GoldenEnd,
        reply=WORDS,
        asked=st.lists(WORDS, max_size=2).map(tuple),
        prompt=st.none() | st.builds(GoldenPrompt, instructions=WORDS),
        route=st.builds(GoldenRoute, workflow=WORDS),
    ),
)


def a_file(*turns: GoldenTurn) -> GoldenFile:
    return GoldenFile(
        golden=VERSION, conversations=(GoldenTalk(platform="wecom", user="user-abcdabcd", turns=turns),)
    )


@settings(max_examples=40)
@given(st.lists(TURNS, min_size=1, max_size=2))
def test_what_is_written_is_read_whatever_people_say(
    tmp_path_factory: pytest.TempPathFactory, turns: list[GoldenTurn]
) -> None:
    path = tmp_path_factory.mktemp("golden") / "golden.yaml"
    write(path, a_file(*turns), new=True)
    assert read(path) == a_file(*turns)


def test_a_list_of_words_is_one_line() -> None:
    turn = GoldenTurn(text="hello", expect=GoldenEnd(stages=("route", "run")))
    assert "stages: [route, run]" in dumped(a_file(turn))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "golden: 2\nconversations: [{platform: wecom, user: u, turns: [{text: a}]}]",
            ":1:9: golden: the format 2",
        ),
        (
            "golden: 1\nconversations:\n- user: u\n  turns: [{text: a}]",
            ":3:3: conversations[0].platform is missing",
        ),
        (
            "golden: 1\nconversations:\n- platform: wecom\n  user: u\n  turns:\n  - txt: a",
            ":6:5: conversations[0].turns[0].txt is no known key. Did you mean text?",
        ),
        ("golden: 1\nconversations:\n- platform: wecom\n  user: u\n  turns: [{answers: []}]", "has no text"),
        ("golden: [1\n", ":"),
        ("", "golden is missing"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "golden.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        read(path)
    assert told in "\n".join(error.value.problems) and error.value.hint


def test_no_file_is_replaced_unasked(tmp_path: Path) -> None:
    path = tmp_path / "golden.yaml"
    write(path, a_file(GoldenTurn(text="a")), new=True)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Invalid, match="exists already"):
        write(path, a_file(GoldenTurn(text="b")), new=True)
    write(path, a_file(GoldenTurn(text="b")), new=False)
    assert read(path).conversations[0].turns[0].text == "b" and [path] == list(tmp_path.iterdir())
