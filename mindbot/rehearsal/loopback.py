"""Keeps a rehearsal on this machine: whatever would call another one is refused, and told.

Python tells its audit hooks of every connection and look-up before it is made (PEP 578, docs.python.org,
"Audit events table": ``socket.connect``, ``socket.getaddrinfo``, …), whichever library asks for it. A hook
stays for the life of its process, so there is one, which does nothing while no rehearsal runs. It sees what
goes through Python's sockets: a rehearsal therefore runs on asyncio's own loop, not on uvloop.
"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

#: Audit events whose second argument is an address, and those whose first is a host.
_TO_ADDRESS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_OF_HOST = frozenset({"socket.getaddrinfo", "socket.gethostbyname"})
_HERE = frozenset({"", "localhost", "localhost.localdomain", "ip6-localhost"})


class LoopbackGuard:
    """``refused`` are the hosts that were not reached, once each, in their order."""

    def __init__(self) -> None:
        self._refused: dict[str, None] = {}

    @property
    def refused(self) -> list[str]:
        return list(self._refused)

    def check(self, host: Any) -> None:
        """Let this machine pass; raises PermissionError, which every client takes for a failed connection."""
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")
        if not is_here(name):
            self._refused[name] = None
            raise PermissionError(f"a rehearsal calls nobody but this machine, and this is {name}")


def is_here(host: str) -> bool:
    """Tell whether a host, by name or address, is this machine."""
    if host.lower() in _HERE:
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


_guards: list[LoopbackGuard] = []
_installed = False


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _guards or not event.startswith("socket."):
        return
    if event in _TO_ADDRESS:
        address = arguments[1]
        if isinstance(address, tuple):  # a path is a Unix socket's; None is where it is connected to already
            _guards[-1].check(address[0])
    elif event in _OF_HOST:
        _guards[-1].check(arguments[0])


@contextmanager
def only_loopback() -> Iterator[LoopbackGuard]:
    """Refuse every other machine for the length of the block, in this process and all its threads."""
    global _installed
    if not _installed:
        sys.addaudithook(_hook)
        _installed = True
    guard = LoopbackGuard()
    _guards.append(guard)
    try:
        yield guard
    finally:
        _guards.remove(guard)
