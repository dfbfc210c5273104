"""What stages may ask of the rest of MindBot: small functions, handed in when a pipeline is built."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from anyio import CancelScope

from mindbot.config.model import Config
from mindbot.domain.abilities import Silence
from mindbot.domain.host import File
from mindbot.domain.message import Json, Part
from mindbot.domain.ports import Runner
from mindbot.domain.turn import Chunk, Clock, Turn


class Answering(Protocol):
    """An answer while it is made. ``scope`` ends the work early; what is there is then the answer."""

    scope: CancelScope

    def add(self, chunk: Chunk) -> None:
        """Take the next piece."""


@dataclass(slots=True)
class Services:
    """One configuration generation's services. Times are Unix seconds, but for those of ``timer``."""

    config: Config
    #: Write the turn's end and its deliveries; returns when they are on disk.
    finish: Callable[[Turn], Awaitable[None]]
    #: The last exchanges of a session: (session, before this turn, how many, the group's session if any).
    history: Callable[[str, int, int, str], Awaitable[list[Json]]]
    #: Run a step once, also across a crash.
    once: Callable[[Turn, str, Callable[[], Awaitable[Json]]], Awaitable[Json]]
    #: Runners by name.
    runners: dict[str, Runner]
    #: Around a runner's work: takes the pieces of the answer for whoever is looking; can be stopped.
    running: Callable[[Turn], AbstractAsyncContextManager[Answering]]
    #: Why the bot must not answer this message, if it must not.
    silence: Callable[[Turn], Awaitable[Silence | None]]
    #: The answer to an event that needs no model.
    greeting: Callable[[Turn], Sequence[Part]]
    #: Download what a part refers to; None when it refers to nothing.
    fetch: Callable[[Turn, Part], Awaitable[File | None]]
    #: Warn the log: (event, fields).
    warn: Callable[..., Any]
    clock: Clock
    #: Seconds of a clock that nobody sets: what waits are measured by.
    timer: Clock
    #: The directory to ask for the sender, by the id in the message; None where the platform has none.
    directory: Callable[[Turn], Callable[[str], Awaitable[Json]] | None] = lambda turn: None
