"""Embeddings. Source: "Embeddings" in the API reference."""

from __future__ import annotations

import base64
from array import array

from mindbot.domain.message import Json
from mindbot.sim.models.conversation import count_tokens
from mindbot.sim.models.vectors import embed
from mindbot.sim.openai.errors import invalid

_MAX_INPUTS = 2048
_MAX_TOKENS = 8192


def embeddings(body: Json, default_dimensions: int) -> Json:
    """Answer an embeddings request.

    Raises:
        ModelApiError: the request is not one the real API accepts.
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
