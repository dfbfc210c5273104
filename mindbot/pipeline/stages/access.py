"""Who may talk to the bots: allow and deny lists; and whether the bot may talk, or a person does."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from mindbot.domain.turn import Turn
from mindbot.pipeline.onion import Next
from mindbot.pipeline.services import Services


class Access:
    """Drops turns of denied senders (deny wins, an empty allow list allows all), and attended ones."""

    after = "errors"

    def __init__(self, services: Services) -> None:
        self._allow = services.config.access.allow
        self._deny = services.config.access.deny
        self._silence = services.silence

    async def __call__(self, turn: Turn, call_next: Next) -> None:
        if (self._allow or self._deny) and turn.message.kind != "push":
            names = (turn.message.sender, turn.message.context)
            if (pattern := _match(self._deny, names)) is not None:
                turn.state, turn.reason = "dropped", f"access: denied by {pattern!r}"
                return
            if self._allow and _match(self._allow, names) is None:
                turn.state, turn.reason = "dropped", "access: not on the allow list"
                return
        if (silence := await self._silence(turn)) is not None:
            turn.state, turn.reason = "dropped", f"access: {silence.reason}"
            turn.reply.parts.extend(silence.say)
            if silence.heard:
                turn.vars["heard"] = silence.heard
            return
        await call_next(turn)


def _match(patterns: Sequence[str], names: Sequence[str]) -> str | None:
    return next((p for p in patterns for name in names if fnmatchcase(name, p)), None)
