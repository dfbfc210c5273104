"""The runner `stop`: what a user says alone to end the answer that is being made, and what is said to that.

The answer itself ends where the message comes in (`mindbot.runtime.stopping`): turns of a session follow each
other, and this one comes to its own turn when the other has ended.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Protocol, runtime_checkable

from mindbot.domain.chat import Chunk, Chunks
from mindbot.domain.message import Message
from mindbot.domain.turn import Turn
from mindbot.pipeline.services import Services

#: The variable of a turn that ended another's answer: that one's id.
STOPPED = "stopped"
_LONGEST = 40  # characters of such a message
_ENDINGS = "。.!！~～"


@runtime_checkable
class Forgets(Protocol):
    """Holds what waits for a user, who may not want it any more."""

    async def forget(self, session: str, sender: str) -> int:
        """Forget what waits for a sender in a session; return how much it was. Raises StoreError."""


def asks_to_stop(message: Message, words: tuple[str, ...]) -> bool:
    """Tell whether a message is one of these words and nothing else, in any case and width."""
    if message.kind != "text" or any(part.kind != "text" for part in message.parts):
        return False
    said = message.said
    return len(said) <= _LONGEST and _folded(said) in _all_folded(words)


@lru_cache(maxsize=8)
def _all_folded(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(_folded, words))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip().rstrip(_ENDINGS).strip()


class StopRunner:
    """See the module. Where no answer was ended, what waits for the user (a form) is forgotten instead."""

    def __init__(self, services: Services) -> None:
        settings = services.config.dispatcher
        self._words = settings.stop_words
        self._done, self._nothing = settings.stop_notice, settings.idle_notice
        found = services.parts.get(Forgets)
        self._forgets = found if isinstance(found, Forgets) else None

    def takes(self, turn: Turn) -> str:
        """Return why, for a message that asks to stop."""
        return "the user asks to stop" if asks_to_stop(turn.message, self._words) else ""

    async def run(self, turn: Turn) -> Chunks:
        """Say what was stopped; no model reads of it later. Raises StoreError."""
        done = STOPPED in turn.vars
        if not done and self._forgets is not None:
            done = await self._forgets.forget(turn.session, turn.message.sender) > 0
        turn.state, turn.reason = "dropped", f"asked to stop {turn.vars.get(STOPPED) or 'what waited'}"
        if not done:
            turn.reason = "asked to stop, and nothing was being answered"
        yield Chunk(self._done if done else self._nothing, finish="stop")
