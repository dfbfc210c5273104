"""The log: its last lines, its levels."""

from __future__ import annotations

from collections.abc import Mapping

from mindbot.domain.errors import Invalid
from mindbot.domain.shapes.daemon import LogLineJson
from mindbot.runtime.logs import LogTail


class LogResource:
    """Answers ``/v1/logs``."""

    def __init__(self, tail: LogTail) -> None:
        self._tail = tail

    def logs(self, *, limit: int = 200, filter: str = "") -> list[LogLineJson]:
        """Return the last log lines that match, oldest first; raises BadFilter."""
        from mindbot.filters.fields import EVENT_FIELDS
        from mindbot.filters.language import parse

        keep = parse(filter, EVENT_FIELDS).compile()
        found: list[LogLineJson] = []
        for line in self._tail.lines():
            if len(found) >= limit:
                break
            if keep(line):
                found.append(line)
        return found[::-1]

    def log_levels(self) -> dict[str, str]:
        """Return the loggers that have a level of their own; the root's name is empty."""
        from mindbot.telemetry.logging import levels

        return levels()

    def set_log_levels(self, levels: Mapping[str, str]) -> None:
        """Change levels at once, until the daemon ends; an empty one follows the parent again.

        Raises:
            Invalid: there is no such level; nothing was changed.
        """
        from mindbot.telemetry.logging import LEVELS, set_level

        for name, level in levels.items():
            if level not in LEVELS and (level or not name):
                raise Invalid(f"no log level {level!r}", hint=f"levels: {', '.join(LEVELS)}")
        for name, level in levels.items():
            set_level(name, level)
