"""Knowledge bases: documents, cut at empty lines, whose pieces are found by the words they share."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from mindbot.domain.message import Json
from mindbot.sim.dify.asking import unique
from mindbot.sim.dify.errors import refused

_WORDS = re.compile(r"[a-z0-9]+|[\u3400-\u9fff]")


@dataclass(slots=True, eq=False)
class SimDocument:
    """One document; ``ready`` is when it can be found."""

    id: str
    batch: str
    name: str
    pieces: list[str]
    position: int
    created: float
    ready: float

    def to_json(self, now: float) -> Json:
        done = now >= self.ready
        return {
            "id": self.id,
            "position": self.position,
            "data_source_type": "upload_file",
            "name": self.name,
            "created_from": "api",
            "created_at": int(self.created),
            "tokens": sum(len(piece) for piece in self.pieces) // 4,
            "indexing_status": "completed" if done else "indexing",
            "error": None,
            "enabled": True,
            "display_status": "available" if done else "indexing",
            "word_count": sum(len(piece) for piece in self.pieces),
            "hit_count": 0,
            "doc_form": "text_model",
        }


@dataclass(slots=True, eq=False)
class SimDataset:
    """One knowledge base."""

    id: str
    name: str
    created: float
    documents: dict[str, SimDocument] = field(default_factory=dict)

    def put(self, name: str, text: str, now: float, delay: float) -> SimDocument:
        """Take a document, which can be found after ``delay`` seconds."""
        pieces = [piece.strip() for piece in text.split("\n\n") if piece.strip()]
        batch, position = f"{int(now)}{len(self.documents):06d}", len(self.documents) + 1
        document = SimDocument(str(uuid.uuid4()), batch, name, pieces, position, now, now + delay)
        self.documents[document.id] = document
        return document

    def to_json(self) -> Json:
        return {
            "id": self.id,
            "name": self.name,
            "description": None,
            "provider": "vendor",
            "permission": "only_me",
            "data_source_type": "upload_file",
            "indexing_technique": "high_quality",
            "app_count": 0,
            "document_count": len(self.documents),
            "word_count": sum(len(p) for d in self.documents.values() for p in d.pieces),
            "created_at": int(self.created),
            "embedding_available": True,
        }


class KnowledgeShelf:
    """All knowledge bases by id."""

    def __init__(self, clock: Callable[[], float], texts: Mapping[str, Iterable[str]]) -> None:
        """``texts`` are those that each knowledge base begins with, by its name."""
        self._clock = clock
        self._texts = texts
        self.datasets: dict[str, SimDataset] = {}
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.datasets.clear()
        for name, texts in self._texts.items():
            made = self.make(name)
            for number, text in enumerate(texts, 1):
                made.put(f"{name}-{number}.txt", text, made.created, 0.0)

    def make(self, name: str) -> SimDataset:
        """Make an empty knowledge base; raises ModelApiError when its name is taken."""
        if any(dataset.name == name for dataset in self.datasets.values()):
            raise refused("dataset_name_duplicate")
        made = SimDataset(str(uuid.uuid4()), name, self._clock())
        self.datasets[made.id] = made
        return made

    def get(self, number: str) -> SimDataset:
        """Return a knowledge base; raises ModelApiError."""
        found = self.datasets.get(unique(number))
        if found is None:
            raise refused("not_found", "Dataset not found.")
        return found

    def found(self, dataset: SimDataset, query: str, top: int, least: float) -> list[Json]:
        """Return the pieces that share most words with the query, the best first."""
        asked, now, records = set(_WORDS.findall(query.lower())), self._clock(), []
        for document in dataset.documents.values():
            for position, piece in enumerate(document.pieces if now >= document.ready else (), 1):
                shared = asked & set(_WORDS.findall(piece.lower()))
                score = round(len(shared) / len(asked), 4) if asked else 0.0
                if score > 0 and score >= least:
                    records.append(_record(document, position, piece, score))
        records.sort(key=lambda record: -record["score"])
        return records[:top]


def _record(document: SimDocument, position: int, piece: str, score: float) -> Json:
    about = {"id": document.id, "data_source_type": "upload_file", "name": document.name, "doc_type": None}
    segment = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{document.id}/{position}")),
        "position": position,
        "document_id": document.id,
        "content": piece,
        "answer": None,
        "word_count": len(piece),
        "tokens": len(piece) // 4,
        "keywords": [],
        "hit_count": 0,
        "enabled": True,
        "status": "completed",
        "created_at": int(document.created),
        "error": None,
        "document": about,
    }
    return {"segment": segment, "child_chunks": [], "score": score, "tsne_position": None, "files": []}
