"""Markdown for DingTalk: seen line ends, titles, and code blocks that survive being cut."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindbot.platforms.dingtalk import markdown as md


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a\nb", "a  \nb"),
        ("a\n\nb", "a\n\nb"),
        ("a  \nb", "a  \nb"),
        ("# Hi\ntext", "# Hi  \ntext"),
        ("```\na\nb\n```\nc\nd", "```\na\nb\n```\nc  \nd"),
        ("~~~py\na\n```\nb\n~~~", "~~~py\na\n```\nb\n~~~"),
        ("```\nnever closed\nat all", "```\nnever closed\nat all"),
        ("inline ```code``` here\nb", "inline ```code``` here  \nb"),
        ("", ""),
    ],
)
def test_line_ends_are_seen_outside_of_code(text: str, seen: str) -> None:
    assert md.broken(text) == seen


@pytest.mark.parametrize(
    ("text", "title"),
    [("## **Result** of `x`\nmore", "Result of x"), ("\n\n- one", "one"), ("", "Bot"), ("x" * 90, "x" * 40)],
)
def test_a_title_is_the_first_line_without_marks(text: str, title: str) -> None:
    assert md.title_of(text, "Bot") == title


def fences(piece: str) -> int:
    return len(re.findall(r"^`{3}", piece, re.M))


def test_a_code_block_that_is_cut_is_closed_and_opened_again() -> None:
    code = "\n".join(f"line {n}" for n in range(300))
    pieces = md.split(f"Look:\n\n```python title\n{code}\n```\n\nDone.", 1000)
    assert len(pieces) > 2
    for piece in pieces:
        assert len(piece.encode()) <= 1000
        assert fences(piece) % 2 == 0
    assert all(piece.startswith("```python title\n") for piece in pieces[1:-1])
    inside = [line for piece in pieces for line in piece.splitlines() if line.startswith("line ")]
    assert inside == code.splitlines()
    assert pieces[-1].endswith("Done.")


def test_short_markdown_is_left_alone() -> None:
    assert md.split("```\nopen", 100) == ["```\nopen"]


LINES = st.lists(st.sampled_from(["```", "```py", "~~~", "text of a line", "好" * 30, "", "    x", "# h"]))


@settings(deadline=None, max_examples=150)
@given(LINES)
def test_no_line_is_lost_whatever_is_cut(lines: list[str]) -> None:
    text = "\n".join(lines)
    pieces = md.split(text, 500)
    for piece in pieces:
        assert len(piece.encode()) <= 500

    def said(of: str) -> list[str]:
        return [line for line in of.splitlines() if line.strip() and line[:3] not in ("```", "~~~")]

    assert [line for piece in pieces for line in said(piece)] == said(text)


@pytest.mark.parametrize(
    ("text", "whole"),
    [("hi", "@li hi"), ("# hi", "@li\n\n# hi"), ("- hi", "@li\n\n- hi"), ("```\nx", "@li\n\n```\nx")],
)
def test_a_mention_leaves_headings_and_lists_what_they_are(text: str, whole: str) -> None:
    assert md.mentioning("@li ", text) == whole
    assert md.mentioning("", text) == text
