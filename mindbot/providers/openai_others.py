"""What stands beside chats on OpenAI's wire, as data: embeddings, transcription, reranking. Pure.

Sources: OpenAI API reference, "Create embeddings", "Create transcription"; "Rerank" of Jina, SiliconFlow and
vLLM, who agree.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mindbot.domain.chat import Attachment
from mindbot.domain.errors import Overloaded, Rejected
from mindbot.domain.message import Json
from mindbot.domain.ports.answering import Embedding, Rank
from mindbot.providers.shared.attachments import with_bytes
from mindbot.providers.shared.embedding import numbers
from mindbot.providers.wires.openai_parts import usage_of


def vectors(doc: Any) -> Embedding:
    """Return the vectors of an answer in the order of their ``index``, without those of a wrong one."""
    data = doc.get("data") if isinstance(doc, dict) else None
    items = [each for each in data if isinstance(each, dict)] if isinstance(data, list) else []
    numbered = {each["index"]: each for each in items if isinstance(each.get("index"), int)}
    if numbered:
        items = [numbered[at] for at in range(len(items)) if at in numbered]
    usage = usage_of(doc.get("usage")) if isinstance(doc, dict) else None
    return Embedding([numbers(each.get("embedding")) for each in items], usage)


async def speech_form(
    vendor: str, sound: Attachment, *, model: str, language: str
) -> tuple[dict[str, str], Attachment]:
    """Return the fields of a transcription and the recording with its bytes; raises Rejected without any."""
    found = await with_bytes(sound)
    if isinstance(found, str):
        raise Rejected(f"{vendor}: the recording: {found}", code="no_sound")
    fields = {"model": model, "response_format": "json"}
    return {**fields, "language": language} if language else fields, found


def transcript(vendor: str, doc: Any) -> str:
    """Return the text of a transcription; raises Overloaded for something else."""
    if isinstance(doc, dict) and isinstance(doc.get("text"), str):
        text: str = doc["text"]
        return text
    raise Overloaded(f"{vendor}: answered with something that is no transcription", code="garbage")


def rerank_body(model: str, question: str, texts: Sequence[str], most: int) -> Json:
    """Return what asks for the order of texts."""
    body: Json = {"model": model, "query": question, "documents": list(texts), "return_documents": False}
    return {**body, "top_n": most} if most else body


def ranked(vendor: str, doc: Any, texts: int, most: int) -> list[Rank]:
    """Return the best first, each text once; raises Overloaded for something else."""
    results = next((doc[name] for name in ("results", "data") if name in doc), None) if _is(doc) else None
    if not isinstance(results, list):
        raise Overloaded(f"{vendor}: answered with something that is no ranking", code="garbage")
    scores: dict[int, float] = {}
    for each in filter(_is, results):
        at, score = each.get("index"), each.get("relevance_score", each.get("score"))
        known = isinstance(at, int) and not isinstance(at, bool) and 0 <= at < texts and at not in scores
        if known and isinstance(score, int | float) and math.isfinite(score):
            scores[at] = float(score)
    best = sorted((Rank(at, score) for at, score in scores.items()), key=lambda rank: -rank.score)
    return best[: most or None]


def _is(doc: Any) -> bool:
    return isinstance(doc, dict)
