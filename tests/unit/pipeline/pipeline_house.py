"""A pipeline with its surroundings, for tests of its stages."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio

from mindbot import registry
from mindbot.config.load import load
from mindbot.config.model import Config
from mindbot.domain import ids
from mindbot.domain.abilities import Silence
from mindbot.domain.chat import ChatMessage, ChatRequest, Chunk, Chunks
from mindbot.domain.errors import NotFound
from mindbot.domain.host import File
from mindbot.domain.message import Json, Message, Part, text_part
from mindbot.domain.span import Span
from mindbot.domain.spending import NOBODY, Payer
from mindbot.domain.turn import Turn
from mindbot.pipeline import onion
from mindbot.pipeline.services import Services
from mindbot.telemetry.redaction import told


class Echo:
    """A runner that repeats the text, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.calls = 0

    async def run(self, turn: Turn) -> AsyncGenerator[Chunk, None]:
        self.calls += 1
        if self.error is not None:
            raise self.error
        yield Chunk("echo: ")
        yield Chunk(turn.message.text, finish="stop")


class Watch:
    """A tracer that writes down what it is told."""

    def __init__(self, active: bool = True) -> None:
        self.active = active
        self.gates: list[str] = []
        self.opened_spans: list[str] = []
        self.closed_spans: list[str] = []

    async def around(self, turn: Turn, span: Span, stage: onion.Stage, inner: onion.Next) -> None:
        self.gates.append(span.name)
        await stage(turn, inner)

    async def gate(self, turn: Turn, span: Span) -> None:
        """Holds nobody."""

    async def left(self, turn: Turn, span: Span, error: Exception | None) -> None:
        """Holds nobody."""

    def opened(self, turn: Turn, span: Span) -> None:
        self.opened_spans.append(span.name)

    def closed(self, turn: Turn, span: Span) -> None:
        self.closed_spans.append(span.name)

    def words(self, error: BaseException) -> str:
        return told(error)


class Nobody:
    """Models where none is asked."""

    async def chat(
        self, request: ChatRequest, *, provider: str = "", notes: Json | None = None, payer: Payer = NOBODY
    ) -> Chunks:
        raise AssertionError("no model is asked here")
        yield Chunk()


class House:
    """A pipeline with everything around it kept in lists."""

    def __init__(
        self,
        runner: Any = None,
        now: float = 1000.0,
        watch: Watch | None = None,
        runners: dict[str, Any] | None = None,
        parts: Callable[[Config], dict[type, object]] = lambda config: {},
        **sections: Any,
    ) -> None:
        self.finished: list[Turn] = []
        self.memo: dict[str, Json] = {}
        self.warnings: list[Json] = []
        self.now = now
        self.store_error: Exception | None = None
        self.silent: Silence | None = None
        self.silence_error: Exception | None = None
        self.greetings: tuple[Part, ...] = ()
        self.files: dict[str, File | Exception | None] = {}
        self.fetches = 0
        self.local: dict[str, Path] = {}
        self.directory: Callable[[str], Awaitable[Json]] | None = None
        self.scope = anyio.CancelScope()
        config = load(environ={}, overrides=sections).config
        self.services = services = Services(
            config=config,
            models=Nobody(),
            finish=self._finish,
            history=self._history,
            once=self._once,
            runners={"chat": runner or Echo(), **(runners or {})},
            parts=parts(config),
            running=self._running,
            lend=self._lend,
            silence=self._silence,
            greeting=lambda turn: self.greetings,
            fetch=self._fetch,
            local=self._local,
            warn=lambda event, **fields: self.warnings.append({"event": event, **fields}),
            clock=lambda: self.now,
            timer=lambda: self.now,
            directory=lambda turn: self.directory,
        )
        kinds = {name: registry.load("stages", name) for name in registry.names("stages")}
        self.order = onion.ordered(kinds)
        self.pipeline = onion.build([(name, kinds[name](services)) for name in self.order])
        self.tracer = watch or Watch(active=False)

    async def _finish(self, turn: Turn) -> None:
        self.finished.append(turn)

    @asynccontextmanager
    async def _running(self, turn: Turn) -> AsyncIterator[House]:
        self.scope = anyio.CancelScope()
        yield self

    @asynccontextmanager
    async def _lend(self, turn: Turn) -> AsyncIterator[None]:
        yield

    def add(self, chunk: Chunk) -> None:
        """What `Answering` is told."""

    async def _silence(self, turn: Turn) -> Silence | None:
        if self.silence_error is not None:
            raise self.silence_error
        return self.silent

    async def _local(self, id: str) -> Path:
        if id not in self.local:
            raise NotFound(f"no file {id}")
        return self.local[id]

    async def _fetch(self, turn: Turn, part: Part) -> File | None:
        self.fetches += 1
        found = self.files[part.text]
        if isinstance(found, Exception):
            raise found
        return found

    async def _history(self, session: str, before: int, turns: int, group: str) -> list[ChatMessage]:
        if self.store_error is not None:
            raise self.store_error
        return [ChatMessage("user", "earlier", origin="history")]

    async def _once(self, turn: Turn, key: str, step: Callable[[], Awaitable[Json]]) -> Json:
        if key not in self.memo:
            self.memo[key] = await step()
        return self.memo[key]

    async def run(
        self,
        text: str = "hello",
        user: str = "lin",
        kind: str = "text",
        received: float = 999.0,
        parts: tuple[Part, ...] = (),
    ) -> Turn:
        said = parts or (text_part(text),)
        message = Message("console", "default", text, f"s:{user}", user, kind, said, {}, received=received)
        turn = Turn(ids.new_id(), message, state="running", tracer=self.tracer)
        await self.pipeline(turn)
        return turn
