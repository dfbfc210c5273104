"""What runs a workflow: an app of Dify's or Coze's behind one port."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import anyio

from mindbot.domain.abilities import Check
from mindbot.domain.chat import Attachment, Chunks
from mindbot.domain.host import Keep, Secrets
from mindbot.domain.message import Json
from mindbot.domain.ports.http import Http
from mindbot.domain.sent import note_sent
from mindbot.domain.span import Span
from mindbot.domain.turn import Clock, Turn
from mindbot.pipeline.services import Once

#: The code where a vendor has the answer to a form, and nobody can read any more what the run says to it.
UNREAD = "unread"


@dataclass(frozen=True, slots=True)
class AppParts:
    """What apps are built of. ``keep`` is on disk and outlives them; ``once`` remembers steps with a turn;
    ``local`` finds a file of the media store by its id (raises NotFound); ``clock`` is Unix seconds.
    ``hands_over`` tells whether a turn's work is cut off because the daemon ends: the next goes on.
    ``theirs`` are the ids of runs whose turns are known: whoever lost a run takes none of them for it.
    ``aside`` has something done beside the turns, which raises nothing; false where nobody does."""

    http: Http
    secrets: Secrets
    keep: Keep
    once: Once
    local: Callable[[str], Awaitable[Path]]
    clock: Clock
    hands_over: Callable[[Turn], bool] = lambda turn: False
    theirs: dict[str, None] = field(default_factory=dict)
    aside: Callable[[Callable[[], Coroutine[Any, Any, None]]], bool] = lambda job: False


@dataclass(frozen=True, slots=True)
class AppCall:
    """What an app is asked. ``key`` tells this run from others of the same turn (of a replica, a shadow, the
    next of a chain): steps are remembered under it. ``user`` is one person's id, always the same one.

    ``deadline`` is a time of ``anyio.current_time()``. ``conversation`` is whose lines these are; empty: the
    app is asked without what was said before (a shadow run, a run by hand). ``span`` is the step in which it
    is asked: nodes and tools stand inside it; None: inside the innermost one that is open. ``rest`` waits so
    many seconds before another start, and lets others have what a run holds meanwhile; it raises Overloaded
    where that does not become free again in time.
    """

    text: str
    key: str
    user: str
    conversation: str = ""
    files: tuple[Attachment, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    deadline: float = 0.0
    span: Span | None = None
    rest: Callable[[float], Awaitable[None]] = anyio.sleep

    def tell(self, url: str, body: Json) -> None:
        """Say that a call with this body leaves now: its step keeps it."""
        if self.span is not None:
            note_sent(self.span.data, url, body)


@runtime_checkable
class Converses(Protocol):
    """An app that keeps what was said at its vendor, in a conversation for each session and user."""

    async def begin_anew(self, conversation: str, user: str) -> str:
        """Let the next question begin a new one; return the id of the one before, empty: there was none.

        Raises:
            StoreError, SecretError.
        """

    async def go_back(self, conversation: str, user: str, id: str) -> bool:
        """Go on with an earlier one; false where another one was begun since.

        Raises:
            StoreError, SecretError.
        """


class App(Protocol):
    """One app with its key. ``name`` is the workflow's, ``replica`` the replica's (empty: the only one)."""

    name: str
    replica: str

    def run(self, turn: Turn, call: AppCall) -> Chunks:
        """Yield the answer, streamed; nodes and tools become steps of the turn.

        The last piece has ``finish``, ``usage``, and in ``notes`` the ``ids`` that `rate` takes and what had
        to be done to get the answer.

        A run whose id is known is never started again: what broke off, also with the process, is taken up by
        its ids. Leaving it early stops the run at the vendor, but where another process goes on with it.

        Raises:
            VendorError: by what went wrong; `WorkflowPaused` where a person has to fill in a form first.
            TimedOut: the deadline has passed.
        """

    def resume(self, turn: Turn, call: AppCall, form: Json, action: str, inputs: Mapping[str, Any]) -> Chunks:
        """Answer a form of `WorkflowPaused` and yield what the run says from there on, as `run` does.

        ``action`` is the id of one of the form's actions. Never starts a run.

        Raises:
            Conflict: the form was answered already.
            NotFound: its time is over, or nobody knows it.
            VendorError: as `run`; `WorkflowPaused` where another form is still to be filled in. But for
                the code `UNREAD` the form can be answered again: what the vendor has is not sent twice.
        """

    async def identity(self) -> str:
        """Return what tells this app from others at its vendor, whatever it is called here; it gives no key
        away. Raises SecretError."""

    async def copy_conversation(self, user: str, session: str, to: str) -> bool:
        """Let the session ``to`` go on with the conversation that a user has in another; false where there is
        none. Raises SecretError."""

    async def check(self) -> list[Check]:
        """Prove step by step that the app can be asked, without a run."""

    async def rate(self, ids: Mapping[str, str], *, liked: bool | None, note: str = "") -> None:
        """Tell the vendor what a user thinks of an answer, None: nothing any more; raises VendorError."""

    async def aclose(self) -> None:
        """End what it keeps open."""
