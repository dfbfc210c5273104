"""Knowledge bases of Dify's (datasets): what is in them, what is found in them, documents put into them.

Sources: Dify Service API, "Knowledge base": "List documents", "Retrieve chunks / Test retrieval", "Create
document from file". A key of knowledge bases opens all of a workspace. Unsure: older servers want all fields
of ``retrieval_model`` where one is given, so that all are sent or none.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from mindbot.config.workflows import DatasetSettings
from mindbot.domain.chat import Attachment
from mindbot.domain.errors import Invalid, MindBotError, NotFound, Overloaded
from mindbot.domain.host import Secrets
from mindbot.domain.message import Json
from mindbot.domain.plain import dumps
from mindbot.domain.ports.http import Http
from mindbot.domain.shapes.workflows import DatasetDocumentJson, DatasetJson, DatasetPieceJson
from mindbot.providers.shared.addresses import asking
from mindbot.providers.shared.attachments import with_bytes
from mindbot.providers.shared.uploads import multipart
from mindbot.telemetry.redaction import told
from mindbot.workflows.dify.client import DifyClient, part

#: Characters of a question that Dify takes.
LONGEST = 250
#: Documents that are told of at once, at most.
MOST = 1000
_PAGE = 100
#: The usual way to search where only the number of pieces is set.
_SEARCH = "semantic_search"


class Datasets:
    """The knowledge bases of one configuration, by their names there. All methods raise NotFound for a name
    that none has, and VendorError, SecretError where Dify cannot be asked."""

    def __init__(self, datasets: Mapping[str, DatasetSettings], http: Http, secrets: Secrets) -> None:
        self._datasets = datasets
        self._clients = {
            name: DifyClient(f"dataset {name}", each.base_url, each.api_key, http=http, secrets=secrets)
            for name, each in datasets.items()
        }

    async def all(self) -> list[DatasetJson]:
        """Return every one; what is wrong with one that cannot be asked stands with it."""
        return [await self._one(name) for name in self._datasets]

    async def documents(self, name: str) -> list[DatasetDocumentJson]:
        """Return the documents of one, the first `MOST`."""
        path, found = f"{self._place(name)}/documents", list[Json]()
        for page in range(1, MOST // _PAGE + 1):
            doc = await self._client(name).get(asking(path, page=str(page), limit=str(_PAGE)))
            rows = _rows(doc, "data")
            found += rows
            if not rows or not (isinstance(doc, dict) and doc.get("has_more")):
                break
        return [_document(row) for row in found]

    async def query(self, name: str, text: str) -> list[DatasetPieceJson]:
        """Return the pieces that a question finds, the best first; raises Invalid."""
        if not 0 < len(text.strip()) <= LONGEST:
            raise Invalid(f"a question has 1 to {LONGEST} characters", hint="ask for the words that matter")
        settings = self._settings(name)
        body: Json = {"query": text.strip()}
        if settings.top_k or settings.search:
            body["retrieval_model"] = {
                "search_method": settings.search or _SEARCH,
                "reranking_enable": False,
                "top_k": settings.top_k or 2,
                "score_threshold_enabled": settings.score > 0,
                "score_threshold": settings.score,
            }
        doc = await self._client(name).send("POST", f"{self._place(name)}/retrieve", body=body)
        return [_piece(row) for row in _rows(doc, "records")]

    async def upload(self, name: str, path: Path, title: str, type: str) -> DatasetDocumentJson:
        """Put a file into one as a document; it can be found once Dify has indexed it. Raises Invalid."""
        ready = await with_bytes(Attachment("file", type, title, path=str(path)))
        if isinstance(ready, str):
            raise Invalid(f"{title}: {ready}")
        rules: Json = {"indexing_technique": "high_quality", "process_rule": {"mode": "automatic"}}
        form = partial(multipart, {"data": dumps(rules).decode()}, ready)
        where = f"{self._place(name)}/document/create-by-file"
        doc = await self._client(name).send("POST", where, form=form)
        document = doc.get("document") if isinstance(doc, dict) else None
        if not isinstance(document, dict):
            raise Overloaded(f"dataset {name}: an upload without a document", code="garbage")
        return _document(document)

    async def _one(self, name: str) -> DatasetJson:
        settings = self._settings(name)
        row: DatasetJson = {
            "name": name,
            "title": "",
            "dataset_id": settings.dataset_id,
            "endpoint": self._client(name).base_url,
            "documents": 0,
            "error": "",
        }
        try:
            doc = await self._client(name).get(self._place(name))
        except MindBotError as exc:
            return {**row, "error": told(str(exc))}
        if isinstance(doc, dict):
            row["title"], row["documents"] = str(doc.get("name") or ""), _count(doc.get("document_count"))
        return row

    def _settings(self, name: str) -> DatasetSettings:
        if (found := self._datasets.get(name)) is None:
            there = ", ".join(self._datasets) or "none: set dify_datasets"
            raise NotFound(f"no dataset named {name!r}", hint=f"there are: {there}")
        return found

    def _client(self, name: str) -> DifyClient:
        self._settings(name)
        return self._clients[name]

    def _place(self, name: str) -> str:
        return f"/datasets/{part(self._settings(name).dataset_id)}"


def _rows(doc: Any, field: str) -> list[Json]:
    rows = doc.get(field) if isinstance(doc, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _document(row: Json) -> DatasetDocumentJson:
    return {
        "id": str(row.get("id") or ""),
        "name": str(row.get("name") or ""),
        "status": str(row.get("display_status") or row.get("indexing_status") or ""),
        "words": _count(row.get("word_count")),
        "created": float(_count(row.get("created_at"))),
        "error": str(row.get("error") or ""),
    }


def _piece(row: Json) -> DatasetPieceJson:
    segment = row.get("segment")
    segment = segment if isinstance(segment, dict) else {}
    document = segment.get("document")
    score = row.get("score")
    return {
        "text": str(segment.get("content") or ""),
        "answer": str(segment.get("answer") or ""),
        "document": str(document.get("name") or "") if isinstance(document, dict) else "",
        "score": float(score) if isinstance(score, int | float) else None,
    }


def _count(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0
