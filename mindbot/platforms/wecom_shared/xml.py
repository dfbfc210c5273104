"""XML of strangers as nested objects. Pure.

What people type travels in it through gateways that are not always right about it: control characters and
others that XML 1.0 (section 2.2) forbids, bytes that are no UTF-8, references to such characters, a bare
ampersand, the end of a CDATA section inside of it. What expat refuses is mended where it is one of these.
"""

from __future__ import annotations

import re
from typing import Any
from xml.parsers import expat

from mindbot.domain import plain
from mindbot.domain.message import Json
from mindbot.platforms.wecom_shared.refusals import Malformed

_MAX_DEPTH = 32  # elements inside elements; the deepest documented message has five
_MAX_ELEMENTS = 5000  # the longest documented message has some dozens
_NO_MEMORY = expat.errors.codes[expat.errors.XML_ERROR_NO_MEMORY]
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
#: A whole text in CDATA, up to the end of its element: its own end may be in it. Or what is odd beside that.
_ODD = re.compile(
    r"<(?P<name>[A-Za-z_][\w.-]*)>\s*<!\[CDATA\[(?P<text>.*?)\]\]>\s*</(?P=name)>"
    r"|<!\[CDATA\[(?P<bare>.*?)\]\]>"
    r"|&(?:amp|lt|gt|quot|apos);|&#(?:x(?P<hex>[0-9a-fA-F]{1,8})|(?P<decimal>[0-9]{1,8}));|(?P<and>&)|(?P<end>\]\]>)",
    re.DOTALL,
)
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def parse_xml(data: bytes, *, mend: bool = True) -> Json:
    """Return the children of the root element: text, or a nested object, or a list where a name repeats.

    ``mend`` takes time, and is for what is surely from WeCom.

    Raises:
        Malformed: not XML, with a document type, or larger than any message.
        MemoryError: there is none for it now.
    """
    try:
        return _Tree().parse(data)
    except expat.ExpatError as error:
        refused = error
    if mend and (mended := _mended(data)) != data:
        try:
            return _Tree().parse(mended)
        except expat.ExpatError as error:
            refused = error
    raise Malformed(f"not XML: {refused}") from refused


def text_of(xml: Json, name: str) -> str:
    """Return a field's text; empty when it is not there or holds elements."""
    value = xml.get(name, "")
    return value if isinstance(value, str) else ""


def _mended(data: bytes) -> bytes:
    """Return XML whose texts hold nothing that XML forbids; where characters were, there is U+FFFD."""
    text = plain.decoded(data)
    return _FORBIDDEN.sub("\ufffd", _ODD.sub(_mend, text)).encode()


def _mend(found: re.Match[str]) -> str:
    if (name := found["name"]) is not None:
        return f"<{name}>{found['text'].translate(_ESCAPES)}</{name}>"
    if found["bare"] is not None:
        return found["bare"].translate(_ESCAPES)
    if found["and"] or found["end"]:
        return found[0].translate(_ESCAPES)
    if found["hex"] or found["decimal"]:
        number = int(found["hex"], 16) if found["hex"] else int(found["decimal"])
        return found[0] if _allowed(number) else "\ufffd"
    return found[0]


def _allowed(number: int) -> bool:
    """Whether XML 1.0 allows a character by its number."""
    if number < 0x20:
        return number in (0x9, 0xA, 0xD)
    return number <= 0xD7FF or 0xE000 <= number <= 0xFFFD or 0x10000 <= number <= 0x10FFFF


class _Tree:
    """Builds the nested object while expat reads."""

    def __init__(self) -> None:
        self._open: list[tuple[str, Json]] = [("", {})]
        self._text: list[str] = []
        self._elements = 0

    def parse(self, data: bytes) -> Json:
        # Not kept here: it holds our methods, and the two would keep each other until the collector comes.
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        parser.StartDoctypeDeclHandler = _no_doctype
        try:
            parser.Parse(data, True)
        except expat.ExpatError as error:
            if error.code == _NO_MEMORY:
                raise MemoryError from error
            raise
        (root,) = self._open[0][1].values()
        return root if isinstance(root, dict) else {}

    def _start(self, name: str, _attributes: Json) -> None:
        self._elements += 1
        if len(self._open) > _MAX_DEPTH or self._elements > _MAX_ELEMENTS:
            raise Malformed("XML nested too deeply, or of too many elements")
        self._open.append((name, {}))
        self._text.clear()

    def _end(self, _name: str) -> None:
        name, children = self._open.pop()
        value: Any = children or "".join(self._text)
        self._text.clear()
        into = self._open[-1][1]
        if name not in into:
            into[name] = value
        elif isinstance(into[name], list):
            into[name].append(value)
        else:
            into[name] = [into[name], value]


def _no_doctype(*_: object) -> None:
    raise Malformed("XML with a document type is refused")
