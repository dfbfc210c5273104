"""Brings the conversation so far to the turn."""

from __future__ import annotations

from mindbot.domain.conversation import recent
from mindbot.domain.turn import Turn
from mindbot.pipeline.onion import Next
from mindbot.pipeline.services import Services


class LoadSession:
    """Puts the last exchanges into ``turn.history``; of a turn that is made again those that it had."""

    after = "media"

    def __init__(self, services: Services) -> None:
        self._history = services.history
        self._turns = services.config.session.history_turns
        self._chars = services.config.session.history_chars

    async def __call__(self, turn: Turn, call_next: Next) -> None:
        if (past := turn.replaying) is not None:
            turn.history = past.history if past.mode == "then" else recent(past.history, self._chars)
        elif self._turns:
            m = turn.message
            group = f"{m.platform}:{m.bot}:{m.chat}"  # what is pushed there, all its members hear
            if not m.context.startswith(f"{group}:"):
                group = ""
            lines = await self._history(m.context, turn.number, self._turns, group)
            turn.history = recent(lines, self._chars)
        await call_next(turn)
