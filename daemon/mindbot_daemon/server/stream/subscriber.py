"""One attached client: what waits for it, and what it has missed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import anyio
import orjson

from mindbot.domain.message import Json
from mindbot_daemon.server.stream.request import Request


@dataclass(frozen=True, slots=True)
class Frame:
    """A JSON array of events, ready to send and shared by every client that gets the same.

    ``control`` holds those of its events that no client may miss, encoded one by one.
    """

    text: bytes
    events: int
    control: tuple[bytes, ...] = ()


class Subscriber:
    """What waits is bounded by events and by bytes: beyond it the oldest frames go and a gap is told.

    Control events are kept when their frame goes; ``overrun`` is set when ``most_control`` wait unread.
    """

    def __init__(
        self,
        request: Request,
        *,
        most_events: int = 10_000,
        most_text: int = 8 << 20,
        most_control: int = 1000,
    ) -> None:
        self.request = request
        self.overrun = anyio.Event()
        self.name = ""  # for operators
        self.missed = 0  # events that it never got
        self.most_events = most_events
        self._most_text = most_text
        self._most_control = most_control
        self._notes: deque[Json] = deque()
        self._gap = 0
        self._saved: list[bytes] = []
        self._frames: deque[Frame] = deque()
        self._events = 0
        self._text = 0
        self._control = 0
        self._wake = anyio.Event()

    @property
    def waiting(self) -> bool:
        """Whether there is something to send."""
        return bool(self._notes or self._gap or self._saved or self._frames)

    @property
    def events(self) -> int:
        """How many wait for it."""
        return self._events

    def note(self, what: Json) -> None:
        """Tell the client something about the stream itself, before the events that wait."""
        self._notes.append(what)
        self._wake.set()

    def lost(self, count: int) -> None:
        """Events were dropped before they came here."""
        self._gap += count
        self.missed += count
        self._wake.set()

    def push(self, frames: Iterable[Frame]) -> None:
        """Add frames; the oldest make room."""
        for frame in frames:
            self._frames.append(frame)
            self._events += frame.events
            self._text += len(frame.text)
            self._control += len(frame.control)
        while len(self._frames) > 1 and (self._events > self.most_events or self._text > self._most_text):
            oldest = self._take()
            lost = oldest.events - len(oldest.control)
            self._gap += lost
            self.missed += lost
            self._saved += oldest.control
            self._control += len(oldest.control)
        if self._control >= self._most_control:
            self.overrun.set()
        self._wake.set()

    def _take(self) -> Frame:
        frame = self._frames.popleft()
        self._events -= frame.events
        self._text -= len(frame.text)
        self._control -= len(frame.control)
        return frame

    async def next(self) -> bytes:
        """Wait for the next message to send."""
        while not self.waiting:
            self._wake = anyio.Event()
            await self._wake.wait()
        if self._notes:
            return orjson.dumps(self._notes.popleft())
        if self._gap:
            gap, self._gap = self._gap, 0
            return orjson.dumps({"gap": gap})
        if self._saved:
            saved, self._saved = self._saved, []
            self._control -= len(saved)
            return array(saved)
        return self._take().text


def array(events: Iterable[bytes]) -> bytes:
    """Return encoded events as one JSON array."""
    return b"[" + b",".join(events) + b"]"
