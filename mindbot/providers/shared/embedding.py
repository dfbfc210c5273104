"""Vectors of texts: what all vendors of embeddings share.

Servers answer a batch with fewer vectors than it has texts, in another order, or with vectors of zeros and
NaN. None of these may reach an index: a batch that is not answered in full is halved and sent again, and what
fails alone fails the call.
"""

from __future__ import annotations

import math
import re
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from mindbot.domain.chat import Usage
from mindbot.domain.errors import ContextOverflow, Rejected
from mindbot.domain.ports.answering import Embedding
from mindbot.providers.shared.client import ModelClient

#: A refusal of so many texts at once, not of the texts.
_TOO_MANY = re.compile(
    r"batch|too many (inputs|texts|items)|(input|array).{0,40}(at most|maximum|more than|too l)|条", re.I
)
_HINT = "is it a model for embeddings, and are the texts within its limits?"


class Embeds(ModelClient):
    """A client whose vendor has embeddings; see the module."""

    #: Texts that one call may have.
    most_texts: ClassVar[int] = 256

    @abstractmethod
    async def embed_once(self, texts: Sequence[str], model: str, dimensions: int) -> Embedding:
        """Ask for the vectors of one batch; what came may be anything. Raises VendorError."""

    async def embed(self, texts: Sequence[str], *, model: str = "", dimensions: int = 0) -> Embedding:
        """Return a vector for each text, in their order; ``dimensions`` 0 is the model's own number.

        Raises:
            VendorError: the vendor refuses.
            Rejected: of a text there is no vector, or one that is none.
        """
        model = model or self.default
        vectors: list[list[float]] = []
        usage: Usage | None = None
        most = self.most_texts
        while len(vectors) < len(texts):
            batch = texts[len(vectors) : len(vectors) + most]
            try:
                found = await self.embed_once(batch, model, dimensions)
                check(self.name, found.vectors, len(batch), dimensions)
            except (ContextOverflow, Rejected) as exc:
                if len(batch) == 1 or not _halves(exc):
                    raise
                most = len(batch) // 2
                continue
            vectors += found.vectors
            usage = _both(usage, found.usage)
        widths = {len(vector) for vector in vectors}
        if len(widths) > 1:
            raise _bad(self.name, f"vectors of {' and '.join(map(str, sorted(widths)))} numbers")
        return Embedding(vectors, usage)


def _halves(exc: ContextOverflow | Rejected) -> bool:
    """Tell whether less of the same may be taken."""
    return isinstance(exc, ContextOverflow) or exc.code == "vectors" or bool(_TOO_MANY.search(str(exc)))


def check(vendor: str, vectors: Sequence[Sequence[float]], texts: int, dimensions: int) -> None:
    """See that there is a vector for each of so many texts, and that each is one.

    Raises:
        Rejected: with the code ``vectors``.
    """
    if len(vectors) != texts:
        raise _bad(vendor, f"{len(vectors)} vectors for {texts} texts")
    for vector in vectors:
        if not vector or not any(vector) or not all(map(math.isfinite, vector)):
            raise _bad(vendor, "a vector of zeros, or of what are no numbers")
        if dimensions and len(vector) != dimensions:
            raise _bad(vendor, f"a vector of {len(vector)} numbers instead of {dimensions}")


def _bad(vendor: str, what: str) -> Rejected:
    return Rejected(f"{vendor}: answered with {what}", hint=_HINT, code="vectors")


def numbers(vector: Any) -> list[float]:
    """Return a vector's numbers; an empty one where something is none."""
    if not isinstance(vector, list):
        return []
    sound = all(isinstance(each, int | float) and not isinstance(each, bool) for each in vector)
    return [float(each) for each in vector] if sound else []


def _both(one: Usage | None, other: Usage | None) -> Usage | None:
    if one is None or other is None:
        return one or other
    return replace(one, input_tokens=one.input_tokens + other.input_tokens)
