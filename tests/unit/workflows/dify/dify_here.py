"""What tests of Dify's apps share: a simulator, an app that asks it, a turn, and what came of it."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from mindbot.config.workflows import WorkflowSettings
from mindbot.domain.chat import Chunk, Chunks, Finish
from mindbot.domain.message import Json, Message, Part
from mindbot.domain.ports.store import Recorded
from mindbot.domain.turn import Turn
from mindbot.http.client import HttpClient
from mindbot.sim.dify.server import DifySimulator
from mindbot.sim.testing import simulated
from mindbot.testing.platforms import Inbox, MemoryKeep
from mindbot.workflows.apps import AppCall, AppParts
from mindbot.workflows.dify.app import DifyApp

USER = "person-1"
SESSION = "console:default:person-1"


async def once(turn: Turn, key: str, step: Callable[[], Awaitable[Recorded]]) -> Recorded:
    """Remember with the turn, as the store does; a turn goes over a crash as JSON."""
    if key not in turn.memo:
        turn.memo[key] = await step()
    known: Recorded = turn.memo[key]
    return known


class KeySafe:
    """A keyring in which keys can be replaced."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self.asked = 0

    async def aget(self, value: SecretStr) -> str:
        self.asked += 1
        return self.found.get(value.get_secret_value(), value.get_secret_value())


async def _local(id_: str) -> Path:
    return Path(id_)


@dataclass
class Said:
    """What came of a run."""

    text: str = ""
    pieces: list[str] = field(default_factory=list)
    reasoning: str = ""
    last: Chunk | None = None

    @property
    def notes(self) -> Json:
        assert self.last is not None
        return self.last.notes

    @property
    def finish(self) -> Finish:
        assert self.last is not None
        return self.last.finish


class DifyHere:
    """An app and those around it. ``sim`` is a server; ``keep`` stays when the app is built anew."""

    def __init__(self, http: HttpClient, sim: DifySimulator | None, base_url: str) -> None:
        self.http = http
        self.server = sim
        self.base_url = base_url
        self.keep = MemoryKeep(Inbox())
        self.secrets = KeySafe()
        self.numbers = 0
        self.aside: list[Callable[[], Awaitable[None]]] = []  # what is left to be done beside the turns
        self.ending = False  # whether what is left now is for the next process

    @property
    def sim(self) -> DifySimulator:
        assert self.server is not None
        return self.server

    def app(self, kind: str = "chat", *, key: str = "", **settings: Any) -> DifyApp:
        """Build an app; by its key the simulator knows of what kind it is."""
        entry = WorkflowSettings.model_validate(
            {
                "type": kind,
                "dify_endpoint": f"{self.base_url}/chat-messages",
                "dify_api_key": key or f"app-{kind}-here",
                "timeout": 20,
                **settings,
            }
        )
        parts = AppParts(
            self.http,
            self.secrets,
            self.keep,
            once,
            _local,
            time.time,
            lambda turn: self.ending,
            aside=self._beside,
        )
        return DifyApp.build("here", entry, "", parts)

    def _beside(self, job: Callable[[], Awaitable[None]]) -> bool:
        self.aside.append(job)
        return True

    def turn(self, text: str = "hello") -> Turn:
        self.numbers += 1
        said = (Part("text", text),)
        message = Message("console", "default", f"m{self.numbers}", SESSION, USER, "text", said, {})
        return Turn(self.numbers, message, started=time.time())

    def starts(self) -> int:
        """How many runs began at the server."""
        return len(self.sim.runs)


def call(text: str = "hello", **more: Any) -> AppCall:
    return AppCall(**{"text": text, "key": "run:here", "user": USER, "conversation": SESSION, **more})


def again(turn: Turn) -> Turn:
    """Return the turn as another process finds it."""
    data = json.loads(json.dumps(turn.to_json()))
    then = Turn.from_json({**data, "spans": [], "state": "running"})
    then.attempt = turn.attempt + 1
    return then


async def heard(chunks: Chunks) -> Said:
    """Read a run to its end."""
    said = Said()
    async with aclosing(chunks):
        async for chunk in chunks:
            said.text = chunk.text if chunk.afresh else said.text + chunk.text
            said.pieces.append(chunk.text)
            said.reasoning += chunk.reasoning
            if chunk.finish:
                assert said.last is None, "two last pieces"
                said.last = chunk
    return said


@asynccontextmanager
async def dify_here(**settings: Any) -> AsyncIterator[DifyHere]:
    async with simulated("dify", **settings) as sim, HttpClient() as http:
        assert isinstance(sim, DifySimulator)
        yield DifyHere(http, sim, sim.base_url)
