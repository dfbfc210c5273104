"""Fields of strangers: read as what is expected, or not there; never an exception."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mindbot.domain import fields
from mindbot.domain.names import file_name

ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(ODD)
@settings(deadline=None)
def test_nothing_breaks_a_reading(value: Any) -> None:
    assert isinstance(fields.text(value), str)
    assert -(1 << 63) <= fields.whole(value, 7) < 1 << 63
    assert math.isfinite(fields.number(value))
    assert 0 <= fields.moment(value, 0.001) < 1e12
    assert isinstance(fields.flag(value), bool) and isinstance(fields.mapping(value), dict)
    assert all(fields.texts(value)) and all(isinstance(each, dict) for each in fields.mappings(value))


@pytest.mark.parametrize(
    ("value", "found"),
    [
        *[(0, 0), ("0", 0), (" 42 ", 42), ("-7", -7), (3.0, 3), ("²", 9), ("١٢", 9), ("1_0", 9), (True, 9)],
        *[(None, 9), ("", 9), ("x", 9), ([1], 9), (3.5, 9), (math.nan, 9), (math.inf, 9), (1 << 70, 9)],
        *[("9" * 30, 9), ("0x10", 9)],
    ],
)
def test_whole_numbers(value: Any, found: int) -> None:
    assert fields.whole(value, 9) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        *[(1, 1.0), ("1.5", 1.5), ("1e3", 1000.0), (".5", 0.5), ("nan", 9.0), ("inf", 9.0), ("²", 9.0)],
        *[("1_0", 9.0), (10**400, 9.0), ("1e999", 9.0), (True, 9.0), ({}, 9.0), ("9" * 400, 9.0)],
    ],
)
def test_numbers(value: Any, found: float) -> None:
    assert fields.number(value, 9.0) == found


def test_words_flags_and_times() -> None:
    assert [fields.text(each) for each in ("a", 7, 1.5, True, None, {}, [])] == ["a", "7", "1.5", *[""] * 4]
    assert [fields.flag(each) for each in (True, 1, "1", "true", 0, "0", None, "no", {})] == [
        *[True] * 4,
        *[False] * 5,
    ]
    assert fields.moment(1_700_000_000_000, 0.001) == 1_700_000_000.0 and fields.moment(1e300) == 0.0


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        *[("report.pdf", "report.pdf"), ("a\r\nb\x00.txt", "a b.txt"), ("../../etc/passwd", "passwd")],
        *[("C:\\x\\y.doc", "y.doc"), ("\u202egnp.exe", "gnp.exe"), ("..", ""), ("\n\t", ""), ("", "")],
        *[
            ("报告 1.pdf", "报告 1.pdf"),
            ("👩\u200d💻.png", "👩\u200d💻.png"),
            ("half \ud83d.txt", "half .txt"),
        ],
    ],
)
def test_names_of_files(name: str, shown: str) -> None:
    assert file_name(name) == shown


@given(st.text(st.characters(codec=None), max_size=300))
@example(". 0")
@example("0 .")
@example("." + "x" * 254 + ". more of it than an ending has, and with blanks")
@settings(deadline=None)
def test_any_name_can_be_a_files(name: str) -> None:
    shown = file_name(name)
    assert len(shown.encode()) <= 255 and "/" not in shown and file_name(shown) == shown
    assert not any(c in shown for c in "\r\n\0\x1b\u202e")
    assert file_name("界" * 200 + ".pdf").endswith(".pdf")
