"""Dead letters: list, try again, put away."""

from __future__ import annotations

from collections.abc import Callable

from mindbot.domain import ids
from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import Conflict, NotFound
from mindbot.domain.ports.store import Store
from mindbot.domain.shapes.turns import DeadLetterJson
from mindbot.runtime.dispatcher import Dispatcher
from mindbot.runtime.outbox import Outbox
from mindbot.runtime.resources.questions import Questions
from mindbot.telemetry.redaction import redactor


class DeadLetterResource:
    """Answers ``/v1/dead-letters``. ``settled`` is told when something is decided."""

    def __init__(
        self,
        store: Store,
        dispatcher: Dispatcher,
        outbox: Outbox,
        questions: Questions,
        settled: Callable[[], None],
    ) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._outbox = outbox
        self._questions = questions
        self._settled = settled

    async def list_dead_letters(self, limit: int = 100) -> list[DeadLetterJson]:
        """Return what was given up on, newest first."""
        found: list[DeadLetterJson] = redactor.known(await (await self._questions.queries()).list_dead(limit))
        return found

    async def retry_dead_letter(self, letter: str) -> None:
        """Send a dead delivery again, or run a dead turn again; raises NotFound, Conflict."""
        if "-" not in letter:
            await self.retry_turn(letter)
            return
        dead = await self._dead(letter)
        delivery = await self._store.outbox.revive(dead.turn, dead.n)
        if delivery is None:
            raise Conflict(f"{letter} is not dead any more")
        self._settled()
        self._outbox.submit([delivery])

    async def discard_dead_letter(self, letter: str) -> None:
        """Put a dead letter away for good; raises NotFound, Conflict."""
        if "-" not in letter:
            if not await self._store.turns.discard(_number(letter)):
                raise Conflict(f"{letter} is not dead")
        elif not await self._store.outbox.discard(*_letter(letter)):
            await self._dead(letter)
        self._settled()

    async def retry_turn(self, turn: str) -> None:
        """Run a failed or dead turn again from the top; raises NotFound, Conflict."""
        again = await self._store.turns.requeue(_number(turn))
        if again is None:
            raise Conflict(
                f"{turn} is neither failed nor dead, or its notice is still on its way",
                hint=f"see: mindbot trace {turn}",
            )
        self._settled()
        self._dispatcher.submit(again)

    async def _dead(self, letter: str) -> Delivery:
        found = await self._store.outbox.delivery(*_letter(letter))
        if found is None:
            raise NotFound(f"no dead letter {letter!r}", hint="`mindbot dlq list` shows their ids")
        if found.state != "dead":
            raise Conflict(f"{letter} is {found.state}, not dead")
        return found


def _number(turn: str) -> int:
    try:
        return ids.parse(turn)
    except ValueError as error:
        raise NotFound(str(error), hint="`mindbot turns` lists them") from error


def _letter(letter: str) -> tuple[int, int]:
    try:
        return ids.parse_delivery(letter)
    except ValueError as error:
        raise NotFound(f"no dead letter {letter!r}", hint="`mindbot dlq list` shows their ids") from error
