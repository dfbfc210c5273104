"""The daemon itself: is it there, is it well, what does it do. Ping, version and health need no role."""

from __future__ import annotations

import os

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from mindbot.api import instrument_models, models
from mindbot.domain.distribution import version
from mindbot.domain.errors import Unreachable
from mindbot.domain.shapes.daemon import (
    ComponentJson,
    HealthJson,
    KnownJson,
    PingJson,
    StatusJson,
    VersionJson,
)
from mindbot.domain.shapes.instruments import MetricTimesJson
from mindbot_daemon.server.auth import role_of
from mindbot_daemon.server.backend import Host
from mindbot_daemon.server.deps import VIEWER, AboutDep, HostDep

router = APIRouter(tags=["daemon"])


@router.get("/ping", response_model=models.Ping)
async def ping(host: HostDep) -> PingJson:
    """Answer, also while the daemon starts."""
    return {"ok": True, "pid": os.getpid(), "phase": host.phase}


@router.get("/version", response_model=models.Version)
async def get_version() -> VersionJson:
    """The daemon's version, and the API's."""
    return {"version": version(), "api": "v1"}


@router.get("/status", response_model=models.Status, dependencies=VIEWER)
async def status(host: HostDep, request: Request) -> StatusJson | KnownJson:
    """Everything at a glance, and the caller's role; while the daemon starts, only what is known by then."""
    role = role_of(request)
    known: KnownJson = {
        "version": version(),
        "pid": os.getpid(),
        "phase": host.phase,
        "role": role.name if role else "",
        "ready": False,
    }
    try:
        found: StatusJson = {**host.runtime.resources.about.status(), **known}
    except Unreachable:
        return known
    found["ready"] = _takes_messages(host)
    return found


@router.get("/health/live", response_model=models.Ping)
async def live(host: HostDep) -> PingJson:
    """The event loop answers."""
    return {"ok": True, "pid": os.getpid(), "phase": host.phase}


@router.get("/health/ready", response_model=models.Health, responses={503: {"model": models.Health}})
async def ready(host: HostDep, request: Request, response: Response) -> HealthJson:
    """200 when messages are taken, 503 when not: starting, draining, no disk. Components are for viewers."""
    try:
        components = host.runtime.resources.about.health()
    except Unreachable as starting:
        components = [_starting(starting.message)]
    is_ready = _takes_messages(host)
    response.status_code = 200 if is_ready else 503
    return {"ready": is_ready, "phase": host.phase, "components": components if role_of(request) else []}


def _starting(reason: str) -> ComponentJson:
    return {"component": "daemon", "state": "starting", "reason": reason, "since": 0.0}


def _takes_messages(host: Host) -> bool:
    """Whether a message would get its ack: one that cannot be stored gets none."""
    return host.phase == "running" and not any(
        c["component"] == "store" and c["state"] == "failed" for c in host.runtime.resources.about.health()
    )


#: A plain text answer would make FastAPI describe its errors as plain text too.
_PROBLEM = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    dependencies=VIEWER,
    responses={"default": {"description": "What is wrong, and how to mend it.", **_PROBLEM}},
)
async def metrics(about: AboutDep) -> Response:
    """Prometheus text format."""
    return Response(about.metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/metrics/times", response_model=instrument_models.MetricTimesView, dependencies=VIEWER)
async def metric_times(about: AboutDep) -> MetricTimesJson:
    """How long turns, stages, models, workflows and sends took since the start, by bucket."""
    return about.metric_times()
