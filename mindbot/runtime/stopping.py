"""A user ends the answer that is being made: seen as the word comes in, for its turn waits behind."""

from __future__ import annotations

from collections.abc import Callable

from mindbot.config.model import Config
from mindbot.domain.turn import Turn
from mindbot.pipeline.stop import STOPPED, asks_to_stop
from mindbot.runtime.dispatcher import Dispatcher


class Stopping:
    """Knows which turns ask to stop, and which are to end for it: those of the same sender before it."""

    def __init__(self, config: Callable[[], Config], dispatcher: Dispatcher) -> None:
        self._config = config
        self._dispatcher = dispatcher

    def asks(self, turn: Turn) -> bool:
        """Tell whether this is a turn that ends others."""
        return asks_to_stop(turn.message, self._config().dispatcher.stop_words)

    def heard(self, turn: Turn, stop: Callable[[str], bool]) -> None:
        """Take a turn that has just come in; ``stop`` ends an answer by its turn's id, if one is being made.

        A turn that has not begun its answer yet ends as soon as it does: see `waits_behind`.
        """
        running = self._dispatcher.first(turn.session)
        if running is not None and self.asks(turn) and _same(running, turn) and stop(running.id):
            turn.vars[STOPPED] = running.id

    def waits_behind(self, turn: Turn) -> bool:
        """Tell whether a turn that begins its answer is to end at once, for one behind it asks for that."""
        if self.asks(turn):
            return False
        found = [each for each in self._dispatcher.behind(turn) if self.asks(each) and _same(turn, each)]
        for each in found:
            each.vars[STOPPED] = turn.id
        return bool(found)


def _same(one: Turn, other: Turn) -> bool:
    return one.number != other.number and one.message.sender == other.message.sender
