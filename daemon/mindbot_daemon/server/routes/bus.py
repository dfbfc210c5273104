"""The event bus: its topics, and who takes their events."""

from __future__ import annotations

from fastapi import APIRouter, Request

from mindbot.api import instrument_models
from mindbot.domain.shapes.instruments import BusJson
from mindbot_daemon.server.deps import VIEWER, HostDep
from mindbot_daemon.server.stream.hub import Hub

router = APIRouter(tags=["daemon"])


@router.get("/bus", response_model=instrument_models.BusView, dependencies=VIEWER)
async def get_bus(host: HostDep, request: Request) -> BusJson:
    """Topics with how many events they had, then handlers, observers and clients with what waits for them."""
    bus = (await host.when_open()).bus
    hub: Hub = request.app.state.hub
    return {"seq": bus.seq, "rows": [*bus.rows(), *hub.rows()]}
