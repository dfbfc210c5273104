"""What the console is drawn on may go at any time: a window is closed, a line is cut, a server dies.

Textual's drivers take the end of their input for silence and read again at once, for ever; and the first
write to a terminal that is gone ends their writer, behind which the app then waits, for ever. Here both mean
that the console is over, as do SIGHUP and SIGTERM.
"""

from __future__ import annotations

import asyncio
import select
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import IO, Any, cast

from textual import events
from textual.app import App
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.drivers.web_driver import WebDriver
from textual.message import Message

from mindbot_tui.pace import ASK, Pace
from mindbot_tui.thin import Thin

LOOK_EVERY = 0.5  # seconds between looks at whether there is anybody
LAST_ANSWER = 0.5  # seconds that the end waits for answers of the terminal
GONE = 1  # the exit status of a console that nobody left


class Terminal(LinuxDriver):
    """A terminal, or the remote end of one."""

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        self._file = cast(Any, _Lasting(cast("IO[str]", self._file), self._written))
        self._watched = False
        self._begun = False  # drawing
        self._answered = 0  # answers that the loop does not know of yet
        self._unsent = 0  # bytes since the last frame's end
        self._thin = Thin()
        self.pace = Pace(app)

    def start_application_mode(self) -> None:
        """Begin, or go on after SIGTSTP."""
        self._loop = asyncio.get_running_loop()
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self._thin = Thin()
        self._begun = True
        if not self._watched:
            self._watched = True
            _watch(self._app, self.fileno)

    def stop_application_mode(self) -> None:
        """End; answers that are still on their way would be typed into what comes after us."""
        self._begun = False
        end = time.monotonic() + LAST_ANSWER
        while self.pace.awaited > self._answered and time.monotonic() < end:
            time.sleep(0.01)
        super().stop_application_mode()
        self._answered = 0
        self.pace.release()

    def write(self, data: str) -> None:
        """Give a part of a frame to the line."""
        data = self._thin(data)
        self._unsent += len(data)
        super().write(data)

    def flush(self) -> None:
        """A frame is complete."""
        if self._begun and self._unsent:
            if self.pace.asks:
                super().write(ASK)
            self.pace.sent(self._unsent)
        self._unsent = 0
        super().flush()

    def process_message(self, message: Message) -> None:
        """Take the terminal's answers for ourselves; runs in the thread that reads."""
        if isinstance(message, events.CursorPosition):
            self._answered += 1
            self._tell(self._take_answer)
        else:
            super().process_message(message)

    def _take_answer(self) -> None:
        self._answered = max(self._answered - 1, 0)
        self.pace.answered()

    def _written(self) -> None:
        """All that there was is with the kernel; runs in the thread that writes."""
        if self._begun:
            self._tell(self.pace.written)

    def _tell(self, what: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(what)

    def run_input_thread(self) -> None:
        """Read until the end; why there is nothing more to read, `hung_up` tells."""
        with suppress(OSError):
            super().run_input_thread()


class Browser(WebDriver):
    """A page in a browser, behind the pipes of a server."""

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        self._write = partial(_tried, self._write)  # type: ignore[assignment, arg-type]  # nobody counts

    def start_application_mode(self) -> None:
        """Begin."""
        super().start_application_mode()
        _watch(self._app, sys.__stdin__.fileno())  # type: ignore[union-attr]  # the server gave us one


def lasting(driver: type[Driver]) -> type[Driver]:
    """Return our driver in place of one of Textual's; those without a terminal stay as they are."""
    ours: dict[type[Driver], type[Driver]] = {LinuxDriver: Terminal, WebDriver: Browser}
    return ours.get(driver, driver)


def pace_of(driver: Driver | None) -> Pace | None:
    """Return what holds the frames of a driver back; None where nothing does."""
    return driver.pace if isinstance(driver, Terminal) else None


def hung_up(fileno: int) -> bool:
    """Whether nobody is at the other end any more."""
    poll = select.poll()
    poll.register(fileno, 0)  # nothing but errors
    return bool(poll.poll(0))


def _watch(app: App[Any], fileno: int) -> None:
    """End the app in an orderly way when nobody is there, or somebody says so."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, partial(app.exit, return_code=GONE))
    loop.add_signal_handler(signal.SIGTERM, app.exit)
    loop.set_exception_handler(_told)

    def look() -> None:
        if hung_up(fileno):
            app.exit(return_code=GONE)

    app.set_interval(LOOK_EVERY, look)


def _told(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Tell of a callback that failed, but for one that wakes who has just been told to stop.

    anyio has a socket's reader set a future; cancelled in the same turn of the loop that is done already, and
    nobody waits for it. At a console's end it would be a traceback on the terminal that was there before.
    """
    if not isinstance(context.get("exception"), asyncio.InvalidStateError):
        loop.default_exception_handler(context)


class _Lasting:
    """A file whose last reader may go: what is written then goes nowhere."""

    def __init__(self, file: IO[str], written: Callable[[], None]) -> None:
        self._file = file
        self._flushed = written

    def write(self, text: str) -> None:
        _tried(self._file.write, text)

    def flush(self) -> None:
        _tried(self._file.flush)
        self._flushed()

    def fileno(self) -> int:
        return self._file.fileno()


def _tried(write: Callable[..., Any], *data: Any) -> None:
    """Write; it is for the look at the other end to tell that nobody reads."""
    with suppress(OSError):
        write(*data)
