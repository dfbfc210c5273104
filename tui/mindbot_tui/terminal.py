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
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import IO, Any, cast

from textual.app import App
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.drivers.web_driver import WebDriver

LOOK_EVERY = 0.5  # seconds between looks at whether there is anybody
GONE = 1  # the exit status of a console that nobody left


class Terminal(LinuxDriver):
    """A terminal, or the remote end of one."""

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        self._file = cast(Any, _Lasting(cast("IO[str]", self._file)))
        self._watched = False

    def start_application_mode(self) -> None:
        """Begin, or go on after SIGTSTP."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if not self._watched:
            self._watched = True
            _watch(self._app, self.fileno)

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

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, text: str) -> None:
        _tried(self._file.write, text)

    def flush(self) -> None:
        _tried(self._file.flush)

    def fileno(self) -> int:
        return self._file.fileno()


def _tried(write: Callable[..., Any], *data: Any) -> None:
    """Write; it is for the look at the other end to tell that nobody reads."""
    with suppress(OSError):
        write(*data)
