"""JSON of strangers becomes data that everything here can carry: the store, a log, another JSON text.

What people type travels in it through gateways that are not always right about it: halves of surrogate
pairs, characters cut off, control characters as they are, a backslash by itself. And legal JSON (RFC 8259)
may hold numbers of any size and lists nested without end. Each of them is refused somewhere, and one such
value must not cost the message beside it. `loads` is the one reader for all of it; ids go through `marked`.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

import orjson

DEEPEST = 100  # levels
_SPARE = 254 - DEEPEST  # orjson writes 254
_CUT = "…"
_MOST = 1 << 63
_LONGEST, _LONGEST_64 = 18, 20  # digits, with a sign, that surely fit into 64 bits, and that may
#: A number of more digits than those; most strings of digits have a quote before them. One pattern for both
#: places, the beginning and behind a mark, would be tried at each character: eight times the time.
_LARGE = r"\s*+-?[0-9]{19}"
_FIRST_TEXT, _FIRST_BYTES = re.compile(_LARGE), re.compile(_LARGE.encode())
_LARGE_TEXT, _LARGE_BYTES = re.compile(r"[:,\[]" + _LARGE), re.compile(rb"[:,\[]" + _LARGE.encode())
#: Characters of JSON that is worth to be cut where it is nested too deep: each bracket of it is looked at.
_MENDED = 256 << 10
_BOM = "\ufeff"
#: What an id cannot hold everywhere: SQL functions end a text at NUL (sqlite.org/nulinstr.html), and UTF-8
#: has no halves of surrogate pairs. Each has a mark instead, which no platform's ids hold.
_UNMARKED, _MARKED = re.compile("[\0\ud800-\udfff]"), re.compile("\u241b(0000|d[89a-f][0-9a-f]{2})")
#: Strings, so that brackets inside them do not count, and brackets. Possessive: linear on any input.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)
_ESCAPE = re.compile(r'\\(["\\/bfnrt]|u[0-9a-fA-F]{4})?')


def printable(text: str) -> str:
    """Return text that UTF-8 can carry: halves of a surrogate pair are joined, a lone one becomes U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def marked(id: str) -> str:
    """Return an id that every store holds whole: of two that differ, two. What is marked already stays so.

    The parts of an id are marked as they are in it, so that they are found there and it begins with them.
    """
    if id.isascii() and "\0" not in id:
        return id
    return _UNMARKED.sub(lambda found: f"\u241b{ord(found[0]):04x}", id)


def unmarked(id: str) -> str:
    """Return the id that `marked` was given."""
    return _MARKED.sub(lambda found: chr(int(found[1], 16)), id) if "\u241b" in id else id


def decoded(data: bytes) -> str:
    """Return bytes that should be UTF-8 as text, without a byte order mark; what is none becomes U+FFFD.

    Surrogate pairs written as two characters of three bytes, as some languages do, are joined.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        try:
            text = printable(data.decode("utf-8", "surrogatepass"))
        except UnicodeDecodeError:
            text = data.decode("utf-8", "replace")
    return text.removeprefix(_BOM)


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


def length(value: Any) -> int:
    """Return how many characters the texts of JSON data have."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(len(key) + length(each) for key, each in value.items())
    return sum(map(length, value)) if isinstance(value, list | tuple) else 0


def dumps(value: Any) -> bytes:
    """Encode any value as JSON: what JSON cannot say is said as well as it can be. Never raises.

    Numbers that are none become null, halves of characters U+FFFD, bytes and objects text.
    """
    try:
        return tight(orjson.dumps(value, default=_said))
    except TypeError:  # a half of a character, a key that is no text, a huge number, too deep
        return tight(orjson.dumps(plain(value)))


def tight(encoded: bytes) -> bytes:
    """Return what orjson made in a block of its own size, for whoever keeps it or waits with it.

    orjson (3.13) leaves its whole buffer behind what it returns, which is up to sixteen times as much.
    """
    return bytes(memoryview(encoded))


def _said(value: Any) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    return printable(repr(value) if isinstance(value, BaseException) else str(value))


def _rounded(value: int) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None


def loads(text: str | bytes) -> Any:
    """Decode JSON, as it should be or nearly, into plain data; see `plain`.

    Raises:
        ValueError: it is no JSON, or a large one that is nested without end.
    """
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return _leniently(text if isinstance(text, str) else _text_of(text))
    if isinstance(text, str):
        opened = text.count("[") + text.count("{")
        large = bool(_FIRST_TEXT.match(text) or _LARGE_TEXT.search(text))
    else:
        opened = text.count(b"[") + text.count(b"{")
        large = bool(_FIRST_BYTES.match(text) or _LARGE_BYTES.search(text))
    if large:
        return _leniently(text if isinstance(text, str) else _text_of(text))
    # orjson lets no half of a character through, and what opens so few brackets is nowhere nested deeper.
    return found if opened <= DEEPEST else _cut(found)


def _leniently(text: str) -> Any:
    """Decode with the slower decoder: control characters inside strings and all numbers are let through."""
    text = text.removeprefix(_BOM).strip("\0")
    try:
        return _cut(_decoded(text))
    except ValueError:
        mended = _ESCAPE.sub(lambda found: found[0] if found[1] else "\\\\", text)
        if mended == text:
            raise
    return _cut(_decoded(mended))


def _decoded(text: str) -> Any:
    """Decode; the decoder calls itself for each level, and beyond its depth only small ones are helped."""
    try:
        return _decoder.decode(text)
    except RecursionError:
        if len(text) > _MENDED:
            raise ValueError("nested without end") from None
    return _decoder.decode(_shallow(text))


def _cut(found: Any) -> Any:
    """Return what a decoder found as plain data. Most of it is: the encoder tells that faster than we can."""
    probe = found
    for _ in range(_SPARE):
        probe = [probe]
    try:
        orjson.dumps(probe)
    except TypeError:  # too deep, or half a character
        return plain(found)
    return found


def _finite(text: str) -> float | None:
    found = float(text)
    return found if math.isfinite(found) else None


def _whole(digits: str) -> int | float | None:
    if len(digits) <= _LONGEST:
        return int(digits)
    if len(digits) <= _LONGEST_64 and -_MOST <= (found := int(digits)) < _MOST:
        return found
    return _finite(digits)


_decoder = json.JSONDecoder(
    strict=False, parse_int=_whole, parse_float=_finite, parse_constant=lambda constant: None
)


def _text_of(data: bytes) -> str:
    """Return the text of JSON as bytes: UTF-8, or the UTF-16 and UTF-32 that its first bytes show."""
    encoding = json.detect_encoding(data)
    return decoded(data) if encoding.startswith("utf-8") else data.decode(encoding, "replace")


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
