"""Errors of OpenAI's in the words of a face: by name where it has words of its own, else in its shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from mindbot.domain.message import Json
from mindbot.sim.models.refusals import ModelApiError
from mindbot.sim.openai.errors import error_for, refused
from mindbot.sim.openai.faces import SimulatedFace

_TYPES = {400: "BadRequestError", 401: "AuthenticationError", 404: "NotFoundError", 429: "RateLimitError"}
#: Names of errors whose code is not their name, by the status and type they have.
_NAMED = {
    (429, "tokens"): "tokens_exceeded",
    (503, "server_error"): "overloaded",
    (500, "server_error"): "server_error",
}


def _code_text(status: int, error: Json) -> Json:
    return {"error": {"code": str(error.get("code") or status), "message": error["message"]}}


def _coded(status: int, error: Json) -> Json:
    return {"error": {"message": error["message"], "code": status}, "user_id": "user_simulated"}


def _flat(status: int, error: Json) -> Json:
    return {"code": {400: 20015}.get(status, 50501), "message": error["message"], "data": None}


def _numbered(status: int, error: Json) -> Json:
    kind = _TYPES.get(status, "InternalServerError")
    return {"error": {"message": error["message"], "type": kind, "param": error["param"], "code": status}}


def _llama(status: int, error: Json) -> Json:
    kind = {404: "not_found_error", 401: "authentication_error"}.get(status, error["type"])
    return {"error": {"code": status, "message": error["message"], "type": kind}}


def _plain(status: int, error: Json) -> Json:
    return {"error": {"message": error["message"], "type": error["type"]}}


_SHAPES: Mapping[str, Callable[[int, Json], Json]] = {
    "code_text": _code_text,
    "coded": _coded,
    "flat": _flat,
    "llama": _llama,
    "numbered": _numbered,
    "plain": _plain,
}


def name_of(status: int, error: Json) -> str:
    """Return the name of an error among OpenAI's refusals; "" when it has none."""
    return _NAMED.get((status, error["type"])) or error.get("code") or ""


def worded(face: SimulatedFace, exc: ModelApiError) -> ModelApiError:
    """Return a refusal as the face says it; its own words keep what the request itself was told of."""
    error = exc.body.get("error") if isinstance(exc.body, dict) else None
    if not isinstance(error, dict) or "type" not in error or not (face.words or face.shape != "openai"):
        return exc
    status, body = in_words(face, exc.status, error)
    return ModelApiError(status, body, exc.headers)


def in_words(face: SimulatedFace, status: int, error: Json) -> tuple[int, Any]:
    """Return status and body of an error as the face says it."""
    if found := face.words.get(name_of(status, error)):
        return found
    shape = _SHAPES.get(face.shape)
    return status, shape(status, error) if shape else {"error": error}


def body_for(face: SimulatedFace, status: int, code: str) -> Any:
    """Return the body that comes with a status (and a code), whatever status the face would give it."""
    error = error_for(status, code)["error"]
    return in_words(face, status, error)[1]


def in_stream(face: SimulatedFace, code: str, head: Json) -> bytes:
    """Return what a stream says of a failure in its middle."""
    exc = refused(code) if code else refused("server_error")
    body = in_words(face, exc.status, exc.body["error"])[1]
    if face.shape == "coded":  # OpenRouter: a chunk that ends the choice
        told = body["error"] if isinstance(body, dict) else {}
        choice = {"index": 0, "delta": {"content": ""}, "finish_reason": "error"}
        base = {**head, "object": "chat.completion.chunk"}
        body = {**base, "error": {"code": told["code"], "message": told["message"]}, "choices": [choice]}
    sent = b"data: " + orjson.dumps(body) + b"\n\n"
    return sent + b"data: [DONE]\n\n" if face.done else sent
