"""Deterministic embeddings: hashed words and character bigrams, so that similar texts get similar vectors.

Source of the shapes: "Embeddings" in the API reference.
"""

from __future__ import annotations

import base64
import math
import re
from array import array
from hashlib import blake2b

from mindbot.domain.message import Json
from mindbot.sim.openai.chat import count_tokens
from mindbot.sim.openai.errors import invalid

_MAX_INPUTS = 2048
_MAX_TOKENS = 8192
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


def embeddings(body: Json, default_dimensions: int) -> Json:
    """Answer an embeddings request.

    Raises:
        ApiError: the request is not one the real API accepts.
    """
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise invalid("you must provide a model parameter")
    inputs = body.get("input")
    texts = [inputs] if isinstance(inputs, str) else inputs
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise invalid("'input' is a string or an array of strings.", "input", "invalid_type")
    if not texts or not all(texts):
        raise invalid("'input' cannot be empty.", "input")
    if len(texts) > _MAX_INPUTS:
        raise invalid(f"'input' has more than {_MAX_INPUTS} items.", "input")
    if max(map(count_tokens, texts)) > _MAX_TOKENS:
        raise invalid(f"This model's maximum context length is {_MAX_TOKENS} tokens.", "input")
    dimensions = int(body.get("dimensions") or default_dimensions)
    as_base64 = body.get("encoding_format") == "base64"
    data = []
    for i, text in enumerate(texts):
        vector = embed(text, dimensions)
        shown = base64.b64encode(array("f", vector).tobytes()).decode() if as_base64 else vector
        data.append({"object": "embedding", "index": i, "embedding": shown})
    tokens = sum(map(count_tokens, texts))
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": body["model"], "usage": usage}
