"""Turns that are stopped and looked at."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from mindbot.domain.operators import Operator
from mindbot.domain.shapes.debug import (
    Action,
    BreakpointJson,
    ClearedBreakpointsJson,
    FreedJson,
    ParkedJson,
    ScopesJson,
)


class Debugger(Protocol):
    """Breakpoints, and the turns that they stop."""

    def list_breakpoints(self) -> list[BreakpointJson]:
        """All that are set, the oldest first."""

    async def set_breakpoint(self, said: Mapping[str, Any], *, by: Operator) -> BreakpointJson:
        """Set one; raises Invalid, BadFilter, Conflict, StoreError."""

    async def change_breakpoint(self, id: str, said: Mapping[str, Any], *, by: Operator) -> BreakpointJson:
        """Change one; raises NotFound, Invalid, BadFilter, StoreError."""

    async def clear_breakpoints(
        self, id: str | None, *, everyone: bool, by: Operator
    ) -> ClearedBreakpointsJson:
        """Clear one, the asker's, or everyone's; raises NotFound, StoreError."""

    def list_parked(self) -> list[ParkedJson]:
        """The turns that are held, the longest held first."""

    def resume_all(self, *, by: Operator) -> FreedJson:
        """Let them all go on."""

    async def scopes(self, turn: str) -> ScopesJson:
        """What a turn under way is at this moment; raises NotFound, Conflict."""

    async def edit(
        self, turn: str, path: str, value: Any, *, revision: int | None, by: Operator
    ) -> ScopesJson:
        """Put a value at a path; raises NotFound, Conflict, Outdated, WrongValue."""

    async def act(
        self,
        turn: str,
        action: Action,
        *,
        stage: str = "",
        text: str = "",
        revision: int | None = None,
        by: Operator,
    ) -> ParkedJson:
        """Do something with a parked turn; returns how it was parked. Raises NotFound, Conflict, Outdated,
        Invalid."""

    def attached(self, console: str) -> AbstractContextManager[None]:
        """Around a console's stream: what is its own goes a while after the last one has ended."""
