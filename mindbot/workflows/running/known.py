"""Runs that an earlier process started for a turn, and who goes on with them by the configuration of today.

A run belongs to an app, not to a name: a workflow may be called otherwise since, be gone, or have another
key. What is remembered of a run stays where it is; who goes on with it is asked with the key of then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from mindbot.domain.turn import RETRIED, Turn
from mindbot.workflows.manager import Workflows
from mindbot.workflows.members import Member
from mindbot.workflows.remembered import PLACE

_KEY = re.compile(r"(?P<role>run|together|then:\d+)\+*:(?P<member>.+)", re.DOTALL)
#: Parts of a run in an answer that may be each other's: the route may be another one since.
_ANSWER = frozenset({"run", "together"})


@dataclass(frozen=True, slots=True)
class KnownRun:
    """One that is not known to be over. ``key`` is `AppCall.key`, ``role`` its part before the name of the
    app, ``member`` that name, ``at`` when it was asked for; ``heir`` goes on with it, None: nobody."""

    key: str
    role: str
    member: str
    at: float
    run: str
    heir: Member | None = None

    @property
    def workflow(self) -> str:
        """What the workflow was called."""
        return self.member.partition("/")[0]

    @property
    def why_left(self) -> str:
        """What to tell of one that nobody goes on with."""
        told = f" {self.run}" if self.run else ""
        return f"the run{told} that was begun for this message is left: no workflow that is on has its app"


class KnownRuns:
    """See the module. ``left`` are those that nobody can go on with."""

    def __init__(self, runs: Iterable[KnownRun] = ()) -> None:
        found = sorted(runs, key=lambda run: run.at, reverse=True)
        self._runs = [run for run in found if run.heir is not None]
        self.left = [run for run in found if run.heir is None]

    @classmethod
    async def of(cls, turn: Turn, workflows: Workflows) -> Self:
        """Return those of a turn; raises StoreError. A turn that runs for the first time has none."""
        if turn.attempt <= 1 or turn.number <= 0 or RETRIED in turn.memo:
            return cls()
        prefix = f"{PLACE}{turn.number}:"
        kept = await workflows.standing.keep.items(prefix)
        rows = {key.removeprefix(prefix): row for key, row in kept.items()}
        rows = {key: row for key, row in rows.items() if f"{key}:{row['number']}:over" not in turn.memo}
        if not rows:
            return cls()
        apps = [
            (member, await workflows.identity(member))
            for each in workflows.members.values()
            for member in each
        ]
        return cls(run for key, row in rows.items() if (run := _read(key, row, apps, workflows)))

    @property
    def answering(self) -> list[str]:
        """The workflows that go on with an answer, who began last first."""
        return [run.heir.workflow for run in self._runs if run.heir and run.role in _ANSWER]

    @property
    def renamed(self) -> Mapping[str, str]:
        """What workflows are called now, by what they were called."""
        return {run.workflow: run.heir.workflow for run in self._runs if run.heir}

    def goes_on(self, role: str, member: Member) -> bool:
        """Tell whether an app has a run to go on with."""
        return self._run(role, member) is not None

    def key(self, role: str, member: Member) -> str:
        """Return the key with which an app is asked: that of its run, or one that is nobody else's."""
        if (run := self._run(role, member)) is not None:
            return run.key
        taken, mark = {run.key for run in (*self._runs, *self.left)}, ""
        while (key := f"{role}{mark}:{member}") in taken:
            mark += "+"
        return key

    def _run(self, role: str, member: Member) -> KnownRun | None:
        theirs = [run for run in self._runs if run.heir is member]
        same = [run for run in theirs if run.role == role]
        return next(iter(same or (run for run in theirs if {run.role, role} == _ANSWER)), None)


def _read(
    key: str, row: Mapping[str, Any], apps: list[tuple[Member, str]], workflows: Workflows
) -> KnownRun | None:
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    start, name = row["start"], match["member"]
    heir = _heir(name, str(start.get("app", "")), apps, workflows)
    run = str(row["ids"].get("workflow_run_id") or row["ids"].get("message_id") or "")
    return KnownRun(key, match["role"], name, float(start.get("at", 0.0)), run, heir)


def _heir(name: str, app: str, apps: list[tuple[Member, str]], workflows: Workflows) -> Member | None:
    """Return who goes on: the app itself, as it was called best of all; where none is the same, the one of
    that name: its key may have been replaced."""
    able = [(member, own) for member, own in apps if member.enabled and workflows.usable(member.workflow)]
    named = next((member for member, _ in able if str(member) == name), None)
    same = [member for member, own in able if app and own == app]
    if named in same:
        return named
    if same:
        return same[0]
    elsewhere = any(own == app for _, own in apps) if app else False
    return None if elsewhere else named
