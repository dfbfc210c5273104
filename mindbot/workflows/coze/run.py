"""One run at Coze from its start to its answer, whatever breaks in between: what bots and workflows share.

A start is asked for, its id is remembered as soon as it comes, and from then on it is never asked for again:
a stream that breaks off is taken up by the id. What Coze says will pass (its error 5000, rates) is started
again, as often as the settings say.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, aclosing

import anyio
import structlog

from mindbot.deadlines import now
from mindbot.domain.chat import Chunk, Chunks
from mindbot.domain.errors import (
    AuthFailed,
    MindBotError,
    NetworkFailed,
    Overloaded,
    RateLimited,
    StoreError,
    Truncated,
    VendorError,
    WorkflowPaused,
)
from mindbot.domain.message import Json
from mindbot.domain.turn import Turn
from mindbot.providers.shared.answer import AnswerReader
from mindbot.providers.shared.reading import Reading, read
from mindbot.workflows.apps import AppCall
from mindbot.workflows.coze.setup import CozeSetup
from mindbot.workflows.coze.steps import CozeSteps
from mindbot.workflows.remembered import RememberedRun

#: What says nothing of whether a run goes on.
PASSING = (NetworkFailed, Overloaded, RateLimited, Truncated)
_FIRST_WAIT = 0.5  # seconds before a second start; doubled for each further one
_RATE_WAIT = 2.0  # seconds, where the vendor asked to slow down
_SOONEST, _LATEST = 0.5, 3.0  # seconds between looks at a run that goes on
_STOPPING = 2.0  # seconds for telling Coze that nobody waits for a run
#: A gateway says so when it has waited long enough: what it waited for goes on.
_GAVE_UP = frozenset({"504", "524"})
_log = structlog.get_logger(__name__)


class CozeRun(ABC):
    """See the module. It is gone through once, by `chunks`."""

    def __init__(self, app: CozeSetup, turn: Turn, call: AppCall) -> None:
        self.app = app
        self.turn = turn
        self.call = call
        self.client = app.client
        self.settings = app.settings
        self.known = RememberedRun(app.parts, turn, call.key)
        self.notes: Json = {}
        self.starts = 0  # by this process
        self.deadline = 0.0
        #: Whether Coze itself has said what became of the start in hand: nothing of it goes on.
        self.over = False
        self._steps = CozeSteps(turn, call.span, hide=self.client.hide)
        self._wait = _SOONEST
        self._said = False  # whether something is shown
        self._stale = False  # what is shown is of a start that came to nothing

    # --- what a kind says

    @abstractmethod
    def started(self) -> Chunks:
        """Ask for a run and yield its answer; the last chunk has its finish."""

    @abstractmethod
    def recovered(self) -> Chunks:
        """Yield the answer of the run whose ids are known."""

    @abstractmethod
    async def find(self, *, patient: bool = False) -> None:
        """Look for a start that nobody answered for, and remember its ids where there is one.

        ``patient``: it is known to go on, so that it is worth its whole time to ask somebody.

        Raises:
            VendorError: nobody could be asked, so that nothing is known.
            TimedOut: nobody could be asked until the deadline.
        """

    async def mends(self, error: VendorError) -> bool:
        """Do what lets another start follow though this one was refused; false where nothing does."""
        return False

    @abstractmethod
    async def stop(self) -> None:
        """Tell Coze that nobody waits for the run any more; raises MindBotError."""

    # --- what both do

    async def chunks(self) -> Chunks:
        """Yield the answer; raises as `App.run`."""
        ended = False
        try:
            async with aclosing(self._tries()) as chunks:
                async for chunk in chunks:
                    yield chunk
            ended = True
        except (VendorError, StoreError):  # a store that fails has the turn run again
            ended = True
            raise
        finally:
            await self._steps.close("" if ended else "left")
            if not ended and self.known.ids and not self.over and not self.app.parts.hands_over(self.turn):
                await self._stop()

    async def _tries(self) -> Chunks:
        await self.known.load()
        failures, self.deadline = 0, self._until()
        if self.known.started and not self.known.ids:
            await self.find()
        while True:
            self.deadline, self.over = self._until(), False
            source = self.recovered() if self.known.ids else self.started()
            try:
                async with aclosing(source) as chunks:
                    async for chunk in chunks:
                        yield self._shown(chunk)
                return
            except WorkflowPaused:
                raise
            except VendorError as exc:
                self.client.left(self.deadline)
                if not self.over and isinstance(exc, PASSING):
                    self.notes.setdefault("broke", []).append(str(exc))
                    if self.known.started and not _unsent(exc):
                        await self.find(patient=exc.code in _GAVE_UP)
                    if self.known.ids:
                        await self.sleep(_SOONEST)
                        continue
                if await self.mends(exc):
                    continue
                failures += 1
                if not exc.retryable or failures > self.settings.max_retries:
                    raise
                await self._pause(exc, failures)
                await self.known.over(str(exc))
                self._stale = self._said

    def _shown(self, chunk: Chunk) -> Chunk:
        """Return a chunk that takes the place of what an earlier start had said."""
        if self._stale and (chunk.text or chunk.finish):
            chunk.afresh, self._stale = True, False
        self._said = self._said or bool(chunk.text)
        if chunk.finish:
            chunk.notes |= {"ids": self.known.ids, "starts": self.starts, **self.notes}
            if self._steps.left_out:
                chunk.notes["steps_left_out"] = self._steps.left_out
        return chunk

    async def listen(
        self, opened: Callable[[], AbstractAsyncContextManager[Reading]], answer: AnswerReader
    ) -> Chunks:
        """Yield what a stream says, asked for once more where the token had ended; `end` is left to come."""
        renewed = False
        while True:
            try:
                async with opened() as reading, aclosing(read(reading, answer, self.see)) as chunks:
                    async for chunk in chunks:
                        yield chunk
                return
            except AuthFailed:
                if renewed or answer.heard or self.known.ids or not await self.client.renew():
                    raise
                renewed = True

    async def see(self, doc: object) -> None:
        """Take note of a document before it is read."""
        await self._steps.take(doc)

    async def sleep(self, seconds: float) -> None:
        """Wait, but not beyond the deadline; raises TimedOut."""
        await anyio.sleep(min(seconds, self.client.left(self.deadline)))
        self.client.left(self.deadline)

    async def looks(self) -> None:
        """Wait until a run that goes on is looked at again; each time a little longer."""
        await self.sleep(self._wait)
        self._wait = min(_LATEST, 1.5 * self._wait)

    async def _pause(self, exc: VendorError, failures: int) -> None:
        """Wait before another start; raises the failure where there is no time for that."""
        wait = _FIRST_WAIT * 2 ** (failures - 1)
        if isinstance(exc, RateLimited):
            wait = max(wait, exc.retry_after, _RATE_WAIT)
        wait *= random.uniform(1.0, 1.2)
        if self.call.deadline and now() + wait >= self.call.deadline:
            raise exc
        await self.call.rest(wait)

    def _until(self) -> float:
        """Return when a run that begins or is taken up now has to be over."""
        ends = now() + self.settings.timeout
        return min(ends, self.call.deadline) if self.call.deadline else ends

    async def _stop(self) -> None:
        with anyio.move_on_after(_STOPPING, shield=True):
            try:
                self.deadline = now() + _STOPPING
                await self.stop()
            except MindBotError as exc:
                _log.info("a run that nobody waits for goes on", workflow=self.app.name, error=str(exc))


def _unsent(error: VendorError) -> bool:
    return isinstance(error, NetworkFailed) and not error.sent
