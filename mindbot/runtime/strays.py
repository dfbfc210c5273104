"""Requests to a public port that are nobody's: counted, told once a minute, named to their bot.

A proxy that adds or leaves a part of a path makes a bot deaf, and only who has the port can see it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote

import structlog

from mindbot.api.shown import ago
from mindbot.domain.abilities import Check
from mindbot.domain.message import Json
from mindbot.telemetry.redaction import redactor
from mindbot.telemetry.repeats import RepeatedEvents

Address = tuple[str, int]

_MOST = 50  # paths of a port that are kept; the rest is counted alone
_LONGEST = 120  # characters of a path that are shown


@dataclass(slots=True)
class _Path:
    count: int = 0
    at: float = 0.0  # Unix seconds


@dataclass(slots=True)
class _Port:
    count: int = 0
    at: float = 0.0
    last: str = ""
    paths: dict[str, _Path] = field(default_factory=dict)


class Strays:
    """What came to each port, by (host, port) as configured, since the start."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """``clock`` tells Unix seconds."""
        self._clock = clock
        self._ports: dict[Address, _Port] = {}
        self._reached: dict[tuple[Address, str], float] = {}
        self._by: dict[tuple[Address, str], str] = {}
        log = structlog.get_logger("mindbot.strays")
        self._lines = RepeatedEvents(log, "callback.stray")
        self._found = RepeatedEvents(log, "callback.other_path", level="info")

    def note(self, address: Address, path: str) -> None:
        """Count a request for a path that is nobody's."""
        port = self._ports.setdefault(address, _Port())
        shown = shown_path(path)
        port.count, port.at, port.last = port.count + 1, self._clock(), shown
        if shown in port.paths or len(port.paths) < _MOST:
            found = port.paths.setdefault(shown, _Path())
            found.count, found.at = found.count + 1, port.at
        hint = "bots are called back at /PLATFORM/BOT/callback: mindbot platform list"
        self._lines.tell(
            address, listen=f"{address[0]}:{address[1]}", path=shown, count=port.count, hint=hint
        )

    def reached(self, address: Address, path: str, by: str) -> None:
        """Note that a request found the bot with this path, ``by`` this one or another that ends like it."""
        self._reached[address, path] = self._clock()
        if by != path:
            self._by[address, path] = shown = shown_path(by)
            self._found.tell(address, path, path=shown, taken_for=path)

    def details(self, address: Address, path: str) -> Json:
        """Return by which other path the bot with this one is called, how many requests to its port were
        nobody's, and the last; empty where all is in order.
        """
        by = self._by.get((address, path))
        told: Json = {"called_at": by} if by else {}
        if (port := self._ports.get(address)) is not None:
            told |= {"stray_requests": port.count, "last_stray": port.at, "last_stray_path": port.last}
        return told

    def check(self, address: Address, path: str) -> list[Check]:
        """Tell whether requests for the bot with this path go elsewhere; nothing to tell is no check."""
        port = self._ports.get(address)
        if port is None:
            return []
        platform = path.split("/")[1]
        meant = {p: n for p, n in port.paths.items() if f"/{platform}/" in f"{p}/" or "callback" in p}
        where, found = max((meant or port.paths).items(), key=lambda each: each[1].at)
        age = ago(self._clock() - found.at)
        said = f"{found.count} requests, the last {age} ago, came to {where} instead of {path}"
        others = port.count - found.count
        said += f"; {others} to other paths" if others else ""
        failed = bool(meant) and found.at > self._reached.get((address, path), 0.0)
        mend = f"the URL at the platform, after the proxy's rules, must end with {path}"
        return [Check("callback path", "failed" if failed else "skipped", said, mend)]


def shown_path(path: str) -> str:
    """Return a path as its bytes were written, which is ASCII, and not all of a long one."""
    text = quote(redactor.redact(path), safe="/:@!$&'()*+,;=~")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
