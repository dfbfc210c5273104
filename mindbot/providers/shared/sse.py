"""Server-sent events, as the WHATWG HTML standard ("Server-sent events", 9.2.6) interprets a stream."""

from __future__ import annotations

from dataclasses import dataclass

from mindbot.domain.errors import Overloaded

_BOM = b"\xef\xbb\xbf"


@dataclass(slots=True)
class SseEvent:
    """One event. ``data`` is UTF-8, its lines joined by LF; ``event`` is empty for a plain message."""

    data: bytes
    event: str = ""
    id: str = ""


class SseDecoder:
    """Turns lines into events; feed it every line, blank ones too, without line ends.

    An event that no blank line ends is not one: a cut stream must not look whole. ``limit`` bounds the data
    of one event in bytes.
    """

    def __init__(self, limit: int = 4 << 20) -> None:
        self._limit = limit
        self._data: list[bytes] = []
        self._size = 0
        self._event = ""
        self._id = ""
        self._first = True

    @property
    def complete(self) -> bool:
        """Whether the event in hand is one JSON object or an end marker: no more of it will come.

        Some servers leave out the blank line between two such events.
        """
        if len(self._data) != 1:
            return False
        data = self._data[0].strip()
        return data == b"[DONE]" or (data[:1] == b"{" and data[-1:] == b"}")

    def feed(self, line: bytes) -> SseEvent | None:
        """Return the event that ``line`` ends, if it is blank and there is one.

        Raises:
            Overloaded: the event is larger than ``limit``.
        """
        if self._first:
            self._first = False
            line = line.removeprefix(_BOM)
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")  # a comment has an empty name
        value = value.removeprefix(b" ")
        if name == b"data":
            self._size += len(value) + 1
            if self._size > self._limit:
                raise Overloaded(f"an event of more than {self._limit} bytes", code="garbage")
            self._data.append(value)
        elif name == b"event":
            self._event = value.decode(errors="replace")
        elif name == b"id" and b"\0" not in value:
            self._id = value.decode(errors="replace")
        return None

    def _dispatch(self) -> SseEvent | None:
        data, event = self._data, self._event
        self._event = ""
        if not data:
            return None
        self._data, self._size = [], 0
        return SseEvent(data[0] if len(data) == 1 else b"\n".join(data), event, self._id)
