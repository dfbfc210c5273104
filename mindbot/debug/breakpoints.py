"""Breakpoints: where turns stop, and which of them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, get_args

from mindbot.config.keys import guess
from mindbot.debug.scopes import SCOPES as _ROOTS
from mindbot.debug.scopes import places
from mindbot.domain.errors import Conflict, Invalid, MindBotError, NotFound
from mindbot.domain.records import record_at
from mindbot.domain.shapes.debug import BreakpointJson, StopsAt
from mindbot.domain.span import Span
from mindbot.domain.turn import STAGE, Turn
from mindbot.filters.fields import TURN_FIELDS
from mindbot.filters.language import parse

MOST = 200  # breakpoints
LONGEST_LEASE = 86_400.0  # seconds
CLI = "cli"  # whose those are that no console set
_WHERE = get_args(StopsAt)
_PATH = re.compile(r"[a-z]+(\.[^.{}\s]+)*")
_LIST = "see: mindbot debug list"


@dataclass(slots=True)
class Breakpoint:
    """Where turns stop.

    ``stage`` names a stage; with ``step`` (a span's kind: model, tool, node, workflow, …) or ``name`` it is a
    step inside that stage, or inside of any. ``on`` is before or after it, at its ``error`` (of one of the
    kinds ``errors``; none means any) or wherever what ``path`` names has ``change``d. ``filter`` is a
    condition on the turn. It stops from the ``hits``-th match on. With ``log`` it never stops: it tells those
    words, in which ``{path}`` stands for a value. ``lease`` is seconds, 0 for the setting's. A ``sticky`` one
    is nobody's and outlives the daemon.
    """

    id: str = ""
    stage: str = ""
    step: str = ""
    name: str = ""
    on: str = "before"
    filter: str = ""
    path: str = ""
    errors: tuple[str, ...] = ()
    hits: int = 1
    log: str = ""
    lease: float = 0.0
    sticky: bool = False
    enabled: bool = True
    owner: str = ""
    matched: int = 0
    stopped: int = 0
    created: float = 0.0
    keeps: Callable[[object], bool] | None = field(default=None, repr=False, compare=False)

    def check(self) -> None:
        """Make it ready to be met.

        Raises:
            BadFilter: its filter does not parse.
            Invalid: it would stop nowhere, or everywhere.
        """
        if self.on not in _WHERE:
            raise Invalid(f"on: {self.on!r} is no place to stop at", hint=f"one of: {', '.join(_WHERE)}")
        if self.on in ("before", "after") and not (self.stage or self.step or self.name):
            raise Invalid(
                "a breakpoint names a stage or a kind of steps", hint="e.g. stage: run, step: model"
            )
        if self.on == "change" and not _PATH.fullmatch(self.path):
            raise Invalid(
                "path: says whose change stops a turn", hint="e.g. variables.intent, route.workflow"
            )
        for path in [self.path, *places(self.log)] if self.path else places(self.log):
            _one_of(path.partition(".")[0], _ROOTS, "scope")
        for kind in self.errors:
            _one_of(kind, _error_kinds(), "error kind")
        if self.hits < 1:
            raise Invalid("hits: counts from 1")
        if not 0 <= self.lease <= LONGEST_LEASE:
            raise Invalid(f"lease: 0 to {LONGEST_LEASE:g} seconds")
        text = self.filter.strip()
        self.keeps = parse(text, TURN_FIELDS).compile() if text else None

    def stands_at(self, span: Span, on: str, stage: str) -> bool:
        """Tell whether it is meant for this place; ``stage`` is the innermost one around it."""
        if self.on != "change" and self.on != on:
            return False
        if self.stage and self.stage != stage:
            return False
        if self.step or self.name:
            return self.step in ("", span.kind) and self.name in ("", span.name) and span.kind != STAGE
        return not self.stage or self.on == "error" or span.kind == STAGE

    def wants(self, turn: Turn) -> bool:
        """Tell whether its filter lets a turn through, as it is now."""
        return self.keeps is None or self.keeps(record_at(turn))

    def to_json(self) -> BreakpointJson:
        """Return it as data."""
        return {
            "id": self.id,
            "stage": self.stage,
            "step": self.step,
            "name": self.name,
            "on": self.on,
            "filter": self.filter,
            "path": self.path,
            "errors": list(self.errors),
            "hits": self.hits,
            "log": self.log,
            "lease": self.lease,
            "sticky": self.sticky,
            "enabled": self.enabled,
            "owner": self.owner,
            "matched": self.matched,
            "stopped": self.stopped,
            "created": self.created,
        }

    def fits(self, stages: Sequence[str]) -> None:
        """Raise Invalid where its stage is none of these: it would never stop a turn."""
        if self.stage:
            _one_of(self.stage, stages, "stage")


#: What whoever sets one may say.
_SAID = frozenset(f.name for f in fields(Breakpoint)) - {
    *("id", "owner", "matched", "stopped", "created", "keeps"),
}


class Breakpoints:
    """All that are set, in their order. ``changed`` is called after each change of which there are."""

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self._all: dict[str, Breakpoint] = {}
        self._made = 0
        self.changed = changed

    def __iter__(self) -> Iterator[Breakpoint]:
        return iter(self._all.values())

    @property
    def any(self) -> bool:
        """Whether one could be met."""
        return any(each.enabled for each in self._all.values())

    def add(self, said: Mapping[str, Any], owner: str, stages: Sequence[str]) -> Breakpoint:
        """Set one; ``stages`` are those that there are. Raises Invalid, BadFilter; Conflict where there are
        too many."""
        if len(self._all) >= MOST:
            raise Conflict(f"{MOST} breakpoints are set already", hint="clear some: mindbot debug clear ID")
        made = _of(said)
        made.check()
        made.fits(stages)
        self._made += 1
        made.id, made.created = f"b{self._made}", time.time()
        made.owner = "" if made.sticky else owner
        self._all[made.id] = made
        self.changed()
        return made

    def put_back(self, id: str, kept: Mapping[str, Any]) -> None:
        """Set one again that an earlier process kept; raises Invalid, BadFilter."""
        made = _of(kept)
        made.check()
        made.id, made.created, made.sticky = id, float(kept.get("created") or time.time()), True
        self._made = max(self._made, int(id[1:]))
        self._all[id] = made
        self.changed()

    def get(self, id: str) -> Breakpoint:
        """Return one; raises NotFound."""
        if (found := self._all.get(id)) is None:
            known = ", ".join(self._all) or "none is set"
            raise NotFound(f"no breakpoint {id!r}", hint=f"{known}; {_LIST}")
        return found

    def change(self, id: str, said: Mapping[str, Any], owner: str, stages: Sequence[str]) -> Breakpoint:
        """Change some of what was said of one; its counts begin anew. Raises NotFound, Invalid, BadFilter."""
        before = self.get(id)
        made = replace(before, **_known(said), matched=0, stopped=0)
        made.check()
        made.fits(stages)
        if made.sticky != before.sticky:
            made.owner = "" if made.sticky else owner
        self._all[id] = made
        self.changed()
        return made

    def remove(self, ids: Sequence[str]) -> None:
        """Clear some."""
        for id in ids:
            self._all.pop(id, None)
        self.changed()


def _known(said: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in said.items() if name in _SAID and value is not None}
    if "errors" in found:
        found["errors"] = tuple(found["errors"])
    return found


def _of(said: Mapping[str, Any]) -> Breakpoint:
    return Breakpoint(**_known(said))


def _one_of(said: str, known: Sequence[str], what: str) -> None:
    """Raise Invalid where a name is not known, with the one that was probably meant."""
    if said not in known:
        meant = guess(said, known)
        raise Invalid(
            f"no {what} {said!r}{f'; did you mean {meant}?' if meant else ''}",
            hint=f"there are: {', '.join(known)}",
        )


def _error_kinds() -> list[str]:
    """Return the kinds of failures there are, those of plugins too, and that of mistakes."""
    found, left = {"internal"}, [MindBotError]
    while left:
        each = left.pop()
        found.add(each.kind)
        left += each.__subclasses__()
    return sorted(found)
