"""Gemini's embeddings. Source: embedContent and batchEmbedContents in the reference of the Gemini API."""

from __future__ import annotations

from typing import Any

from mindbot.domain.message import Json
from mindbot.sim.gemini import fields as f
from mindbot.sim.gemini.contents import parts
from mindbot.sim.gemini.refusals import invalid
from mindbot.sim.models.vectors import embed

_MOST = 100  # in a batch
_TASKS = frozenset({
    "RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT", "SEMANTIC_SIMILARITY", "CLASSIFICATION",
    "CLUSTERING", "QUESTION_ANSWERING", "FACT_VERIFICATION", "CODE_RETRIEVAL_QUERY",
})  # fmt: skip


def embedding(model: str, value: Any, dimensions: int, where: str = "") -> Json:
    """Answer one request; raises ModelApiError when it is not one that the real API accepts."""
    at = f"{where}." if where else ""
    request = f.fields(value, f.EMBEDDING, where)
    if where and request.get("model") != f"models/{model}":
        raise invalid(f"* BatchEmbedContentsRequest.{at}model: unexpected model name format\n")
    content = f.fields(request.get("content") or {}, f.CONTENT, f"{at}content")
    text = " ".join(part.get("text", "") for part in parts(content.get("parts"), f"{at}content"))
    if not text:
        raise invalid("* EmbedContentRequest.content: contents is not specified\n")
    if request.get("taskType", "SEMANTIC_SIMILARITY") not in _TASKS:
        raise invalid(f"Invalid value at '{at}task_type', \"{request['taskType']}\"")
    wanted = request.get("outputDimensionality", dimensions)
    if not isinstance(wanted, int) or wanted < 1:
        raise invalid(f"* EmbedContentRequest.{at}output_dimensionality: must be positive.\n")
    return {"values": embed(text, wanted)}


def batch(model: str, body: Json, dimensions: int) -> Json:
    """Answer several; raises ModelApiError."""
    requests = f.items(f.fields(body, frozenset({"requests"}), "").get("requests"), "requests")
    if not requests:
        raise invalid("* BatchEmbedContentsRequest.requests: requests is not specified\n")
    if len(requests) > _MOST:
        raise invalid(f"* BatchEmbedContentsRequest.requests: at most {_MOST} requests can be in one batch\n")
    found = [embedding(model, each, dimensions, f"requests[{i}]") for i, each in enumerate(requests)]
    return {"embeddings": found}
