"""One run of an app from its start to its answer, whatever breaks in between.

A start is asked for, its ids are remembered as soon as they come, and from then on it is never asked for
again: a stream that breaks off is taken up by the ids. Where none came, the run is looked for before another
start. What has failed in a way that may pass is started again, as often as the settings say.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from functools import partial
from typing import Any

import anyio
import structlog

from mindbot.deadlines import now
from mindbot.domain.chat import Chunk, Chunks
from mindbot.domain.errors import (
    MindBotError,
    NetworkFailed,
    Overloaded,
    RateLimited,
    Rejected,
    StoreError,
    Truncated,
    VendorError,
)
from mindbot.domain.message import Json
from mindbot.domain.turn import Turn
from mindbot.providers.wires.dify_wire import NO_WORDS
from mindbot.workflows.apps import AppCall
from mindbot.workflows.dify.client import DifyStream
from mindbot.workflows.dify.conversations import is_gone
from mindbot.workflows.dify.listening import STOPPED, Listener, Paused, RunFailed, joined
from mindbot.workflows.dify.progress import Over, Progress
from mindbot.workflows.dify.recovery import Recovery
from mindbot.workflows.dify.request import RunRequest
from mindbot.workflows.dify.setup import DifySetup
from mindbot.workflows.dify.taken_up import TakenUp
from mindbot.workflows.dify.unheard import Unheard

_FIRST_WAIT = 0.5  # seconds before a second start; doubled for each further one
_RATE_WAIT = 2.0  # seconds, where an app has too many runs
_LOST = 1  # runs whose end nobody knows that are started again, in a turn, whatever its processes
#: A gateway says so when it has waited long enough: what it waited for goes on.
_GAVE_UP = frozenset({504, 524})

_log = structlog.get_logger(__name__)


class _Lost(Exception):
    """Nobody knows what became of a start. ``patient``: it is known to go on."""

    def __init__(self, error: VendorError, *, patient: bool = False) -> None:
        super().__init__(error.message)
        self.error = error
        self.patient = patient


class RunInHand:
    """See the module. It is gone through once, by `chunks` or by `resumed`."""

    def __init__(self, app: DifySetup, turn: Turn, call: AppCall) -> None:
        self._app = app
        self._call = call
        self._request = RunRequest(app, turn, call)
        self._progress = Progress(app, turn, call)
        self._recovery = Recovery(app.client, call.user, app.parts.clock, app.known)
        self._taken_up = TakenUp(self._progress, self._recovery)
        self._stream: DifyStream | None = None  # that was left open before its first event
        self._opened = AsyncExitStack()  # closes it
        self._conversation = ""  # that the start in hand goes on with

    def chunks(self) -> Chunks:
        """Yield the answer; raises as `App.run`."""
        return self._attended(self._tries())

    async def resumed(self, form: Json, action: str, inputs: Mapping[str, Any]) -> Chunks:
        """Answer a form and yield what follows; raises as `App.resume`."""
        self._progress.begin()
        answer = self._taken_up.fill_in(form, action, inputs)
        try:
            async with aclosing(self._attended(answer, wanted_later=True)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except RunFailed as exc:
            raise exc.error from None

    async def _attended(self, answer: Chunks, *, wanted_later: bool = False) -> Chunks:
        """Yield an answer; a run that nobody waits for any longer is stopped at Dify.

        Where the daemon ends, the next process waits for it, unless nothing leads from its ids to its answer.
        ``wanted_later``: also whoever could not read it in time may come again.
        """
        progress = self._progress
        ended = False
        try:
            async with aclosing(answer) as chunks:
                async for chunk in chunks:
                    ended = ended or bool(chunk.finish)
                    yield chunk
        except (VendorError, RunFailed, StoreError):  # a store that fails has the turn run again
            ended = True
            raise
        except MindBotError:
            ended = wanted_later
            raise
        finally:
            async with self._opened:
                if not ended:
                    await self._leave()
            await progress.steps.close("" if ended else "nobody waited for its end")
            progress.parent.data.update(progress.notes)

    async def _leave(self) -> None:
        if self._app.keeps_answers and self._app.parts.hands_over(self._progress.turn):
            await self._progress.remembered.leave()
        else:
            await self._stop()

    async def _stop(self) -> None:
        if not (task := self._progress.ids.get("task_id")):
            if self._progress.remembered.started:  # it may have begun
                known = self._progress.remembered.ids
                unheard = Unheard(known, self._sought, self._stream, self._opened.pop_all())
                job = partial(unheard.stop, self._app, self._call.user, self._recovery)
                if not self._app.parts.aside(job):
                    await unheard.opened.aclose()
            return
        with anyio.CancelScope(shield=True):
            if why := await self._app.stop(task, self._call.user):
                _log.info("a run that nobody waits for goes on", workflow=self._app.name, error=why)
            else:
                await self._progress.remembered.over("stopped")

    # --- starts, until one answers

    async def _tries(self) -> Chunks:
        progress, renewed = self._progress, False
        await self._app.client.fingerprint()  # nothing begins without a key
        await progress.remembered.load()
        lost: _Lost | None = None
        while True:
            if lost is None:  # else it is the same run that is looked for, in the time that it has
                progress.begin()
            try:
                async with aclosing(self._next(lost)) as chunks:
                    async for chunk in chunks:
                        yield chunk
                return
            except _Lost as exc:
                self._app.client.left(progress.deadline)
                lost = exc
                progress.notes["broke_off"] = exc.error.message
                continue
            except RunFailed as exc:
                over = Over(exc.error, again=self._may_pass(exc))
            except Over as exc:
                over = exc
            lost = None
            progress.anew = bool(progress.shown)
            await progress.remembered.over(over.error.code or over.error.kind, lost=over.lost)
            if self._conversation and not renewed and is_gone(over.error, self._app.name):
                renewed = True
                await self._renew(over.error)
            else:
                await self._before_another(over)

    def _may_pass(self, failed: RunFailed) -> bool:
        """Tell whether another start may fare better. A rate that is reached is so at once again.

        A run of an earlier process may have been stopped by that process, on its way out.
        """
        if failed.error.code == STOPPED:
            return not self._progress.starts
        return isinstance(failed.error, Overloaded) and not 400 <= failed.status < 500

    async def _next(self, lost: _Lost | None) -> Chunks:
        """Yield the answer of the run that is known already, also to Dify alone, or of another start."""
        known = self._progress.remembered
        if known.lost > _LOST:  # in an earlier process
            raise self._unknown()
        if known.started and not known.ids and not await self._found(lost):
            if not self._app.keeps_answers:
                raise Over(lost.error if lost else self._unknown(), again=True, lost=True)
            if lost is not None:
                raise Over(lost.error, again=True)
            await known.over("not found")
        async with aclosing(self._taken_up.answer() if known.ids else self._started()) as chunks:
            async for chunk in chunks:
                yield chunk

    def _unknown(self) -> VendorError:
        kind = self._app.kind
        return Truncated(f"{self._app.name}: the run was left, and {kind} apps keep no answers", code="cut")

    async def _started(self) -> Chunks:
        progress = self._progress
        progress.starts += 1
        progress.ids = {}
        try:
            body = await self._request.body(progress.deadline)
        except VendorError as exc:
            raise Over(exc, again=_passes(exc)) from None
        if self._request.unseen:
            progress.notes["unseen"] = list(self._request.unseen)
        self._conversation = await self._find_conversation()
        if self._conversation:
            body["conversation_id"] = self._conversation
        await progress.remembered.start(self._conversation, await self._app.client.identity())
        listener = progress.listener()
        try:
            async with self._opened_stream(body) as stream:
                await self._accepted(stream)
                async with aclosing(self._pieces(listener, stream)) as chunks:
                    async for chunk in chunks:
                        yield chunk
            if (rest := listener.rest()) is not None:
                yield progress.seen(rest)
        except Paused:
            raise await self._taken_up.paused(listener) from None
        except NetworkFailed as exc:
            raise (_Lost(exc) if exc.sent else Over(exc, again=True)) from None
        except (Truncated, Overloaded) as exc:  # cut, or unreadable
            raise _Lost(exc) from None
        except Rejected as exc:
            raise Over(exc, again=False) from None
        if listener.answer.running:  # longer than anybody reads
            await self._app.stop(progress.ids.get("task_id", ""), self._call.user)
        yield progress.last(listener)

    @asynccontextmanager
    async def _opened_stream(self, body: Json) -> AsyncIterator[DifyStream]:
        """Ask for a run. Its stream stays open where it is left before it has told how it is stopped."""
        self._call.tell(self._request.path, body)
        asked = self._app.client.stream(
            "POST", self._request.path, body=body, deadline=self._progress.deadline
        )
        async with AsyncExitStack() as opened:
            stream = await opened.enter_async_context(asked)
            try:
                yield stream
            except (anyio.get_cancelled_exc_class(), GeneratorExit):
                if "task_id" not in self._progress.ids:
                    self._stream, self._opened = stream, opened.pop_all()
                raise

    async def _pieces(self, listener: Listener, stream: DifyStream) -> Chunks:
        """Yield what a stream says, to its end; one that breaks behind the end of the answer has ended.

        What came together is one piece: each passes through all who have a part in an answer.
        """
        said: Chunk | None = None
        try:
            async with aclosing(listener.bundles(stream)) as bundles:
                async for docs in bundles:
                    for doc, streamed in docs:
                        said = joined(said, await self._take(listener, doc, streamed=streamed))
                        if listener.over:
                            break
                    if said is not None:
                        piece, said = said, None
                        yield self._progress.seen(piece)
                    if listener.over:
                        return
        except Exception as exc:
            if said is not None:  # before what failed
                yield self._progress.seen(said)
            if not (isinstance(exc, NetworkFailed | Truncated) and listener.answer.complete):
                raise

    async def _accepted(self, stream: DifyStream) -> None:
        if 200 <= stream.status < 300:
            if stream.run:
                await self._progress.know({"workflow_run_id": stream.run})
            return
        error = await stream.refused()
        if stream.gateway:
            raise _Lost(error, patient=stream.status in _GAVE_UP)
        passes = stream.status >= 500 or isinstance(error, RateLimited)
        raise Over(error, again=passes and _passes(error))

    async def _take(self, listener: Listener, doc: Json, *, streamed: bool) -> Chunk | None:
        """Take an event; the ids of the first are noted before anybody sees anything of it."""
        if "task_id" not in self._progress.ids:
            listener.answer.note(doc)
            if "task_id" in listener.answer.ids:
                await self._progress.know(listener.answer.ids)
        return await listener.take(doc, streamed=streamed)

    async def _find_conversation(self) -> str:
        app, call = self._app, self._call
        if not (app.chats and call.conversation):
            return ""
        return await app.conversations.find(await app.client.fingerprint(), call.conversation, call.user)

    async def _renew(self, error: VendorError) -> None:
        app, call = self._app, self._call
        self._progress.notes["conversation"] = f"begun anew: {error.message}"
        self._progress.starts -= 1
        await app.conversations.note(await app.client.fingerprint(), call.conversation, call.user, "")

    async def _before_another(self, over: Over) -> None:
        """Wait as long as another start should; raises what came of the last where none is left."""
        error, starts = over.error, self._progress.starts
        spent = over.lost and self._progress.remembered.lost > _LOST
        if not over.again or spent or starts > self._app.settings.max_retries:
            raise error
        first = _RATE_WAIT if isinstance(error, RateLimited) else _FIRST_WAIT
        wait = first * 2 ** max(0, starts - 1) * random.uniform(0.8, 1.2)
        if isinstance(error, RateLimited):
            wait = max(wait, error.retry_after)
        if self._call.deadline and now() + wait >= self._call.deadline:
            raise error
        self._progress.notes.setdefault("failed", []).append(error.message)
        await self._call.rest(wait)

    # --- a start whose ids never came

    async def _found(self, lost: _Lost | None) -> bool:
        """Look for the run of such a start; raises VendorError where nobody can be asked."""
        try:
            ids = await self._look(patient=lost is not None and lost.patient)
        except VendorError as exc:
            raise (lost.error if lost is not None else exc) from None
        if ids:
            self._progress.notes["found"] = "its ids had never come"
            await self._progress.know(ids)
        return bool(ids)

    async def _sought(self, deadline: float) -> dict[str, str]:
        self._progress.deadline = deadline
        return await self._look(patient=True)

    async def _look(self, *, patient: bool) -> dict[str, str]:
        app, call, deadline = self._app, self._call, self._progress.deadline
        known = self._progress.remembered
        if app.chats:
            text = call.text if call.text.strip() else NO_WORDS
            row = await self._recovery.find_message(
                text, known.started, known.conversation, deadline, patient=patient
            )
            names = {"message_id": "id", "conversation_id": "conversation_id"}
            names["workflow_run_id"] = "workflow_run_id"
            return {ours: str(row[theirs]) for ours, theirs in names.items() if row.get(theirs)}
        if app.kind == "workflow":
            inputs = await self._request.inputs(deadline)
            run = await self._recovery.find_run(inputs, known.started, deadline, patient=patient)
            return {"workflow_run_id": run} if run else {}
        return {}  # completion apps tell nobody of their runs


def _passes(error: VendorError) -> bool:
    unsent = isinstance(error, NetworkFailed) and not error.sent
    return unsent or isinstance(error, Overloaded | RateLimited)
