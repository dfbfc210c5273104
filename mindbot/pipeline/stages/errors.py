"""Turns a failure inside into a notice for the user and a reason for the operator."""

from __future__ import annotations

from mindbot.domain.errors import BudgetSpent, ContentFiltered, EmptyAnswer, MindBotError, StoreError
from mindbot.domain.turn import Turn
from mindbot.pipeline.onion import Next
from mindbot.pipeline.services import Services
from mindbot.telemetry.redaction import told


class Errors:
    """A failed turn is answered with a notice, if somebody asked, and kept with its reason.

    Where to ask the same again would not help, the notice says so. Who has nothing left to spend is told
    that: a limit was reached, nothing failed.
    """

    after = "deliver"

    def __init__(self, services: Services) -> None:
        self._failure = services.config.dispatcher.failure_notice
        self._empty = services.config.dispatcher.empty_notice
        self._spent = services.config.budgets.notice
        self._warn = services.warn

    async def __call__(self, turn: Turn, call_next: Next) -> None:
        try:
            await call_next(turn)
        except StoreError:
            raise  # the dispatcher waits for the store and runs the turn again
        except BudgetSpent as error:
            turn.state, turn.reason = "dropped", told(f"{error.kind}: {error}")
            turn.reply.parts.clear()
            if turn.message.written:
                turn.reply.say(self._spent)
        except Exception as error:  # noqa: BLE001 - a runner may raise anything; it is shown, not lost
            kind = error.kind if isinstance(error, MindBotError) else "internal"
            turn.state = "failed"
            turn.reason = told(f"{kind}: {error}")
            turn.reply.parts.clear()
            if turn.message.written:
                empty = isinstance(error, EmptyAnswer | ContentFiltered)
                turn.reply.say(self._empty if empty else self._failure)
            self._warn("turn failed", turn=turn.id, kind=kind, error=str(error), exc_info=kind == "internal")
