"""Who makes an answer."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from mindbot.domain.chat import ChatRequest, Chunks
from mindbot.domain.turn import Turn


class Provider(Protocol):
    """An LLM backend."""

    name: str

    def chat(self, request: ChatRequest) -> Chunks:
        """Yield chunks; the last carries ``finish`` and ``usage``. Raises VendorError subclasses."""


class Runner(Protocol):
    """What produces the answer of a turn."""

    def run(self, turn: Turn) -> Chunks:
        """Yield the answer."""


@runtime_checkable
class Takes(Protocol):
    """A runner that says of each message whether it is its own."""

    def takes(self, turn: Turn) -> str:
        """Return why it answers this message; empty when it leaves it to others."""
