"""Documents in the order of their nearness to a query, as rerank services answer.

Sources: Jina "Reranker API" (with ``usage``), SiliconFlow "Create rerank" (with ``meta``); vLLM is like Jina.
"""

from __future__ import annotations

from typing import Any

from mindbot.domain.message import Json
from mindbot.sim.models.conversation import count_tokens
from mindbot.sim.models.vectors import embed
from mindbot.sim.openai.errors import invalid

_DIMENSIONS = 256
_MAX_DOCUMENTS = 2048


def rerank(body: Json, number: int, *, meta: bool) -> Json:
    """Answer a rerank request; ``meta``: tokens are told there, as SiliconFlow does.

    Raises:
        ModelApiError: the request is not in order.
    """
    for name in ("model", "query"):
        if not isinstance(body.get(name), str) or not body[name]:
            raise invalid(f"{name} is required", name)
    texts = _texts(body.get("documents"))
    top = body.get("top_n")
    if top is not None and (not isinstance(top, int) or top < 1):
        raise invalid("top_n must be a positive integer", "top_n")
    asked = embed(body["query"], _DIMENSIONS)
    scores = [_nearness(asked, embed(text, _DIMENSIONS)) for text in texts]
    order = sorted(range(len(texts)), key=lambda i: -scores[i])[:top]
    shows = body.get("return_documents", not meta)
    results = [
        {"index": i, "relevance_score": scores[i], **({"document": {"text": texts[i]}} if shows else {})}
        for i in order
    ]
    tokens = count_tokens(body["query"]) * len(texts) + sum(map(count_tokens, texts))
    if meta:
        told = {"tokens": {"input_tokens": tokens, "output_tokens": 0}}
        return {"id": f"rerank-{number:029d}", "results": results, "meta": told}
    usage = {"total_tokens": tokens, "prompt_tokens": tokens}
    return {"model": body["model"], "object": "list", "usage": usage, "results": results}


def _texts(documents: Any) -> list[str]:
    if not isinstance(documents, list) or not documents:
        raise invalid("documents is required", "documents")
    if len(documents) > _MAX_DOCUMENTS:
        raise invalid(f"documents has more than {_MAX_DOCUMENTS} items", "documents")
    texts = [each.get("text") if isinstance(each, dict) else each for each in documents]
    found = [text for text in texts if isinstance(text, str) and text]
    if len(found) < len(texts):
        raise invalid("documents must be texts", "documents")
    return found


def _nearness(a: list[float], b: list[float]) -> float:
    """Return how near two unit vectors are, from 0 to 1."""
    return round((sum(x * y for x, y in zip(a, b, strict=True)) + 1) / 2, 6)
