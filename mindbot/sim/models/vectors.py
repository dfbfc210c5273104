"""Deterministic embeddings: hashed words and character bigrams, so that similar texts get similar vectors."""

from __future__ import annotations

import math
import re
from hashlib import blake2b

_WORD = re.compile(r"\w+")


def embed(text: str, dimensions: int) -> list[float]:
    """Return a unit vector, the same for the same text in every process."""
    vector = [0.0] * dimensions
    for word in _WORD.findall(text.lower()) or [text]:
        for gram in (word, *(word[i : i + 2] for i in range(len(word) - 1))):
            digest = int.from_bytes(blake2b(gram.encode(), digest_size=8).digest(), "big")
            vector[digest % dimensions] += 1.0 if digest >> 63 else -1.0
    norm = math.sqrt(sum(x * x for x in vector)) or 1.0
    return [x / norm for x in vector]
