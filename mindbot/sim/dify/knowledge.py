"""What can be asked of knowledge bases. A key of its own opens all of them.

Source: Service API, "Knowledge base": its pages of documents and "Retrieve chunks".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp.web import FileField

from mindbot.domain.message import Json
from mindbot.sim.dify.asking import DifyCall
from mindbot.sim.dify.desk import DifyDesk
from mindbot.sim.dify.errors import refused
from mindbot.sim.dify.library import SimDocument
from mindbot.sim.dify.listing import Listing

_TOP = 2  # pieces that are found where nothing else is said
_LONGEST = 250  # characters of a query


def whole_text(file: object) -> str:
    """Return the text of an uploaded file, whatever it is."""
    if not isinstance(file, FileField):
        return ""
    file.file.seek(0)
    return file.file.read().decode(errors="replace")


def _page(call: DifyCall, found: list[Json]) -> Json:
    page, limit = call.whole("page", 1, 99999), call.whole("limit", 20, 100)
    begin = (page - 1) * limit
    more = {"has_more": len(found) > begin + limit, "total": len(found)}
    return {"data": found[begin : begin + limit], "page": page, "limit": limit, **more}


def _datasets(desk: DifyDesk, call: DifyCall) -> Json:
    word = call.query.get("keyword", "")
    return _page(call, [d.to_json() for d in desk.library.datasets.values() if word in d.name])


def _make(desk: DifyDesk, call: DifyCall) -> Json:
    name = call.body.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= 40:
        raise refused("invalid_param", "name must be between 1 and 40 characters")
    return desk.library.make(name).to_json()


def _dataset(desk: DifyDesk, call: DifyCall) -> Json:
    return desk.library.get(call.args["id"]).to_json()


def _retrieve(desk: DifyDesk, call: DifyCall) -> Json:
    dataset, query = desk.library.get(call.args["id"]), call.body.get("query")
    if not isinstance(query, str) or not query or len(query) > _LONGEST:
        raise refused("invalid_param", "query must be between 1 and 250 characters")
    model: Json = call.body.get("retrieval_model") or {}
    least = model.get("score_threshold") or 0.0 if model.get("score_threshold_enabled") else 0.0
    records = desk.library.found(dataset, query, int(model.get("top_k") or _TOP), float(least))
    return {"query": {"content": query}, "records": records}


def _by_text(desk: DifyDesk, call: DifyCall) -> Json:
    name, text = call.body.get("name"), call.body.get("text")
    if not isinstance(name, str) or not name or not isinstance(text, str) or not text:
        raise refused("invalid_param", "name and text are required")
    return _put(desk, call, name, text)


def _by_file(desk: DifyDesk, call: DifyCall) -> Json:
    file = call.body.get("file")
    if not isinstance(file, dict):
        raise refused("no_file_uploaded")
    try:
        orjson.loads(call.body.get("data") or "{}")
    except ValueError as exc:
        raise refused("invalid_param", "data is no JSON") from exc
    return _put(desk, call, str(file["filename"]), str(call.body.get("text", "")))


def _put(desk: DifyDesk, call: DifyCall, name: str, text: str) -> Json:
    now = desk.clock()
    document = desk.library.get(call.args["id"]).put(name, text, now, desk.rules.indexing)
    return {"document": document.to_json(now), "batch": document.batch}


def _documents(desk: DifyDesk, call: DifyCall) -> Json:
    dataset, word, now = desk.library.get(call.args["id"]), call.query.get("keyword", ""), desk.clock()
    return _page(call, [d.to_json(now) for d in dataset.documents.values() if word in d.name])


def _status(desk: DifyDesk, call: DifyCall) -> Json:
    dataset, now = desk.library.get(call.args["id"]), desk.clock()
    found = [d for d in dataset.documents.values() if d.batch == call.args["batch"]]
    if not found:
        raise refused("not_found", "Documents not found.")
    return {"data": [_progress(document, now) for document in found]}


def _progress(document: SimDocument, now: float) -> Json:
    done, total = now >= document.ready, len(document.pieces)
    began, ended = int(document.created), int(document.ready) if done else None
    return {
        "id": document.id,
        "indexing_status": "completed" if done else "indexing",
        "processing_started_at": began,
        "parsing_completed_at": began,
        "cleaning_completed_at": began,
        "splitting_completed_at": began,
        "completed_at": ended,
        "paused_at": None,
        "error": None,
        "stopped_at": None,
        "completed_segments": total if done else 0,
        "total_segments": total,
    }


def _drop(desk: DifyDesk, call: DifyCall) -> Any:
    dataset = desk.library.get(call.args["id"])
    if dataset.documents.pop(call.args["document"], None) is None:
        raise refused("not_found", "Document Not Exists.")


#: By method and path; the spelling with underscores is older.
KNOWLEDGE: Mapping[tuple[str, str], Listing] = {
    ("GET", "/v1/datasets"): _datasets,
    ("POST", "/v1/datasets"): _make,
    ("GET", "/v1/datasets/{id}"): _dataset,
    ("POST", "/v1/datasets/{id}/retrieve"): _retrieve,
    ("POST", "/v1/datasets/{id}/hit-testing"): _retrieve,
    ("POST", "/v1/datasets/{id}/document/create-by-text"): _by_text,
    ("POST", "/v1/datasets/{id}/document/create_by_text"): _by_text,
    ("POST", "/v1/datasets/{id}/document/create-by-file"): _by_file,
    ("POST", "/v1/datasets/{id}/document/create_by_file"): _by_file,
    ("GET", "/v1/datasets/{id}/documents"): _documents,
    ("GET", "/v1/datasets/{id}/documents/{batch}/indexing-status"): _status,
    ("DELETE", "/v1/datasets/{id}/documents/{document}"): _drop,
}
