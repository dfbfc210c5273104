"""The small XML of WeCom callbacks: write it as the platform does, read it without trusting it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.parsers import expat

from mindbot.sim.wecom.crypto import BadEnvelope

#: The value of an element: text (written as CDATA), a number (written bare), or nested elements.
Value = str | int | float | Mapping[str, "Value"] | list["Value"]

# XML 1.0 has no place for these, not even escaped.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def cdata(text: str) -> str:
    """Wrap text, whatever it holds; characters XML cannot carry are left out."""
    return f"<![CDATA[{_ILLEGAL.sub('', text).replace(']]>', ']]]]><![CDATA[>')}]]>"


def to_xml(fields: Mapping[str, Value]) -> str:
    """Return ``<xml>…</xml>`` with the fields in order; a list repeats its element."""
    return f"<xml>{_elements(fields)}</xml>"


def _elements(fields: Mapping[str, Value]) -> str:
    return "".join(_element(name, value) for name, value in fields.items())


def _element(name: str, value: Value) -> str:
    match value:
        case list():
            return "".join(_element(name, item) for item in value)
        case Mapping():
            return f"<{name}>{_elements(value)}</{name}>"
        case str():
            return f"<{name}>{cdata(value)}</{name}>"
        case _:
            return f"<{name}>{value}</{name}>"


def from_xml(body: bytes) -> dict[str, str]:
    """Return the text of the elements below the root; nested ones under their own names.

    Raises:
        BadEnvelope: not XML, or XML with a DTD (entities could expand or reach out).
    """
    fields: dict[str, str] = {}
    open_elements: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        open_elements.append(name)
        if len(open_elements) > 1:
            fields[name] = ""

    def end(name: str) -> None:
        open_elements.pop()

    def text(data: str) -> None:
        if len(open_elements) > 1:
            fields[open_elements[-1]] += data

    def refuse(*declaration: object) -> None:
        raise BadEnvelope("XML with a DTD")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(body, True)
    except expat.ExpatError as exc:
        raise BadEnvelope(f"not XML: {exc}") from exc
    return fields
