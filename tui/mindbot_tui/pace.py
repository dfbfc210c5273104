"""Frames as fast as the line carries them, and no faster: what is drawn is the latest, never a backlog.

Nobody tells a program how much of what it wrote is still on its way: a pseudo-terminal takes some kilobytes
at once, ssh and TCP take megabytes. The terminal itself knows. It answers a request for the cursor's position
(DSR 6, ECMA-48 8.3.35) when it has drawn what came before, so each frame ends in one, and the next frame
waits for the answer; what changes meanwhile is drawn once, then. With terminals that never answer, what the
kernel takes in what time tells how fast the line is, and with that when a frame is through.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from textual.app import App

ASK = "\x1b[6n"
UNANSWERED = 2.0  # seconds after which a terminal that never answered is taken for one that does not
LOST = 10.0  # seconds after which the answer of one that does is taken for lost
KERNEL = 24 * 1024  # bytes that a pseudo-terminal takes before its other end has read any
MOMENTS = 2.0  # seconds that tell how fast a line is once it is full
REMEMBERED = 30.0  # seconds after which a slow line is tried at half as much again
FAST = 1e6  # bytes a second from which on a line is none that one notices
NOTICED = 0.1  # seconds on the way from which on a line is slow


class Pace:
    """Holds an app's drawing back while a frame is on its way. To be called on the app's loop."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._hold = ExitStack()
        self._holding = False
        self._answers: bool | None = None  # not known yet
        self._awaited = 0  # answers
        self._sent = 0.0
        self._bytes = 0
        self._rate = 0.0  # bytes a second, as the kernel took them; 0 is not known
        self._tried = 0.0  # when that was found out
        self._lately: deque[tuple[float, int]] = deque()  # when which bytes were sent, in the last moments
        self._rests_until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.missed = False  # the app wanted to draw and could not

    @property
    def asks(self) -> bool:
        """Whether a frame is to end in a question."""
        return self._answers is not False

    @property
    def holding(self) -> bool:
        return self._holding

    @property
    def awaited(self) -> int:
        """How many answers are on their way."""
        return self._awaited

    @property
    def rests(self) -> bool:
        """Whether what changes by itself should wait: a slow line is the reader's keys' half of the time."""
        return self._holding or asyncio.get_running_loop().time() < self._rests_until

    def sent(self, size: int) -> None:
        """A frame of so many bytes has been given to the line, and its question if it has one."""
        loop = asyncio.get_running_loop()
        self._bytes = size + (self._bytes if self._holding else 0)
        self._awaited += self.asks
        self._sent = loop.time()
        self._lately.append((self._sent, size))
        while self._sent - self._lately[0][0] > MOMENTS:
            self._lately.popleft()
        if not self._holding:
            self._holding = True
            self._hold.enter_context(self._app.batch_update())
        self._await(LOST if self._answers is not None else UNANSWERED, self._gave_up)

    def answered(self) -> None:
        """The terminal has drawn what came before a question."""
        self._answers = True
        self._awaited = max(self._awaited - 1, 0)
        if not self._awaited:
            self.release()

    def written(self) -> None:
        """The kernel has taken all there was to write."""
        if self._answers or not self._holding:
            return
        now = asyncio.get_running_loop().time()
        left = self._bytes
        if now - self._sent > NOTICED:  # it was full
            begun, sizes = self._lately[0][0], (size for _, size in self._lately)
            found = sum(sizes) / max(now - begun, NOTICED)
            self._rate, self._tried = max(found, self._rate * 0.75), now  # it was idle too, and wakes late
            left = min(left, KERNEL)
        elif self._rate and now - self._tried > REMEMBERED:  # it may have become faster
            self._rate, self._tried = self._rate * 1.5 if self._rate < FAST else 0.0, now
        if self._rate:
            self._await(left / self._rate, self.release)
        else:
            self.release()

    def _await(self, seconds: float, then: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, then)

    def _gave_up(self) -> None:
        if self._answers is None:
            self._answers = False
            self.written()
        else:
            self.release()  # a frame that nobody confirms is better than none

    def release(self) -> None:
        """Let the app draw again: what has changed meanwhile, once."""
        self._awaited = 0
        if not self._holding:
            return
        if self._timer is not None:
            self._timer.cancel()
        now = asyncio.get_running_loop().time()
        took = now - self._sent
        if took > NOTICED:  # a short frame between, of a key say, does not end the rest after a long one
            self._rests_until = now + took
        self._holding = False
        self._hold.close()
        if self.missed:
            self.missed = False
            self._app.screen.refresh()
        self._app.screen.check_idle()
