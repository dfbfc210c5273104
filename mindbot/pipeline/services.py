"""What stages may ask of the rest of MindBot: small functions, handed in when a pipeline is built."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from mindbot.config.model import Config
from mindbot.domain.message import Json
from mindbot.domain.ports import Runner
from mindbot.domain.turn import Chunk, Clock, Turn


@dataclass(slots=True)
class Services:
    """One configuration generation's services. Times are Unix seconds."""

    config: Config
    #: Write the turn's end and its deliveries; returns when they are on disk.
    finish: Callable[[Turn], Awaitable[None]]
    #: The last exchanges of a session: (session, before this turn, how many).
    history: Callable[[str, int, int], Awaitable[list[Json]]]
    #: Run a step once, also across a crash.
    once: Callable[[Turn, str, Callable[[], Awaitable[Json]]], Awaitable[Json]]
    #: Runners by name.
    runners: dict[str, Runner]
    #: Pieces of an answer as they arrive, for whoever is looking.
    chunk: Callable[[Turn, Chunk], None]
    #: Warn the log: (event, fields).
    warn: Callable[..., Any]
    clock: Clock
