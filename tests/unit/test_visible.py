"""What strangers write is shown on terminals as text: it drives nothing, hides nothing, turns nothing."""

from __future__ import annotations

import json
import math
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindbot.domain.plain import dumps, plain
from mindbot.domain.visible import json_line, visible, visible_lines

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=30)
JOINERS = "\u200c\u200d"


def harmless(text: str) -> bool:
    return not any(
        unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in text if c not in JOINERS
    )


@given(ANY_TEXT)
def test_nothing_that_drives_or_deceives_is_left(text: str) -> None:
    assert harmless(visible(text))
    assert harmless(visible_lines(text).replace("\n", "").replace("\t", ""))
    assert harmless(json_line({text: [text]}))


@given(ANY_TEXT)
def test_a_line_of_json_means_what_it_meant(text: str) -> None:
    wanted = {"a": plain(text)}
    assert json.loads(json_line({"a": text})) == wanted == json.loads(json_line({"a": text}, ascii_only=True))
    assert json_line({"a": text}, ascii_only=True).isascii()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, 你好 é", "plain, 你好 é"),
        ("\x1b]0;t\x07\x7f\x9b", r"\x1b]0;t\x07\x7f\x9b"),
        ("a\u202eb\u2066c\u200f", r"a\u202eb\u2066c\u200f"),
        ("a\nb\r\tc\u2028", r"a\nb\r\tc\u2028"),
        ("\U000e0041\ud800", r"\U000e0041\ud800"),
        ("👨\u200d👩\u200d👧 نمی\u200cدانم", "👨\u200d👩\u200d👧 نمی\u200cدانم"),
    ],
)
def test_escapes(text: str, shown: str) -> None:
    assert visible(text) == shown


class Odd:
    def __str__(self) -> str:
        return "half \ud83d"


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (math.inf, None),
        (math.nan, None),
        (10**30, 1e30),
        (-(10**400), None),
        (b"\xff\x00a", "\ufffd\x00a"),
        ("\ud83d", "\ufffd"),
        ({1: 2, "\udc00": 3}, {"1": 2, "\ufffd": 3}),
        (("a", ("\ud800",)), ["a", ["\ufffd"]]),
        (Odd(), "half \ufffd"),
        (ValueError("x"), "ValueError('x')"),
    ],
)
def test_any_value_can_be_written_as_json(value: Any, encoded: Any) -> None:
    assert json.loads(dumps({"v": value, "n": [value]})) == {"v": encoded, "n": [encoded]}


def test_what_is_nested_without_end_is_cut() -> None:
    deep: list[Any] = []
    for _ in range(3000):
        deep = [deep]
    assert dumps(deep).endswith('"…"'.encode() + b"]" * 100)
