"""Who makes an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from mindbot.domain.chat import Attachment, Capabilities, ChatRequest, Chunks, Usage
from mindbot.domain.turn import Turn


@dataclass(frozen=True, slots=True)
class Embedding:
    """A vector a text, and what they took."""

    vectors: list[list[float]]
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Rank:
    """One of the texts that were ranked, by its place among them; a higher ``score`` is better."""

    index: int
    score: float


class Provider(Protocol):
    """An LLM backend."""

    name: str

    def chat(self, request: ChatRequest) -> Chunks:
        """Yield chunks; the last carries ``finish`` and ``usage``. Raises VendorError subclasses."""


@runtime_checkable
class Able(Protocol):
    """A provider that knows what its models can do."""

    def capabilities(self, model: str = "") -> Capabilities:
        """Return what a model can do; empty means the default one."""


@runtime_checkable
class Closes(Protocol):
    """A provider that keeps something running beside its calls."""

    async def aclose(self) -> None:
        """End it; a later call begins it anew."""


@runtime_checkable
class Lists(Protocol):
    """A provider whose vendor tells which models there are."""

    async def list_models(self) -> list[str]:
        """Return their names; raises VendorError."""


@runtime_checkable
class Embedder(Protocol):
    """What turns texts into vectors."""

    async def embed(self, texts: Sequence[str], *, model: str = "", dimensions: int = 0) -> Embedding:
        """Return a vector for each text, in their order; ``dimensions`` 0 is the model's own number.

        Raises VendorError; `Rejected` where the answer has fewer vectors than there are texts, or one that is
        none (zeros, NaN).
        """


class Transcriber(Protocol):
    """What turns speech into text."""

    async def transcribe(self, sound: Attachment, *, model: str = "", language: str = "") -> str:
        """Return what is said; ``language`` (ISO 639-1) helps. Raises VendorError."""


class Reranker(Protocol):
    """What sorts texts by how well they answer a question."""

    async def rerank(
        self, question: str, texts: Sequence[str], *, model: str = "", most: int = 0
    ) -> list[Rank]:
        """Return the best first, at most ``most`` (0: all). Raises VendorError."""


class Runner(Protocol):
    """What produces the answer of a turn."""

    def run(self, turn: Turn) -> Chunks:
        """Yield the answer."""


@runtime_checkable
class Takes(Protocol):
    """A runner that says of each message whether it is its own."""

    def takes(self, turn: Turn) -> str:
        """Return why it answers this message; empty when it leaves it to others."""
