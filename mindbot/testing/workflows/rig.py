"""What the contract of apps plays with: a vendor that behaves as told, an app that asks it, and turns."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import anyio
import pytest
from pydantic import SecretStr

from mindbot.domain.chat import Attachment, Chunk, Chunks
from mindbot.domain.errors import NotFound
from mindbot.domain.message import Message, text_part
from mindbot.domain.ports.store import Recorded
from mindbot.domain.turn import Turn
from mindbot.http.client import HttpClient
from mindbot.sim.server import Simulator
from mindbot.testing.platforms import Inbox, MemoryKeep
from mindbot.testing.waiting import PATIENCE
from mindbot.workflows.apps import App, AppCall, AppParts

AppFault = Literal[
    "",
    "cut",  # a stream breaks after some events, and the run goes on
    "silent_end",  # it ends without a word, and the run goes on
    "gateway",  # a gateway gives up before the first byte, and the run goes on
    "down_once",  # one 5xx in place of a run
    "bad_request",
    "bad_key",
    "quota",
    "rate_limited",
    "run_fails",  # the run fails at the node "Search"
    "hangs",  # the run never comes to an end
]

#: Given to apps under test; never to be seen in an error.
KEY = "app-contract-0123456789"
#: Long enough for a break in its middle.
LONG = "a rather long answer that takes many pieces, and of which some have been said when it breaks off"


@dataclass(frozen=True, slots=True)
class AppPlay:
    """How the vendor behaves. Without ``text`` the answer holds what the user wrote. ``slow``: it takes
    seconds to say something long. ``nodes`` are the titles of what the run goes through, in order."""

    fault: AppFault = ""
    text: str = ""
    slow: bool = False
    nodes: tuple[str, ...] = ()


class AppVendor(Protocol):
    """A vendor's simulator, and what it saw."""

    @property
    def base_url(self) -> str: ...

    def texts(self) -> Sequence[str]:
        """Return the words that each run was started with, in order: as many as runs."""

    def asked(self) -> int:
        """Return how often a run was asked for, refused ones included."""

    def rooms(self) -> Sequence[str]:
        """Return the conversation of each run, in order."""

    def stopped(self) -> int:
        """Return how many runs were stopped."""

    def files(self) -> int:
        """Return how many files were uploaded."""

    def forget(self) -> None:
        """Delete all conversations."""


@dataclass(slots=True)
class HeardAnswer:
    """What came of a run."""

    text: str = ""
    chunks: list[Chunk] = field(default_factory=list)

    def take(self, chunk: Chunk) -> None:
        """Take a piece; one that begins afresh replaces all before it."""
        self.text = chunk.text if chunk.afresh else self.text + chunk.text
        self.chunks.append(chunk)

    @property
    def last(self) -> Chunk:
        return self.chunks[-1]


class OpenSecrets:
    """Secrets are what the settings say."""

    async def aget(self, value: SecretStr, /) -> str:
        return value.get_secret_value()


async def _once(turn: Turn, key: str, step: Callable[[], Awaitable[Recorded]]) -> Recorded:
    """Remember a step with its turn, as the store does."""
    if key not in turn.memo:
        turn.memo[key] = await step()
    known: Recorded = turn.memo[key]
    return known


async def _nowhere(id_: str) -> Path:
    raise NotFound(f"no file {id_}")


class AppHouse:
    """An app with what it keeps, its vendor, and turns that ask it."""

    def __init__(self, build: Callable[[AppParts], App], http: HttpClient, vendor: AppVendor) -> None:
        self.vendor = vendor
        self._build = build
        self.parts = AppParts(http, OpenSecrets(), MemoryKeep(Inbox()), _once, _nowhere, time.time)
        self._turns = 0
        self.app = build(self.parts)

    def restart(self) -> None:
        """Build the app anew, as another process does: what is on disk stays."""
        self.app = self._build(self.parts)

    def turn(self, text: str = "hello", user: str = "ann") -> Turn:
        """Return a new turn."""
        self._turns += 1
        parts, session = (text_part(text),), f"console:default:{user}"
        message = Message("console", "default", f"m{self._turns}", session, user, "text", parts, {})
        return Turn(self._turns, message, started=time.time())

    def crashed(self, turn: Turn) -> Turn:
        """Return a turn as another process finds it: its memo came over as JSON."""
        doc = json.loads(json.dumps(turn.to_json()))
        then = Turn.from_json({**doc, "spans": [], "state": "running"})
        then.attempt = turn.attempt + 1
        return then

    def call(self, turn: Turn, *files: Attachment, conversation: str | None = None) -> AppCall:
        """Return what a turn asks; ``conversation`` None: that of its session."""
        message = turn.message
        talk = message.session if conversation is None else conversation
        return AppCall(message.text, "run:contract", f"console:{message.sender}", talk, files)

    def run(self, turn: Turn, *files: Attachment, conversation: str | None = None) -> Chunks:
        """Ask, and yield what comes."""
        return self.app.run(turn, self.call(turn, *files, conversation=conversation))

    async def ask(
        self, text: str = "hello", *files: Attachment, user: str = "ann", conversation: str | None = None
    ) -> HeardAnswer:
        """Ask, and hear the whole answer."""
        return await heard(self.run(self.turn(text, user), *files, conversation=conversation))


def refused_before(sim: Simulator) -> int:
    """Return how many requests a simulator answered with a status before it looked at them."""
    return sum(sim.counters[f"fault.{status}"] for status in range(400, 600))


async def heard(chunks: Chunks) -> HeardAnswer:
    """Hear an answer to its end."""
    answer = HeardAnswer()
    async with aclosing(chunks):
        async for chunk in chunks:
            answer.take(chunk)
    return answer


class PlayedApp:
    """An app under test: every test gets a fresh vendor, HTTP client and app."""

    pytestmark = pytest.mark.anyio
    #: What the vendor has; what it lacks is not tested.
    talks: ClassVar[bool] = True  # conversations
    stops: ClassVar[bool] = True  # a run can be stopped
    takes_files: ClassVar[bool] = True
    has_nodes: ClassVar[bool] = True
    #: Whether a run's id, once told, leads to its answer, and a run can be found by its user.
    recovers: ClassVar[bool] = True
    finds: ClassVar[bool] = True

    def vendor(self, play: AppPlay) -> AbstractAsyncContextManager[AppVendor]:
        """Run the vendor's simulator, behaving as told."""
        raise NotImplementedError

    def app(self, vendor: AppVendor, parts: AppParts, **settings: Any) -> App:
        """Return the app under test, with `KEY`, and settings of `WorkflowSettings` beside."""
        raise NotImplementedError

    @asynccontextmanager
    async def playing(self, play: AppPlay | None = None, **settings: Any) -> AsyncIterator[AppHouse]:
        """Yield an app in its house."""
        asked: dict[str, Any] = {"timeout": PATIENCE, "max_retries": 1, **settings}
        with anyio.fail_after(2 * PATIENCE):
            async with self.vendor(play or AppPlay()) as vendor, HttpClient() as http:
                house = AppHouse(lambda parts: self.app(vendor, parts, **asked), http, vendor)
                yield house
                await house.app.aclose()

    def needs(self, there: bool, what: str) -> None:
        """Skip a test that is none of this vendor's."""
        if not there:
            pytest.skip(f"the vendor has no {what}")
