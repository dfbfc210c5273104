"""What was done last and can be taken back."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

MOST = 20  # acts kept


@dataclass(frozen=True, slots=True)
class Act:
    """Something done: what it was, in the reader's words, and how to take it back.

    ``undo`` returns whether all of it was; what was not, it has told. It raises MindBotError.
    """

    what: str
    undo: Callable[[], Awaitable[bool]]


class Acts(deque[Act]):
    """The last ones; the newest is taken back first."""

    def __init__(self) -> None:
        super().__init__(maxlen=MOST)

    def did(self, what: str, undo: Callable[[], Awaitable[bool]]) -> None:
        """Keep something that can be taken back."""
        self.append(Act(what, undo))
