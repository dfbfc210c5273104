"""Cut a filter's text into tokens, and put values back into text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast

from mindbot.filters.errors import FilterError

TokenKind = Literal["word", "string", "operator", "(", ")", "[", "]", ",", "end"]
KEYWORDS = frozenset({"and", "or", "not", "in"})
#: The operators and what they say; an operator that begins like a longer one comes after it.
OPERATORS = {
    "==": "is",
    "!=": "is not",
    "=~": "matches a pattern",
    "!~": "does not match a pattern",
    ">=": "is at least",
    "<=": "is at most",
    ">": "is more than",
    "<": "is less than",
}

_WORD = r"""[^\s"'()\[\],=!<>~]+"""
_TOKEN = re.compile(rf"(?P<word>{_WORD})|(?P<operator>{'|'.join(OPERATORS)})|(?P<mark>[()\[\],])")
_BARE = re.compile(_WORD)
_ESCAPES = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "t": "\t"}
_MENDS = {
    "=": "write == to compare, =~ to match",
    "!": "write not, != or !~; or put the text in quotes",
    "~": "write =~ to match a pattern",
}


@dataclass(frozen=True, slots=True)
class FilterToken:
    """One token. ``value`` is a string's content, otherwise the text itself; ``start`` counts from 0."""

    kind: TokenKind
    value: str
    start: int
    end: int
    open: bool = False  # a string whose closing quote is missing

    @property
    def keyword(self) -> str:
        """The keyword it is, in lower case, or nothing."""
        lower = self.value.lower()
        return lower if self.kind == "word" and lower in KEYWORDS else ""


def lex(text: str, *, partial: bool = False) -> list[FilterToken]:
    """Return the tokens, the last of kind ``end``. With ``partial`` a string may be left open.

    Raises:
        FilterError: a string without its closing quote, or a character that begins nothing.
    """
    tokens: list[FilterToken] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        token = _string(text, at, partial) if text[at] in "\"'" else _plain(text, at)
        tokens.append(token)
        at = token.end
    tokens.append(FilterToken("end", "", len(text), len(text)))
    return tokens


def quote(value: str) -> str:
    """Return the text as a string of the language. A backslash is doubled only where it must be."""
    out = []
    for i, c in enumerate(value):
        follower = value[i + 1 : i + 2]
        if c == '"' or (c == "\\" and follower in ("", "\n", "\t", *_ESCAPES)):
            out.append("\\" + c)
        else:
            out.append({"\n": "\\n", "\t": "\\t"}.get(c, c))
    return '"' + "".join(out) + '"'


def bare(value: str) -> bool:
    """Say whether the text can stand without quotes."""
    return bool(_BARE.fullmatch(value)) and value.lower() not in KEYWORDS


def _plain(text: str, at: int) -> FilterToken:
    found = _TOKEN.match(text, at)
    if found is None:
        c = text[at]
        raise FilterError(f'"{c}" is not an operator', text, at + 1, hint=_MENDS[c])
    kind = cast(TokenKind, found[0] if found.lastgroup == "mark" else found.lastgroup)
    return FilterToken(kind, found[0], at, found.end())


def _string(text: str, at: int, partial: bool) -> FilterToken:
    mark = text[at]
    out = []
    i = at + 1
    while i < len(text) and text[i] != mark:
        if text[i] == "\\" and text[i + 1 : i + 2] in _ESCAPES:
            out.append(_ESCAPES[text[i + 1]])
            i += 2
        else:  # any other backslash stays: patterns are full of them
            out.append(text[i])
            i += 1
    if i < len(text):
        return FilterToken("string", "".join(out), at, i + 1)
    if partial:
        return FilterToken("string", "".join(out), at, i, open=True)
    raise FilterError("the string has no closing quote", text, at + 1, length=i - at, hint=f"add {mark}")
