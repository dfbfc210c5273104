"""Turns a failure inside into a notice for the user and a reason for the operator."""

from __future__ import annotations

from mindbot.domain.errors import MindBotError, StoreError
from mindbot.domain.turn import Turn
from mindbot.pipeline.onion import Next
from mindbot.pipeline.services import Services


class Errors:
    """A failed turn is answered with the failure notice, if somebody asked, and kept with its reason."""

    def __init__(self, services: Services) -> None:
        self._notice = services.config.dispatcher.failure_notice
        self._warn = services.warn

    async def __call__(self, turn: Turn, call_next: Next) -> None:
        try:
            await call_next(turn)
        except StoreError:
            raise  # the dispatcher waits for the store and runs the turn again
        except Exception as error:  # noqa: BLE001 - a runner may raise anything; it is shown, not lost
            kind = error.kind if isinstance(error, MindBotError) else "internal"
            turn.state = "failed"
            turn.reason = f"{kind}: {error}"
            turn.reply.parts.clear()
            if turn.message.written:
                turn.reply.say(self._notice)
            self._warn("turn failed", turn=turn.id, kind=kind, error=str(error), exc_info=kind == "internal")
