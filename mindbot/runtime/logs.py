"""The last log lines, for the API and the stream."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import get_ident

import orjson

from mindbot.bus import Bus
from mindbot.domain.events import Event
from mindbot.domain.shapes.daemon import LogLineJson
from mindbot.runtime.events import clip
from mindbot.telemetry.logging import formatter

KEPT = 2000  # lines


class LogTail(logging.Handler):
    """Keeps what is logged, masked like every log line, and publishes it while somebody looks."""

    def __init__(self, bus: Bus) -> None:
        super().__init__()
        self._bus = bus
        self._loop = asyncio.get_running_loop()
        self._thread = get_ident()
        self._lines: deque[tuple[float, str]] = deque(maxlen=KEPT)
        self.setFormatter(formatter("json"))

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Listen to the root logger for the length of the block."""
        root = logging.getLogger()
        root.addHandler(self)
        try:
            yield
        finally:
            root.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line; it may come from any thread."""
        try:
            line = record.created, self.format(record)
        except Exception:  # noqa: BLE001 - what cannot be formatted is logging's own way to complain
            self.handleError(record)
            return
        self._lines.append(line)
        if not self._bus.wants("log"):
            return
        if get_ident() == self._thread:
            self._publish(line)
        else:
            with suppress(RuntimeError):  # the loop is closed: nobody looks any more
                self._loop.call_soon_threadsafe(self._publish, line)

    def _publish(self, line: tuple[float, str]) -> None:
        found = line_json(*line)
        told = {name: found[name] for name in ("level", "component", "text", "fields")}
        self._bus.publish(Event("log.line", found["turn"], told, ts=found["ts"]))

    def lines(self) -> Iterator[LogLineJson]:
        """Yield what is kept, newest first."""
        for line in reversed(self._lines.copy()):
            yield line_json(*line)


def line_json(created: float, text: str) -> LogLineJson:
    """Return a line as a flat record: what filters of ``EVENT_FIELDS`` see."""
    fields = orjson.loads(text)
    return {
        "ts": created,
        "level": fields.pop("level", ""),
        "component": fields.pop("logger", ""),
        "text": clip(str(fields.pop("event", ""))),
        "turn": str(fields.get("turn", "")),
        "fields": {
            name: clip(value) if isinstance(value, str) else value
            for name, value in fields.items()
            if name != "timestamp"
        },
    }
