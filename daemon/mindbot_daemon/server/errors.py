"""Errors become status codes and bodies here, and nowhere else."""

from __future__ import annotations

from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from mindbot.api.errors import problem_of
from mindbot.domain import errors
from mindbot.domain.shapes.daemon import ProblemJson
from mindbot_daemon.server.answers import Answer, said

log = structlog.get_logger(__name__)

#: The most special first: an error takes the first entry it is an instance of.
STATUS: tuple[tuple[type[errors.MindBotError], HTTPStatus], ...] = (
    (errors.WrongValue, HTTPStatus.UNPROCESSABLE_ENTITY),
    (errors.Invalid, HTTPStatus.BAD_REQUEST),
    (errors.NotFound, HTTPStatus.NOT_FOUND),
    (errors.Conflict, HTTPStatus.CONFLICT),
    (errors.Forbidden, HTTPStatus.FORBIDDEN),
    (errors.TimedOut, HTTPStatus.GATEWAY_TIMEOUT),
    (errors.ConfigError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (errors.SecretError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (errors.StoreUnreadable, HTTPStatus.CONFLICT),
    (errors.StoreFull, HTTPStatus.INSUFFICIENT_STORAGE),
    (errors.StoreError, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.Unreachable, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.VendorError, HTTPStatus.BAD_GATEWAY),
    (errors.MindBotError, HTTPStatus.INTERNAL_SERVER_ERROR),
)


def status_of(error: errors.MindBotError) -> HTTPStatus:
    """Return the status code of an error."""
    return next(status for cls, status in STATUS if isinstance(error, cls))


def install(app: FastAPI) -> None:
    """Make every error of the app answer ``{kind, message, hint, turn}``."""
    app.add_exception_handler(errors.MindBotError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unexpected)


def _ours(request: Request, error: Exception) -> Answer:
    assert isinstance(error, errors.MindBotError)
    return Answer(said(problem_of(error, _turn(request))), status_of(error))


def _invalid(request: Request, error: Exception) -> Answer:
    """Name the fields; never echo the input, it may be a secret."""
    assert isinstance(error, RequestValidationError)
    findings = [
        ": ".join(filter(None, (".".join(str(step) for step in each["loc"][1:]), each["msg"])))
        for each in error.errors()
    ]
    body = _body("invalid", "; ".join(findings), "see /v1/openapi.json", _turn(request))
    return Answer(body, HTTPStatus.UNPROCESSABLE_ENTITY)


def _http(request: Request, error: Exception) -> Answer:
    assert isinstance(error, HTTPException)
    kind = {404: "not_found", 413: "too_large"}.get(error.status_code, "invalid")
    body = _body(kind, f"{request.method} {request.url.path}: {error.detail}", "see /v1/openapi.json", "")
    return Answer(body, error.status_code, headers=error.headers)


def _gone(request: Request, error: Exception) -> Response:
    """The client hung up while it was sending: its choice, and nobody is there to be answered."""
    log.info("api.client_gone", method=request.method, path=request.url.path)
    return Response(status_code=HTTPStatus.BAD_REQUEST)


def _unexpected(request: Request, error: Exception) -> Answer:
    log.error("api.failed", method=request.method, path=request.url.path, exc_info=error)
    body = _body("error", "the daemon could not do that", "its log says why", _turn(request))
    return Answer(body, HTTPStatus.INTERNAL_SERVER_ERROR)


def _turn(request: Request) -> str:
    """The turn a request is about: named in its path, or made on its way."""
    made: str = getattr(request.state, "turn", "")
    return made or str(request.path_params.get("turn", ""))


def _body(kind: str, message: str, hint: str, turn: str) -> ProblemJson:
    return {"kind": kind, "message": message, "hint": hint, "turn": turn}
