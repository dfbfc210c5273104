"""A vendor's words in our errors: short, on one line, and without the key."""

from __future__ import annotations

from urllib.parse import quote

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindbot.providers.errors import refusal
from mindbot.providers.refusing.quoting import quoted

KEY = "sk-fake/0123+4567=89abcdef"


@pytest.mark.parametrize(
    "echo",
    [
        KEY,
        quote(KEY, safe=""),
        KEY.upper(),
        KEY[:14],
        KEY[9:],
        f"{KEY[:10]}****{KEY[-8:]}",
        "c2stZmFrZS8wMTIzKzQ1Njc9ODlhYmNkZWY=",
    ],
)
def test_an_echo_of_the_key_is_blotted_out(echo: str) -> None:
    shown = quoted(f"the key '{echo}' is wrong", KEY)
    assert shown.startswith("the key '***") and shown.endswith("' is wrong")
    assert not any(echo[at : at + 8] in shown for at in range(len(echo) - 7) if "*" not in echo[at : at + 8])


@given(st.text(), st.text(min_size=8, max_size=60).filter(str.strip), st.text())
def test_no_part_of_a_key_is_ever_shown(before: str, key: str, after: str) -> None:
    shown = quoted(before + key + after, key)
    assert key not in shown.replace("***", "\0")
    assert len(shown) <= 301
    assert shown.isprintable()


@pytest.mark.parametrize("before", ["İ" * 40, "ẞ" * 40, "K" * 40])
def test_letters_that_grow_when_they_become_small_hide_no_key(before: str) -> None:
    assert quoted(f"{before} {KEY}", KEY) == f"{before} ***"


def test_one_line_without_control_characters() -> None:
    assert quoted("a\r\nb\x1b]0;title\x07 \u202ec\0") == "a b ]0;title c"


@pytest.mark.parametrize("key", ["", "k", "none"])
def test_a_stand_in_for_a_key_does_not_riddle_the_message(key: str) -> None:
    assert quoted("unknown key", key) == "unknown key"


def test_the_code_is_the_vendors_and_quoted_as_well() -> None:
    body = orjson.dumps({"error": {"message": "x", "code": f"bad\x1b{KEY}" + "y" * 500}})
    error = refusal("acme", 400, body, {}, hide=KEY)
    assert KEY not in error.code
    assert error.code.startswith("bad ***")
    assert len(error.code) < 100
