"""JSON of strangers becomes data that everything here can carry: the store, a log, another JSON text.

Legal JSON (RFC 8259) may hold halves of surrogate pairs, numbers of any size and lists nested without end;
each of them is refused somewhere, and one such value must not cost the message beside it.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

import orjson

DEEPEST = 100  # levels; orjson writes 254
_CUT = "…"
_MOST = 1 << 63
_LONGEST = 18  # digits that surely fit into 64 bits
#: Strings, so that brackets inside them do not count, and brackets. Possessive: linear on any input.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)


def printable(text: str) -> str:
    """Return text that UTF-8 can carry: halves of a surrogate pair are joined, a lone one becomes U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def plain(value: Any, deepest: int = DEEPEST) -> Any:
    """Return JSON data with printable texts, numbers of 64 bits and at most ``deepest`` levels.

    A number that is none, or too large for a float, becomes None; what lies deeper becomes ``…``, and what
    JSON does not have becomes text.
    """
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        if not deepest:
            return _CUT
        return {printable(str(key)): plain(each, deepest - 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each, deepest - 1) for each in value] if deepest else _CUT
    if isinstance(value, int) and not -_MOST <= value < _MOST:
        return _rounded(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int):
        return value
    return _said(value)


def dumps(value: Any) -> bytes:
    """Encode any value as JSON: what JSON cannot say is said as well as it can be. Never raises.

    Numbers that are none become null, halves of characters U+FFFD, bytes and objects text.
    """
    try:
        return orjson.dumps(value, default=_said)
    except TypeError:  # a half of a character, a key that is no text, a huge number, too deep
        return orjson.dumps(plain(value))


def _said(value: Any) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    return printable(repr(value) if isinstance(value, BaseException) else str(value))


def _rounded(value: int) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None


def loads(text: str) -> Any:
    """Decode any legal JSON into plain data; see `plain`.

    Raises:
        ValueError: it is no JSON.
    """
    return plain(json.loads(_shallow(text), parse_int=_whole, parse_constant=_refuse))


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST else float(digits)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _shallow(text: str) -> str:
    """Return JSON without what is nested too deep; the decoder calls itself for each level."""
    kept: list[str] = []
    depth = start = 0
    for token in _TOKEN.finditer(text):
        if token[0] in ("[", "{"):
            depth += 1
            if depth == DEEPEST + 1:
                kept += (text[start : token.start()], f'"{_CUT}"')
        elif token[0] in ("]", "}"):
            if depth == DEEPEST + 1:
                start = token.end()
            depth -= 1
    return "".join([*kept, text[start:]]) if kept else text
