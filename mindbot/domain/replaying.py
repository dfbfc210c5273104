"""A turn that is made again: which of its steps take their recorded results, and which run again.

"From X" is a run from the top with the memo up to X. What no replay may do by itself says so by its name:

- a step whose key begins with `DECISION` is what a person decided. It is asked for again, unless the replay
  was told to take what was decided then.
- a step whose key begins with `EFFECT` changes something outside (it books, pays, sends). In a dry replay it
  is never done: its recorded result stands, and without one it is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

from mindbot.domain.chat import ChatMessage
from mindbot.domain.shapes.replays import ReplayMode, ReplayPlan
from mindbot.domain.shapes.turns import Json

DECISION = "decision:"
EFFECT = "effect:"


class Replaying:
    """How far a replay has come by its plan. ``dry``: nothing of it leaves the house.

    ``on_reached`` is called once, where the part begins that runs again.
    """

    def __init__(self, plan: ReplayPlan, *, dry: bool, on_reached: Callable[[], None]) -> None:
        self.memo: Json = deepcopy(plan["memo"])
        self.mode: ReplayMode = plan["mode"]
        self.recorded = plan["recorded"]
        self.history = [ChatMessage.from_json(line) for line in plan["history"]]
        before = plan["instructions"]
        self.instructions = None if before is None else [ChatMessage.from_json(line) for line in before]
        self.dry = dry
        self._reuses = plan["reuse_approvals"]
        self._from = plan["from_stage"]
        self._on_reached = on_reached
        self.reached = False
        #: The stages, by the ids of their spans, in which something ran again.
        self.ran: set[int] = set()
        # Steps that were done after the one to begin with: later ones, and those that it stands inside of.
        done = list(self.memo)
        self._later = set(done[done.index(self._from) :]) if self._from in self.memo else set[str]()
        if not self._from and not self.recorded:
            self._reach()

    def enters(self, stage: str) -> None:
        """Learn that a stage begins."""
        if stage == self._from and not self.recorded:
            self._reach()

    def _reach(self) -> None:
        if not self.reached:
            self.reached = True
            self._on_reached()

    def seed(self) -> Json:
        """Return the results that stand from the beginning: all, where nothing runs again."""
        if not self.recorded:
            return {}
        return {key: deepcopy(value) for key, value in self.memo.items() if self._may(key)}

    def _may(self, key: str) -> bool:
        return self._reuses or not key.startswith(DECISION)

    def takes(self, key: str) -> bool:
        """Tell whether a step that is about to be done takes its recorded result instead."""
        if key == self._from and not self.recorded:
            self._reach()
        if key not in self.memo or not self._may(key):
            return False
        if key.startswith(DECISION) or (self.dry and key.startswith(EFFECT)):
            return True
        return not self.reached and key not in self._later

    def refuses(self, key: str) -> str:
        """Return why a step that has no recorded result is not done here; empty where it is."""
        if self.recorded:
            return f"nothing is recorded of the step {key!r}"
        if self.dry and key.startswith(EFFECT):
            return f"the step {key!r} changes something outside, and this replay is a dry run"
        return ""
