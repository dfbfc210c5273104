"""Whom a turn's route wants asked: read once, from data that may be on disk since an earlier version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mindbot.domain.turn import Turn
from mindbot.workflows.manager import Workflows, unique
from mindbot.workflows.running.known import KnownRuns


@dataclass(frozen=True, slots=True)
class Plan:
    """``asked`` is who is meant, ``line`` who is asked in order; ``together`` are asked at once before the
    line. ``then`` work on the answer, ``shadow`` are asked aside."""

    asked: str
    line: tuple[str, ...]
    together: tuple[str, ...] = ()
    combine: str = "join"
    then: tuple[str, ...] = ()
    shadow: tuple[str, ...] = ()

    @classmethod
    def of(cls, turn: Turn, workflows: Workflows) -> Plan:
        """Return the plan of a turn. A route that names nobody means the workflow that comes first."""
        route: Mapping[str, Any] = turn.route
        asked = str(route.get("workflow") or "") or workflows.first()
        together = _names(route, "together")
        settings = workflows.settings.get(asked)
        after = _names(route, "chain") or (settings.fallback if settings is not None else ())
        line = unique([asked, *after, workflows.default(), str(route.get("on_error") or "")])
        return cls(
            asked,
            tuple(name for name in line if name not in together or len(together) < 2),
            together,
            str(route.get("combine") or "join"),
            _names(route, "then"),
            _names(route, "shadow"),
        )

    def going_on(self, known: KnownRuns, workflows: Workflows) -> Plan:
        """Return the plan in which who has begun an answer already is asked before all others."""
        renamed = {old: new for old, new in known.renamed.items() if old not in workflows.settings}
        together = tuple(unique(renamed.get(name, name) for name in self.together))
        then = tuple(renamed.get(name, name) for name in self.then)
        begun = [name for name in known.answering if name not in together]
        if not begun:
            return replace(self, together=together, then=then)
        asked = self.asked if begun[0] in self.line else begun[0]
        return replace(self, asked=asked, line=tuple(unique([*begun, *self.line])), together=(), then=then)


def _names(route: Mapping[str, Any], key: str) -> tuple[str, ...]:
    return tuple(str(name) for name in route.get(key) or ())
