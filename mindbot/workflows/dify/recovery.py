"""Finds a run again whose stream broke off, or whose ids never came, and follows it to its end.

Sources: Dify Service API, "Get workflow run detail", "Get workflow logs", "Get conversation history
messages", "Stream workflow run events"; langgenius/dify, `app_generate_service.py`, `message_service.py`.
Runs of Chatflow and Workflow apps are a worker's and go on without a listener; a message's row is there from
the start of its run, its answer from the end. A log entry is written when a run of a Workflow app has ended.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, TypeVar

import anyio
import structlog

from mindbot.deadlines import now
from mindbot.domain.errors import (
    NetworkFailed,
    Overloaded,
    RateLimited,
    Rejected,
    Truncated,
)
from mindbot.domain.message import Json
from mindbot.domain.plain import loads
from mindbot.domain.turn import Clock
from mindbot.providers.errors import refusal_in_stream
from mindbot.providers.shared.documents import Documents
from mindbot.providers.shared.reading import documents_of
from mindbot.workflows.dify.client import DifyClient, part

#: Seconds that a message may stay without an answer: older servers never save one whose reader has gone.
UNSAVED = 120.0
#: Seconds before each look for a run that may have begun.
LOOKS = (0.0, 1.0, 2.0)
#: Seconds that a run is looked for while nobody can be asked, where it may never have begun.
UNASKED = 10.0
#: Seconds that a run may stay paused although each of its forms was answered.
LEFT_PAUSED = 30.0
_EVENT = 4 << 20  # bytes
_SOONEST, _LATEST = 0.5, 3.0  # seconds between looks at a run that goes on
_SLACK = 2.0  # seconds: Dify's times are whole ones
_ROWS = "20"
_UNFOUND = 3  # looks
_PASSING = (NetworkFailed, Overloaded, RateLimited, Truncated)
#: The events behind which a stream of a workflow has nothing more to tell.
LAST = frozenset({"workflow_finished", "error"})
_DONE = frozenset({"succeeded", "failed", "stopped", "partial-succeeded"})

_T = TypeVar("_T")
_log = structlog.get_logger(__name__)


class Recovery:
    """See the module. ``user`` is whose runs are meant; ``clock`` is Unix seconds. ``others`` are the ids of
    runs and messages that are known to be somebody else's."""

    def __init__(self, client: DifyClient, user: str, clock: Clock, others: Collection[str] = ()) -> None:
        self._client = client
        self._user = user
        self._clock = clock
        self._others = others
        self._ahead = 0.0  # seconds that Dify's clock is ahead of ours

    # --- without an id

    async def find_message(
        self, text: str, since: float, conversation: str, deadline: float, *, patient: bool
    ) -> Json:
        """Look for the message with this text, asked at this time or later; empty: there is none.

        ``patient``: its run is known to go on, so that it is worth its whole time to ask somebody.

        Raises:
            VendorError: nobody could be asked, so that nothing is known.
            TimedOut: nobody could be asked until the deadline.
        """
        look = partial(self._look, text, since, conversation, deadline)
        return await self._looked(look, deadline, patient=patient) or {}

    async def _looked(
        self, look: Callable[[], Awaitable[_T]], deadline: float, *, patient: bool, later: bool = False
    ) -> _T | None:
        """Look until there is something, or was nothing often enough; a look that nobody answers counts for
        nothing. ``later``: it comes in the end."""
        missed, looks, ends = 0, 0, now() + UNASKED
        wait = LOOKS[0]
        while later or missed < len(LOOKS):
            await self._sleep(wait, deadline)
            looks += 1
            wait = LOOKS[looks] if looks < len(LOOKS) else min(1.5 * wait, _LATEST)
            try:
                if found := await look():
                    return found
                missed += 1
            except _PASSING:
                if not patient and now() >= ends:
                    raise
            except Rejected:  # nothing is kept there: neither conversation nor message
                return None
        return None

    async def _look(self, text: str, since: float, conversation: str, deadline: float) -> Json:
        talks = [conversation] if conversation else await self._new_talks(since, deadline)
        for talk in talks:
            for row in reversed(await self._messages(talk, deadline)):
                late = _number(row.get("created_at")) + _SLACK >= since + self._ahead
                same = _text(row.get("query")).strip() == text.strip()
                if late and same and row.get("id") not in self._others:
                    return {**row, "conversation_id": talk}
        return {}

    async def _new_talks(self, since: float, deadline: float) -> list[str]:
        query = {"user": self._user, "limit": _ROWS, "sort_by": "-created_at"}
        rows = await self._rows("/conversations", deadline, query)
        late = (r for r in rows if _number(r.get("created_at")) + _SLACK >= since + self._ahead)
        return [id_ for row in late if (id_ := _text(row.get("id")))]

    async def find_run(self, inputs: Json, since: float, deadline: float, *, patient: bool) -> str:
        """Look for the id of a workflow's run with these inputs; empty: none. As `find_message`, but that the
        entry of a run that goes on comes with its end."""
        look = partial(self._logged, inputs, since, deadline)
        return await self._looked(look, deadline, patient=patient, later=patient) or ""

    async def _logged(self, inputs: Json, since: float, deadline: float) -> str:
        after = datetime.fromtimestamp(max(0.0, since + self._ahead - _SLACK), UTC)
        query = {
            "limit": _ROWS,
            "created_by_end_user_session_id": self._user,
            "created_at__after": after.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        for row in await self._rows("/workflows/logs", deadline, query):
            run, by = row.get("workflow_run"), row.get("created_by_end_user")
            if isinstance(by, dict) and by.get("session_id", self._user) != self._user:
                continue
            if _number(row.get("created_at")) + _SLACK < since + self._ahead:
                continue
            id_ = _text(run.get("id")) if isinstance(run, dict) else ""
            if (
                id_
                and id_ not in self._others
                and self._same(await self.detail(id_, deadline), inputs, since)
            ):
                return id_
        return ""

    def _same(self, detail: Json, inputs: Json, since: float) -> bool:
        begun = _number(detail.get("created_at"))
        if begun and begun + _SLACK < since + self._ahead:
            return False
        got = _object(detail.get("inputs"))
        told = inputs.keys() & got.keys()
        return bool(told or not inputs) and all(got[name] == inputs[name] for name in told)

    # --- by its ids

    async def message(self, id_: str, conversation: str, deadline: float) -> Json:
        """Wait for the row of a message whose answer was saved.

        Raises:
            Truncated: it is not saved, and will not be.
            VendorError: its run failed, or nobody can be asked.
            TimedOut: the deadline has passed.
        """
        ends, wait = now() + UNSAVED, _SOONEST
        while True:
            row: Json = {}
            try:
                rows = await self._messages(conversation, deadline)
                row = next((each for each in rows if each.get("id") == id_), {})
            except _PASSING as exc:
                _log.debug("a message could not be looked at", workflow=self._client.name, error=str(exc))
            if row.get("status") == "error":
                error = {"message": _text(row.get("error")) or "the run failed"}
                raise refusal_in_stream(self._client.name, error, hide=self._client.hide)
            if _text(row.get("answer")):
                return row
            if now() >= ends:
                raise Truncated(
                    f"{self._client.name}: the stream broke off and the answer was never saved",
                    hint="older Dify servers lose an answer whose reader has gone; see Dify's logs",
                    code="unsaved",
                )
            await self._sleep(wait, deadline)
            wait = min(1.5 * wait, _LATEST)

    async def follow(self, run: str, deadline: float) -> AsyncGenerator[Json, None]:
        """Yield what a run tells from now on; the last event is one of `LAST`, or ``workflow_paused``.

        Pieces of text that came meanwhile are lost, so only the outputs at its end are the answer. Where the
        events cannot be listened to, the last one is made of the run's details.

        Raises:
            VendorError: nobody knows the run, or may ask for it.
            TimedOut: the deadline has passed.
        """
        wait, listens, unfound = _SOONEST, True, 0
        while True:
            if listens:
                try:
                    async with aclosing(self._events(run, deadline)) as docs:
                        async for doc in docs:
                            # Of earlier pauses a snapshot tells too: whether it waits now, the details say.
                            if doc.get("event") != "workflow_paused":
                                yield doc
                            if doc.get("event") in LAST:
                                return
                except _PASSING as exc:
                    _log.debug("a run could not be listened to", workflow=self._client.name, error=str(exc))
                except Rejected:  # an older server
                    listens = False
            try:
                detail = await self.detail(run, deadline)
            except _PASSING:
                detail = {}
            except Rejected:
                unfound += 1
                if unfound >= _UNFOUND:
                    raise
                detail = {}
            status = detail.get("status")
            if status in _DONE or status == "paused":
                event = "workflow_paused" if status == "paused" else "workflow_finished"
                yield {"event": event, "workflow_run_id": run, "data": detail}
                return
            await self._sleep(wait, deadline)
            wait = min(1.5 * wait, _LATEST)

    async def detail(self, run: str, deadline: float) -> Json:
        """Return the details of a run, its inputs and outputs as objects; raises VendorError, TimedOut."""
        doc = await self._get(f"/workflows/run/{part(run)}", deadline)
        found = _object(doc)
        return {**found, "inputs": _object(found.get("inputs")), "outputs": _object(found.get("outputs"))}

    async def _events(self, run: str, deadline: float) -> AsyncGenerator[Json, None]:
        query = {"user": self._user, "include_state_snapshot": "true"}
        path = f"/workflow/{part(run)}/events"
        async with self._client.stream("GET", path, query=query, deadline=deadline) as stream:
            if not 200 <= stream.status < 300:
                raise await stream.refused()
            async with aclosing(documents_of(stream.reading, Documents(_EVENT))) as docs:
                async for doc in docs:
                    if isinstance(doc, dict):
                        stream.reading.moved()
                        yield doc

    # --- calls

    async def _messages(self, conversation: str, deadline: float) -> list[Json]:
        query = {"conversation_id": conversation, "user": self._user, "limit": _ROWS}
        return await self._rows("/messages", deadline, query)

    async def _rows(self, path: str, deadline: float, query: Mapping[str, str]) -> list[Json]:
        doc = await self._get(path, deadline, query)
        rows = doc.get("data") if isinstance(doc, dict) else None
        return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []

    async def _get(self, path: str, deadline: float, query: Mapping[str, str] | None = None) -> Any:
        response = await self._client.ask("GET", path, query=query, deadline=deadline)
        try:
            there = parsedate_to_datetime(response.headers.get("Date", "")).timestamp()
            self._ahead = there - self._clock()
        except (TypeError, ValueError):
            pass  # a server that tells no time has ours
        return response.json()

    async def _sleep(self, seconds: float, deadline: float) -> None:
        await anyio.sleep(min(seconds, self._client.left(deadline)))
        self._client.left(deadline)


def _object(value: Any) -> Json:
    """Return an object, also one that was told as text."""
    if isinstance(value, str):
        try:
            value = loads(value.encode())
        except ValueError:
            return {}
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
