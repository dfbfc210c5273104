"""Markdown as DingTalk draws it, in messages and on cards: line ends, titles, mentions. Pure.

Source: "Robot message types" (open.dingtalk.com/document/development/robot-message-type): a line ends with
two blanks.
"""

from __future__ import annotations

import re
from itertools import pairwise

from mindbot.platforms.markdown import blocks
from mindbot.platforms.markdown import split as split
from mindbot.platforms.split import clip

_TITLE = 40  # characters
_MARKS = re.compile(r"[#*_`>\[\]()~-]+")
_BLOCK = re.compile(r" {0,3}(#{1,6} |> ?|[-*+] |\d+[.)] |\||`{3}|~{3})")


def broken(text: str) -> str:
    """Return Markdown whose single line ends are seen: two blanks before each, outside of code and tables.

    A table begins behind an empty line, or it is not drawn as one.
    """
    out: list[str] = []
    place = 0
    for block in blocks(text):
        before = _ended(text[place : block.start])
        if not block.code and before.rstrip(" ").endswith("\n") and not before.endswith("\n\n"):
            before = before.rstrip() + "\n\n" if before.strip() else before
        out += [before, text[block.start : block.after]]
        place = block.after
    return "".join([*out, _ended(text[place:])])


def _ended(text: str) -> str:
    """Put two blanks before the line ends between lines of words."""
    lines = text.split("\n")
    return "\n".join(
        f"{line.rstrip()}  " if line.strip() and following.strip() else line
        for line, following in pairwise([*lines, ""])
    )


def mentioning(said: str, text: str) -> str:
    """Return text behind its mentions; a heading, list or code block keeps its line to itself."""
    if not said:
        return text
    return f"{said.rstrip()}\n\n{text}" if _BLOCK.match(text) else said + text


def title_of(text: str, otherwise: str) -> str:
    """Return what notifications show of a message: the beginning of its first line."""
    for line in text.splitlines():
        if found := " ".join(_MARKS.sub(" ", line).split()):
            return clip(found, _TITLE)
    return otherwise or "…"
