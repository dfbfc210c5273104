"""The local API as one FastAPI app. Importing this module costs half a second of CPU: do it late."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI

from mindbot.api import models
from mindbot.domain.distribution import version
from mindbot_daemon.server import errors
from mindbot_daemon.server.answers import Answer
from mindbot_daemon.server.backend import Host
from mindbot_daemon.server.closing import Closing, Requests
from mindbot_daemon.server.limits import BodyLimit
from mindbot_daemon.server.roles import Roles
from mindbot_daemon.server.routes import (
    about,
    breakpoints,
    bus,
    config,
    database,
    datasets,
    dead_letters,
    debugger,
    events,
    failures,
    forks,
    jury,
    logs,
    media,
    platforms,
    providers,
    queue,
    replays,
    rollbacks,
    routing,
    secrets,
    sessions,
    traces,
    turns,
    workflows,
)
from mindbot_daemon.server.stream.hub import Hub

RESOURCES = (
    about,
    platforms,
    providers,
    workflows,
    datasets,
    routing,
    turns,
    traces,
    breakpoints,
    debugger,
    jury,
    replays,
    forks,
    sessions,
    rollbacks,
    dead_letters,
    queue,
    failures,
    secrets,
    config,
    database,
    logs,
    media,
    bus,
    events,
)

MAX_BODY = 1 << 20  # bytes
MAX_FILE = 1 << 30  # bytes; the media store has a limit of its own

#: What every operation may answer instead; server/errors.py knows which error has which status.
FAILURE: dict[int | str, dict[str, Any]] = {
    "default": {
        "model": models.Problem,
        "description": "What is wrong, and how to mend it. 400 a filter or request that makes no sense · "
        "403 your role · 404 · 409 it changed or runs already · 413 too large · 422 invalid input · "
        "503 starting, or the store cannot write · 504 it took too long",
    }
}


def create_app(host: Host, roles: Roles, hub: Hub, requests: Requests | None = None) -> FastAPI:
    """Return the app that serves ``host`` under ``/v1`` to peers with these roles; ``hub`` must run.

    ``requests`` gets those that are open, so that they can be ended.
    """
    app = FastAPI(
        title="MindBot",
        version=version(),
        openapi_url="/v1/openapi.json",
        docs_url="/v1/docs",
        redoc_url=None,
        default_response_class=Answer,
    )
    app.state.host = host
    app.state.roles = roles
    app.state.hub = hub
    app.add_middleware(BodyLimit, most=MAX_BODY, but={"/v1/media": MAX_FILE})
    app.add_middleware(Closing, requests=requests or Requests())
    errors.install(app)
    v1 = APIRouter(prefix="/v1", responses=FAILURE)
    for resource in RESOURCES:
        v1.include_router(resource.router)
    app.include_router(v1)
    return app
