"""What runs a workflow: an app of Dify's or Coze's behind one port."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from mindbot.domain.abilities import Check
from mindbot.domain.chat import Attachment, Chunks
from mindbot.domain.turn import Turn


@dataclass(frozen=True, slots=True)
class AppCall:
    """What an app is asked. ``key`` tells this run from others of the same turn (of a replica, a shadow, the
    next of a chain): steps are remembered under it. ``user`` is one person's id, always the same one.

    ``deadline`` is a time of ``anyio.current_time()``. ``conversation`` is whose lines these are; empty: the
    app is asked without what was said before (a shadow run, a run by hand).
    """

    text: str
    key: str
    user: str
    conversation: str = ""
    files: tuple[Attachment, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    deadline: float = 0.0


class App(Protocol):
    """One app with its key. ``name`` is the workflow's, ``replica`` the replica's (empty: the only one)."""

    name: str
    replica: str

    def run(self, turn: Turn, call: AppCall) -> Chunks:
        """Yield the answer, streamed; nodes and tools become steps of the turn.

        A run whose id is known is never started again: what broke off, also with the process, is taken up by
        its ids. Leaving it early stops the run at the vendor.

        Raises:
            VendorError: by what went wrong; `WorkflowPaused` where a person has to fill in a form first.
            TimedOut: the deadline has passed.
        """

    async def check(self) -> list[Check]:
        """Prove step by step that the app can be asked, without a run."""

    async def rate(self, ids: Mapping[str, str], *, liked: bool, note: str = "") -> None:
        """Tell the vendor what a user thinks of an answer; raises VendorError."""

    async def aclose(self) -> None:
        """End what it keeps open."""
