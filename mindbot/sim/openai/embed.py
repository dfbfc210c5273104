"""Embeddings of texts or tokens. Source: "Embeddings" in the API reference."""

from __future__ import annotations

import base64
from array import array
from typing import Any

from mindbot.domain.message import Json
from mindbot.sim.models.conversation import count_tokens
from mindbot.sim.models.vectors import embed
from mindbot.sim.openai.errors import invalid

_MAX_INPUTS = 2048
_MAX_TOKENS = 8192
_MAX_TOKENS_AT_ONCE = 300_000


def embeddings(body: Json, default_dimensions: int) -> Json:
    """Answer an embeddings request.

    Raises:
        ModelApiError: the request is not one the real API accepts.
    """
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise invalid("you must provide a model parameter")
    texts = _texts(body.get("input"))
    dimensions = _dimensions(body.get("dimensions"), default_dimensions)
    form = body.get("encoding_format") or "float"
    if form not in ("float", "base64"):
        raise invalid(f"Invalid value: {form!r}.", "encoding_format", "invalid_value")
    data = []
    for i, text in enumerate(texts):
        vector = embed(text, dimensions)
        shown = base64.b64encode(array("f", vector).tobytes()).decode() if form == "base64" else vector
        data.append({"object": "embedding", "index": i, "embedding": shown})
    tokens = sum(map(count_tokens, texts))
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": body["model"], "usage": usage}


def _texts(inputs: Any) -> list[str]:
    if isinstance(inputs, list) and inputs and all(isinstance(token, int) for token in inputs):
        inputs = [inputs]  # one text, as tokens
    found = [inputs] if isinstance(inputs, str) else inputs
    if not isinstance(found, list):
        raise invalid("'input' is a string or an array of strings.", "input", "invalid_type")
    texts = [_text(each) for each in found]
    if not texts or not all(texts):
        raise invalid("'input' cannot be empty.", "input")
    if len(texts) > _MAX_INPUTS:
        raise invalid(f"'input' has more than {_MAX_INPUTS} items.", "input", "array_above_max_length")
    sizes = [count_tokens(text) for text in texts]
    if max(sizes) > _MAX_TOKENS:
        said = f"This model's maximum context length is {_MAX_TOKENS} tokens, you requested {max(sizes)}."
        raise invalid(said, "input", "context_length_exceeded")
    if sum(sizes) > _MAX_TOKENS_AT_ONCE:
        said = f"Invalid 'input': maximum request size is {_MAX_TOKENS_AT_ONCE} tokens per request."
        raise invalid(said, "input", "max_tokens_per_request")
    return texts


def _text(given: Any) -> str:
    if isinstance(given, str):
        return given
    if isinstance(given, list) and all(isinstance(token, int) for token in given):
        return "".join(f"{token % 10_000:04d}" for token in given)  # a token is four characters here
    raise invalid("'input' is a string or an array of strings.", "input", "invalid_type")


def _dimensions(given: Any, most: int) -> int:
    if given is None:
        return most
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise invalid(
            "Invalid 'dimensions': integer below minimum value.", "dimensions", "integer_below_min_value"
        )
    if given > most:
        raise invalid(f"Invalid 'dimensions': at most {most} with this model.", "dimensions", "invalid_value")
    return given
