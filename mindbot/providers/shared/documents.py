"""A model's answer as JSON documents, in whatever framing it came. Pure: lines in, documents out.

Asked for a stream, some gateways answer with one JSON document; asked for one, with server-sent events; a
wrong base URL answers with a web page. So the framing is read from the first byte, not from what was asked
for or the content type. Within events a blank line may be missing between two; what cannot be read is left
out.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any, Literal, NamedTuple

import orjson

from mindbot.domain.errors import Overloaded
from mindbot.providers.shared.sse import SseDecoder, SseEvent

#: The stream's end marker, as a document.
DONE = object()
_BOM = b"\xef\xbb\xbf"
_WIDE = (b"\xff\xfe", b"\xfe\xff")  # byte order marks of UTF-16
_WHOLE_NUMBER = 18  # digits that fit into 64 bits
_PIECE = 64 << 10  # bytes of JSON that are read leniently before it is known that nothing follows
_UNREAD = 1000  # pieces of one answer that cannot be read; behind them nobody expects one that can

_ERROR = "error"
_NOTHING = b"null"

Framing = Literal["", "events", "json", "page", "utf-16", "other"]


class NotJson(ValueError):
    """Not JSON, nor what some servers take for it."""


class NamedDocument(NamedTuple):
    """A document that came in an event, with the event's name; for vendors who tell by it what it is."""

    event: str
    doc: Any


def decode(data: bytes) -> Any:
    """Decode JSON and what some servers take for it; texts keep their halves of characters (`Joiner`).

    Bytes that are no UTF-8 are kept as ``surrogateescape`` does, NaN and infinities become None.

    Raises:
        NotJson: it is not even that, or nested without end.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        pass
    text = data.removeprefix(_BOM).decode("utf-8", "surrogateescape").strip()
    decoder = json.JSONDecoder(strict=False, parse_int=_number, parse_constant=lambda constant: None)
    try:
        doc, end = decoder.raw_decode(text)
    except (ValueError, RecursionError):
        raise NotJson from None
    if (rest := text[end:].strip()) and not rest.startswith("data:"):  # JSON, then "data: [DONE]"
        raise NotJson
    return doc


def _decoded(data: bytes, leniently: int) -> Any:
    """Decode JSON, what is larger than so many bytes only if it is sound: the lenient decoder is slow."""
    return decode(data) if len(data) <= leniently else orjson.loads(data)


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) <= _WHOLE_NUMBER else float(digits)


class Documents:
    """Turns the lines of an answer into documents. ``framing`` is empty until the first line with something.

    ``limit`` bounds, in bytes, what is kept of one event and how much of what is not quite JSON is read.
    ``by_name``: what comes in events is a `NamedDocument`. ``unread`` counts what could not be read.
    """

    def __init__(self, limit: int, *, by_name: bool = False) -> None:
        self.framing: Framing = ""
        self.unread = 0
        self._limit = limit
        self._by_name = by_name
        self._sse = SseDecoder(limit)
        self._whole: list[bytes] = []
        self._size = 0  # bytes of it
        self._looked = 0  # bytes of it when it was last found not to be whole

    def feed(self, line: bytes) -> list[Any]:
        """Return the documents that a line completes; `DONE` is the end marker.

        Raises:
            Overloaded: an event is larger than ``limit``, or nothing of all this can be read.
        """
        if self.framing in ("", "json") and not self._whole and line.strip() == _NOTHING:
            return []  # a line of JSON that says nothing, where the next document would begin
        if not self.framing:
            if not line.strip():
                return []
            self.framing = _framing(line)
        if self.framing == "json":
            self._whole.append(line)
            self._size += len(line) + 1
            return self._whole_by_now(line)
        if self.framing != "events":
            return []
        docs: list[Any] = []
        if event := self._sse.feed(line):
            docs += self._read(event)
        if self._sse.complete and (event := self._sse.feed(b"")):
            docs += self._read(event)
        return docs

    def end(self, rest: bytes = b"") -> list[Any]:
        """Return the JSON document that has come whole, if it was one; no line follows.

        ``rest`` is what no line end has followed when the answer broke off: it may be whole all the same.
        """
        found = self.feed(rest) if rest and self.framing in ("", "json") else []
        if self.framing != "json":
            return []
        return [*found, *self._last()]

    def _last(self) -> list[Any]:
        data = self._taken().strip()
        if not data or _is_done(data.removeprefix(b"data:")):
            return []
        if data.endswith((b"}", b"]")) or b"data:" in data:  # anything else was cut
            with suppress(ValueError):
                return [_decoded(data, self._limit)]
        self.unread += 1
        return []

    def _whole_by_now(self, line: bytes) -> list[Any]:
        """Return the document that a line completes: the only one, or one of many lines of JSON.

        What never is whole is looked at again only when there is twice as much of it, so that all looks
        together are little more work than one.
        """
        if line[:1] not in b"}]" and len(self._whole) > 1:
            # Neither a document's only line nor the last one of a document with indents; but a document in
            # itself where what came before is one of many, and broken.
            return self._one_of_many(line)
        if self._size < 2 * self._looked or not line.rstrip().endswith((b"}", b"]")):
            return []
        self._looked = self._size
        data = b"\n".join(self._whole)
        try:
            found = _decoded(data, _PIECE)
        except ValueError:
            return []
        self._taken()
        return [found]

    def _one_of_many(self, line: bytes) -> list[Any]:
        if line[:1] != b"{" or self._whole[0][:1] != b"{" or not line.rstrip().endswith(b"}"):
            return []
        try:
            found = _decoded(line, 0)
        except ValueError:
            return []
        self._taken()
        self._miss()
        return [found]

    def _taken(self) -> bytes:
        """Return what came of a document; the next one begins behind it."""
        data = b"\n".join(self._whole)
        self._whole, self._size, self._looked = [], 0, 0
        return data

    def _read(self, event: SseEvent) -> list[Any]:
        if _is_done(event.data):
            return [DONE]
        try:
            return [self._named(decode(event.data), event.event)]
        except NotJson:
            if event.event == _ERROR:
                return [self._named(event.data.decode(errors="replace"), _ERROR)]
        found: list[Any] = []
        lines = event.data.split(b"\n")
        for line in lines if len(lines) > 1 else ():  # events without the blank line between
            if _is_done(line):
                return [*found, DONE]
            with suppress(NotJson):
                found.append(self._named(decode(line), event.event))
                continue
            self._miss()
        if len(lines) == 1:
            self._miss()
        return found

    def _named(self, doc: Any, event: str) -> Any:
        """Return a document; under the name ``error`` it is one, whatever its shape."""
        told = isinstance(doc, dict) and _ERROR in doc
        doc = {_ERROR: doc} if event == _ERROR and not told else doc
        return NamedDocument(event, doc) if self._by_name else doc

    def _miss(self) -> None:
        self.unread += 1
        if self.unread > _UNREAD:
            raise Overloaded(f"more than {_UNREAD} pieces that nobody can read", code="garbage")


def _is_done(data: bytes) -> bool:
    return data.strip() in (b"[DONE]", b'"[DONE]"')


def _framing(line: bytes) -> Framing:
    if line.startswith(_WIDE) or b"\0" in line[:4]:
        return "utf-16"
    line = line.removeprefix(_BOM).lstrip()
    if line[:1] in b"{[":
        return "json"
    if line[:1] == b"<":
        return "page"
    name = line.partition(b":")[0]
    return "events" if name.strip() in (b"", b"data", b"event", b"id", b"retry") else "other"
