"""What systemd and a service say to each other, in plain sockets: sd_notify(3), sd_listen_fds(3).

No package is needed for it: a notification is one datagram, an inherited socket is a number.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field

from mindbot.domain.shapes.daemon import ComponentJson

_FIRST_FD = 3  # SD_LISTEN_FDS_START

EX_CONFIG = 78  # sysexits.h; the unit's RestartPreventExitStatus


def is_service(environ: MutableMapping[str, str]) -> bool:
    """Whether systemd started us."""
    return bool(environ.get("NOTIFY_SOCKET") or environ.get("INVOCATION_ID"))


class Notifier:
    """Tells the service manager how we are; without one every call does nothing.

    ``watchdog`` is the seconds between two signs of life it asks for, 0 when it does not.
    """

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        # Taken out of the environment: children must not speak for us.
        self._address = environ.pop("NOTIFY_SOCKET", "")
        every = environ.pop("WATCHDOG_USEC", "")
        pid = environ.pop("WATCHDOG_PID", "")
        ours = not pid or pid == str(os.getpid())
        self.waiting = ""  # what the start waits for
        self.watchdog = int(every) / 1e6 / 2 if every.isdecimal() and ours and self._address else 0.0

    def ready(self, status: str) -> None:
        """The start, or a reload, is over."""
        self._send("READY=1", f"STATUS={status}")

    def status(self, text: str) -> None:
        """One line for ``systemctl status``."""
        self._send(f"STATUS={text}")

    def waits(self, reason: str) -> None:
        """The start waits for what an operator can mend."""
        self.waiting = reason
        self.status(f"starting: {reason}")

    def reloading(self) -> None:
        """A reload begins; the time stamp tells systemd 253 and later which request it answers."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self, status: str) -> None:
        self._send("STOPPING=1", f"STATUS={status}")

    def still_starting(self, seconds: float) -> None:
        """Ask for that much more time to get ready: a long migration, or a full disk that is waited for."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * 1e6)}")

    def alive(self) -> None:
        """Keep the watchdog quiet."""
        self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        # A line break would begin another assignment.
        message = "\n".join(line.replace("\n", " ") for line in lines).encode("utf-8", "replace")
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        # A service manager that does not listen is no reason to stop working.
        with (
            suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender,
        ):
            sender.sendto(message, address)


def summary(components: list[ComponentJson], most: int = 400) -> str:
    """Return one line for the service manager: that it runs, and what has failed and why.

    ``most`` are the characters of it. The first is always named, with as much of why as fits; of the others,
    those that do not fit are counted.
    """
    ill = sorted(
        (c for c in components if c["state"] in ("failed", "degraded")), key=lambda c: c["state"] != "failed"
    )
    text = "running"
    for number, each in enumerate(ill):
        more = f"; {each['component']} {each['state']}" + (f": {each['reason']}" if each["reason"] else "")
        if not number and len(text) + len(more) > most:
            more = f"{more[: most - len(text) - 1]}…"
        if len(text) + len(more) > most:
            return f"{text[:most]}; {len(ill) - number} more: mindbot daemon status"
        text += more
    return text


@dataclass(frozen=True, slots=True)
class Inherited:
    """Sockets that systemd bound for us: the local API's, and those vendors call back on."""

    api: socket.socket | None = None
    callbacks: list[socket.socket] = field(default_factory=list)


def inherited_sockets(environ: MutableMapping[str, str]) -> Inherited:
    """Take the listening sockets of socket activation, and forget the variables.

    A Unix socket is the local API's, TCP sockets are the public listener's, which tells them apart by port:
    the names in the socket unit are for people.
    """
    pid = environ.pop("LISTEN_PID", "")
    count = environ.pop("LISTEN_FDS", "")
    environ.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or not count.isdecimal():
        return Inherited()
    api: socket.socket | None = None
    callbacks = []
    for fd in range(_FIRST_FD, _FIRST_FD + int(count)):
        os.set_inheritable(fd, False)
        listener = socket.socket(fileno=fd)
        listener.setblocking(False)
        if listener.family == socket.AF_UNIX and api is None:
            api = listener
        elif listener.family in (socket.AF_INET, socket.AF_INET6):
            callbacks.append(listener)
        else:
            listener.close()
    return Inherited(api, callbacks)
