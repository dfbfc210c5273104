"""Patterns: linear, bounded, and the two engines agree where they meet."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindbot.filters.regexes import MAX_PATTERN, searcher


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)+$", "(.*a){20}$", "(a*)*b", ".*.*.*.*.*c"])
def test_patterns_that_run_away_elsewhere_end_here(pattern: str) -> None:
    assert searcher(pattern)("a" * 20_000 + "!") is False


@settings(deadline=None)
@given(st.lists(st.text("ab 款-", max_size=3), min_size=1, max_size=4), st.text("ab 款-", max_size=12))
def test_plain_words_are_found_alike_by_both_engines(words: list[str], text: str) -> None:
    plain = searcher("|".join(words))
    re2 = searcher("(" + "|".join(words) + ")")
    assert plain(text) is re2(text) is any(word in text for word in words)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"c\+\+", "I like c++", True),
        ("(?i)REFUND", "refund", True),
        ("^退款$", "退款", True),
        ("退.", "退款", True),
        (r"\p{Han}{2}", "a退款", True),
        (r"\w", "退", False),
        ("a.b", "a\nb", False),
        ("a", "\ud800a", True),
        ("(a)", "\ud800a", True),
        ("", "", True),
    ],
)
def test_what_patterns_find(pattern: str, text: str, found: bool) -> None:
    assert searcher(pattern)(text) is found


@pytest.mark.parametrize(
    "pattern", ["x" * (MAX_PATTERN + 1), "(", "a**", "[z-a]", "(a{1000}){1000}", "(\ud800", r"\8"]
)
def test_what_is_no_pattern(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        searcher(pattern)
