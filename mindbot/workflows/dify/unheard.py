"""Stops a run that was left before it had told its task, which only its events tell.

Whoever waited has gone by then, so this is done beside the turns, for a bounded time: the stream that is
still open is listened to until its first event; where there is none, the run is found and its events are
asked for.
Of apps without a graph those go to whoever started the run alone: without a stream it goes on to its end.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass

import anyio
import structlog

from mindbot.deadlines import now
from mindbot.domain.errors import MindBotError
from mindbot.providers.shared.documents import Documents
from mindbot.providers.shared.reading import documents_of
from mindbot.workflows.dify.client import DifyStream
from mindbot.workflows.dify.recovery import Recovery
from mindbot.workflows.dify.setup import GRAPHS, DifySetup

_PATIENCE = 30.0  # seconds
_BETWEEN = 2.0  # seconds between looks
_EVENT = 4 << 20  # bytes
_log = structlog.get_logger(__name__)

#: Returns the ids of a run, looked for until a time of ``anyio.current_time()``; empty: not found.
Look = Callable[[float], Awaitable[Mapping[str, str]]]


@dataclass(frozen=True, slots=True)
class Unheard:
    """A run without a task, as far as it is known. ``opened`` closes its ``stream``, where that is open."""

    ids: Mapping[str, str]
    look: Look
    stream: DifyStream | None
    opened: AsyncExitStack

    async def stop(self, app: DifySetup, user: str, recovery: Recovery) -> None:
        """See the module. Raises nothing."""
        why = "it tells no task"
        try:
            async with self.opened:
                task = await self._first_event()
                if not task and app.kind in GRAPHS:
                    task = await self._found(app, recovery)
                if task:
                    why = await app.stop(task, user)
        except MindBotError as exc:
            why = str(exc)
        if why:
            _log.info("a run that nobody waits for goes on", workflow=app.name, error=why)

    async def _first_event(self) -> str:
        if self.stream is None:
            return ""
        try:
            with anyio.move_on_after(_PATIENCE):
                async with aclosing(documents_of(self.stream.reading, Documents(_EVENT))) as docs:
                    async for doc in docs:
                        if isinstance(doc, dict) and (task := doc.get("task_id")):
                            return str(task)
        except MindBotError as exc:
            _log.debug("a stream broke off unheard", error=str(exc))
        return ""

    async def _found(self, app: DifySetup, recovery: Recovery) -> str:
        deadline, ids = now() + _PATIENCE, self.ids
        while not (run := ids.get("workflow_run_id", "")):
            ids = await self.look(deadline)
            if ids and not ids.get("workflow_run_id"):  # an older server
                return ""
            if not ids:
                app.client.left(deadline)
                await anyio.sleep(_BETWEEN)
        async with aclosing(recovery.follow(run, deadline)) as docs:
            async for doc in docs:
                if task := doc.get("task_id"):
                    return str(task)
        return ""
