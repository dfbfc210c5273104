"""What stages and runners may ask of the rest of MindBot: small functions, handed in when they are built."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from anyio import CancelScope

from mindbot.config.model import Config
from mindbot.domain.abilities import Silence
from mindbot.domain.chat import ChatMessage, ChatRequest, Chunk, Chunks, Usage
from mindbot.domain.errors import ConfigError
from mindbot.domain.host import File
from mindbot.domain.message import Json, Part
from mindbot.domain.ports.answering import Embedding, Runner
from mindbot.domain.ports.store import Recorded
from mindbot.domain.shapes.turns import PersonJson
from mindbot.domain.spending import NOBODY, Payer
from mindbot.domain.turn import Clock, Turn

T = TypeVar("T")


class GrowingAnswer(Protocol):
    """An answer while it is made. ``scope`` ends the work early; what is there is then the answer."""

    scope: CancelScope

    def add(self, chunk: Chunk) -> None:
        """Take the next piece."""


class Models(Protocol):
    """The models that can be asked."""

    def chat(
        self, request: ChatRequest, *, provider: str = "", notes: Json | None = None, payer: Payer = NOBODY
    ) -> Chunks:
        """Yield the answer; ``notes`` learns who gave it, ``payer`` is charged. Raises MindBotError."""

    async def embed(self, texts: Sequence[str], *, provider: str, model: str = "") -> Embedding:
        """Return a vector a text; raises MindBotError."""


class Till(Protocol):
    """Counts what answers take of others than the models that can be asked here."""

    async def check(self, payer: Payer) -> None:
        """Raise BudgetSpent where a payer has nothing left to spend; raises StoreError."""

    async def charge(self, payer: Payer, usage: Usage) -> int:
        """Count an answer; return its money in billionths, 0 where nobody says. Raises StoreError."""


class Once(Protocol):
    """Runs a step once, also across a crash: what it returned is recorded, and returned again."""

    async def __call__(self, turn: Turn, key: str, step: Callable[[], Awaitable[Recorded]]) -> Recorded: ...


@dataclass(slots=True)
class Services:
    """One configuration generation's services. Times are Unix seconds, but for those of ``timer``."""

    config: Config
    models: Models
    #: Write the turn's end and its deliveries; returns when they are on disk.
    finish: Callable[[Turn], Awaitable[None]]
    #: The last exchanges of a session: (session, before this turn, how many, the group's session if any).
    history: Callable[[str, int, int, str], Awaitable[list[ChatMessage]]]
    #: Run a step once, also across a crash.
    once: Once
    #: Around a runner's work: takes the pieces of the answer for whoever is looking; can be stopped.
    running: Callable[[Turn], AbstractAsyncContextManager[GrowingAnswer]]
    #: Around a wait that is not work (for an operator, for a person): others run in the turn's place.
    lend: Callable[[Turn], AbstractAsyncContextManager[None]]
    #: Why the bot must not answer this message, if it must not.
    silence: Callable[[Turn], Awaitable[Silence | None]]
    #: The answer to an event that needs no model.
    greeting: Callable[[Turn], Sequence[Part]]
    #: Download what a part refers to; None when it refers to nothing.
    fetch: Callable[[Turn, Part], Awaitable[File | None]]
    #: Where a file of the media store can be read: by its id. Raises NotFound, StoreError.
    local: Callable[[str], Awaitable[Path]]
    #: The directory to ask for the sender, by the id in the message; None where the platform has none.
    directory: Callable[[Turn], Callable[[str], Awaitable[PersonJson]] | None]
    #: Warn the log: (event, fields).
    warn: Callable[..., Any]
    clock: Clock
    #: Seconds of a clock that nobody sets: what waits are measured by.
    timer: Clock
    #: Whether a turn's work is cut off because the daemon ends: what goes on elsewhere is for the next one.
    hands_over: Callable[[Turn], bool] = lambda turn: False
    #: Runners by name: made from these services too, before the stages are.
    runners: dict[str, Runner] = field(default_factory=dict)
    #: What else this generation has, by its class: see `part`.
    parts: Mapping[type, object] = field(default_factory=dict)

    def part(self, kind: type[T]) -> T:
        """Return the part of this class; raises ConfigError where this generation has none."""
        found = self.parts.get(kind)
        if not isinstance(found, kind):
            raise ConfigError(f"nothing is here that is a {kind.__name__}")
        return found
