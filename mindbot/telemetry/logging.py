"""Logging to stderr: structlog and the standard library's loggers through one formatter, one redactor.

Levels are the standard library's, so that each logger's can be changed while the daemon runs. Under systemd
(``$JOURNAL_STREAM`` is stderr; systemd.exec(5)) lines carry their priority as ``<N>`` and no time of their
own (sd-daemon(3)).
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor

from mindbot.domain.visible import json_line, visible, visible_lines
from mindbot.telemetry.redaction import Redactor, redactor

Format = Literal["auto", "json", "console"]

LEVELS: Mapping[str, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

#: Tell every request or query at level info; ours say what matters.
_CHATTY = (
    "aiosqlite",
    "httpx",
    "httpcore",
    "httpx2",
    "aiohttp.access",
    "chromadb",
    "alembic",
    "websockets",
    "urllib3",
)

#: syslog(3) priorities.
_PRIORITY = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))


def setup(
    level: str = "info",
    format: Format = "auto",
    *,
    levels: Mapping[str, str] | None = None,
    stream: TextIO | None = None,
    environ: Mapping[str, str] = os.environ,
    secrets: Redactor = redactor,
) -> None:
    """Send all logging to ``stream`` (stderr); may be called again. ``levels`` are those of single loggers.

    Also logs what nobody caught, in the main thread, in others and in finalizers, so that no secret in an
    exception's text reaches stderr unmasked.
    """
    out = stream or sys.stderr
    handler = _Handler(out)
    handler.setFormatter(formatter(format, out, environ, secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(LEVELS[level])
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name, own in (levels or {}).items():
        set_level(name, own)
    logging.captureWarnings(True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            *_COMMON,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: _uncaught(args.exc_type, args.exc_value, args.exc_traceback)
    sys.unraisablehook = lambda args: _uncaught(args.exc_type, args.exc_value, args.exc_traceback)


def set_level(name: str, level: str) -> None:
    """Change a logger's level at once; an empty name is the root, an empty level follows the parent again.

    Raises:
        ValueError: there is no such level.
    """
    if level and level not in LEVELS:
        raise ValueError(f"no log level {level!r}; one of {', '.join(LEVELS)}")
    logging.getLogger(name or None).setLevel(LEVELS[level] if level else logging.NOTSET)


def levels() -> dict[str, str]:
    """Return the loggers that have a level of their own; the root's name is empty."""
    names = {number: name for name, number in LEVELS.items()}
    known = {"": logging.getLogger(), **logging.Logger.manager.loggerDict}
    return {
        name: names.get(logger.level, "error")
        for name, logger in sorted(known.items())
        if isinstance(logger, logging.Logger) and logger.level != logging.NOTSET
    }


def formatter(
    format: Format = "json",
    stream: TextIO | None = None,
    environ: Mapping[str, str] = os.environ,
    secrets: Redactor = redactor,
) -> logging.Formatter:
    """Return the formatter that `setup` uses, for a handler of one's own."""
    journal = stream is not None and to_journal(stream, environ)
    terminal = stream is not None and stream.isatty()
    console = format == "console" or (format == "auto" and terminal)
    time_stamp = [] if journal else [structlog.processors.TimeStamper("iso", utc=not console)]

    def redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
        cleaned: EventDict = secrets.redact(event)
        return cleaned

    renderers: list[Processor] = (
        [_visible, structlog.dev.ConsoleRenderer(colors=terminal)]
        if console
        else [structlog.processors.JSONRenderer(lambda event, **_: json_line(event))]
    )
    processors: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        *time_stamp,
        structlog.processors.format_exc_info,
        redact,
        *renderers,
    ]
    return _Formatter(processors, journal, secrets)


def to_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether a stream goes to the systemd journal: ``$JOURNAL_STREAM`` is its device and inode."""
    device, _, inode = environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return (device, inode) == (str(found.st_dev), str(found.st_ino))


def _visible(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Let nothing that is logged drive the terminal; what is ours to colour is coloured afterwards."""
    return {
        visible(key): visible_lines(value) if key in _OF_LINES and isinstance(value, str) else _shown(value)
        for key, value in event.items()
    }


def _shown(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    return visible(value if isinstance(value, str) else repr(value))


#: Traces, which the renderer prints below the line.
_OF_LINES = frozenset({"exception", "stack"})

_COMMON: list[Processor] = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.StackInfoRenderer(),
]


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Masks once more in the finished line: objects are turned into text by the renderer only."""

    def __init__(self, processors: list[Processor], journal: bool, secrets: Redactor) -> None:
        super().__init__(foreign_pre_chain=_COMMON, processors=processors)
        self._journal = journal
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        line = self._secrets.registered(super().format(record))
        if self._journal:
            priority = next((p for level, p in _PRIORITY if record.levelno >= level), 7)
            line = "\n".join(f"<{priority}>{part}" for part in line.split("\n"))
        return line


class _Handler(logging.StreamHandler[TextIO]):
    """Writes lines; a record that cannot be written is counted out loud, never shown unmasked."""

    def handleError(self, record: logging.LogRecord) -> None:
        with suppress(OSError, ValueError):  # nobody reads stderr any more: there is no one to tell
            kind = sys.exc_info()[0]
            self.stream.write(
                f"a log record of {record.name} was lost: {kind.__name__ if kind else 'error'}\n"
            )


def _uncaught(
    kind: type[BaseException], error: BaseException | None, traceback: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("mindbot").critical("uncaught exception", exc_info=(kind, error or kind(), traceback))
