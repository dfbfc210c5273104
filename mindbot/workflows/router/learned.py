"""Corrections: what operators and users say of decisions. Each is reviewed, counts at once, can be undone."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Literal, cast

from mindbot.domain import fields, ids
from mindbot.domain.errors import Conflict, NotFound
from mindbot.domain.host import Keep
from mindbot.domain.message import Json
from mindbot.domain.shapes.workflows import LearnedJson
from mindbot.domain.turn import Clock
from mindbot.workflows.router.texts import LONGEST, same

Verdict = Literal["accept", "reject", "revert"]
LearnedState = Literal["pending", "accepted", "rejected", "reverted"]

_KEY = "learned:"
_MOST = 10_000  # that are kept, and read at a start
_NOTE = 2_000  # characters of a note that are kept
_WAITING = 500  # of users', beyond which no more are taken until some are reviewed
#: What a verdict makes of a correction, and of which ones.
_VERDICTS: dict[Verdict, tuple[LearnedState, tuple[LearnedState, ...]]] = {
    "accept": ("accepted", ("pending", "rejected", "reverted")),
    "reject": ("rejected", ("pending",)),
    "revert": ("reverted", ("accepted",)),
}


@dataclass(frozen=True, slots=True)
class Correction:
    """A text belongs to ``workflow`` (None: to none of them), and not where it ``was`` sent.

    ``origin`` is operator or feedback (a user's), ``by`` which operator, ``turn`` the turn it came from,
    ``ts`` Unix seconds; ``reviewed_by`` gave the last verdict on it.
    """

    id: str
    text: str
    workflow: str | None
    was: str | None = None
    state: LearnedState = "pending"
    origin: str = "operator"
    by: str = ""
    turn: str = ""
    ts: float = 0.0
    note: str = ""
    reviewed_by: str = ""

    def to_json(self) -> LearnedJson:
        return {
            "id": self.id,
            "text": self.text,
            "workflow": self.workflow,
            "was": self.was,
            "state": self.state,
            "origin": self.origin,
            "by": self.by,
            "turn": self.turn,
            "ts": self.ts,
            "note": self.note,
            "reviewed_by": self.reviewed_by,
        }

    @classmethod
    def from_json(cls, row: Json) -> Correction:
        """Read `to_json` back; what is of another type is not there."""
        state = fields.text(row.get("state"))
        return cls(
            fields.text(row.get("id")),
            fields.text(row.get("text")),
            fields.text(row.get("workflow")) or None,
            fields.text(row.get("was")) or None,
            cast("LearnedState", state if state in ("accepted", "rejected", "reverted") else "pending"),
            fields.text(row.get("origin"), "operator"),
            fields.text(row.get("by")),
            fields.text(row.get("turn")),
            fields.moment(row.get("ts")),
            fields.text(row.get("note")),
            fields.text(row.get("reviewed_by")),
        )


class LearnedStore:
    """See the module. ``version`` goes up when other corrections count than before."""

    def __init__(self, keep: Keep, clock: Clock = time.time) -> None:
        self.version = 0
        self._keep = keep
        self._clock = clock
        self._all: dict[str, Correction] = {}

    async def load(self) -> None:
        """Read what is on disk; raises StoreError."""
        rows = await self._keep.items(_KEY, limit=_MOST)
        read = [Correction.from_json(row) for row in rows.values()]
        self._all = {each.id: each for each in read if each.id and each.text}
        self.version += 1

    @property
    def accepted(self) -> list[Correction]:
        """Those that count, the oldest first."""
        return [each for each in self._all.values() if each.state == "accepted"]

    def count(self, state: LearnedState) -> int:
        """Return how many are so."""
        return sum(each.state == state for each in self._all.values())

    def listed(self, state: str = "", limit: int = 200) -> list[Correction]:
        """Return corrections, the newest first; ``state``: only those."""
        found = [each for each in reversed(self._all.values()) if not state or each.state == state]
        return found[:limit]

    async def teach(
        self,
        text: str,
        workflow: str | None,
        *,
        was: str | None = None,
        by: str = "",
        turn: str = "",
        note: str = "",
    ) -> Correction:
        """Take an operator's word, which counts at once.

        What was said of the same text before counts no longer.

        Raises:
            Conflict: so many are kept that there is no room.
            StoreError: it cannot be written.
        """
        if len(self._all) >= _MOST:
            hint = "put what they say into examples: of the workflows"
            raise Conflict(f"{_MOST:,} corrections are kept, there is no room for more", hint=hint)
        said = text.strip()[:LONGEST]
        await self._unsay(said, by)
        made = self._made(said, workflow, "accepted", "operator", was, turn, note)
        return await self._put(replace(made, by=by))

    async def suggest(
        self, text: str, workflow: str | None, *, was: str | None, turn: str, note: str = ""
    ) -> Correction | None:
        """Keep a user's discontent until somebody reviews it; None where there is nothing to keep: it was
        said already, or too many wait. Raises StoreError."""
        said = text.strip()[:LONGEST]
        known = any(each.turn == turn and each.state != "rejected" for each in self._all.values())
        full = self.count("pending") >= _WAITING or len(self._all) >= _MOST
        if not said or known or full:
            return None
        return await self._put(self._made(said, workflow, "pending", "feedback", was, turn, note))

    async def withdraw(self, turn: str) -> None:
        """A user takes back what they thought of a turn; raises StoreError."""
        for each in list(self._all.values()):
            if each.turn == turn and each.state == "pending" and each.origin == "feedback":
                await self._put(replace(each, state="rejected", note="withdrawn by the user"))

    async def review(self, id: str, verdict: Verdict, *, by: str = "") -> Correction:
        """Let a correction count, or not, or no longer. Of several on the same text the last that is accepted
        counts.

        Raises:
            NotFound: there is none of this id.
            Conflict: it is in a state that the verdict is not for.
            StoreError: it cannot be written.
        """
        if (found := self._all.get(id)) is None:
            raise NotFound(f"no correction {id!r}", hint="see: mindbot route learn --list")
        state, before = _VERDICTS[verdict]
        if found.state not in before:
            what = f"the correction {id} is {found.state}"
            raise Conflict(what, hint=f"{verdict} is for those that are {' or '.join(before)}")
        if state == "accepted":
            await self._unsay(found.text, by)
        return await self._put(replace(found, state=state, reviewed_by=by))

    async def _unsay(self, text: str, by: str) -> None:
        """Let what was said of a text count no longer, by whom it may be."""
        said = same(text)
        for other in self.accepted:
            if same(other.text) == said:
                await self._put(replace(other, state="reverted", reviewed_by=by))

    def _made(
        self,
        text: str,
        workflow: str | None,
        state: LearnedState,
        origin: str,
        was: str | None,
        turn: str,
        note: str,
    ) -> Correction:
        id = ids.show(ids.new_id())
        return Correction(
            id, text, workflow, was, state, origin, turn=turn, ts=self._clock(), note=note[:_NOTE]
        )

    async def _put(self, correction: Correction) -> Correction:
        await self._keep.put(f"{_KEY}{correction.id}", correction.to_json())
        before = self._all.get(correction.id)
        self._all[correction.id] = correction
        if "accepted" in (correction.state, before.state if before else ""):
            self.version += 1
        return correction
