"""What routes ask for."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from mindbot_daemon.server.auth import require
from mindbot_daemon.server.backend import Backend, Host
from mindbot_daemon.server.roles import Role


async def _host(request: Request) -> Host:
    host: Host = request.app.state.host
    return host


async def _backend(request: Request) -> Backend:
    return await (await _host(request)).when_open()


HostDep = Annotated[Host, Depends(_host)]
BackendDep = Annotated[Backend, Depends(_backend)]

VIEWER = [Depends(require(Role.viewer))]
OPERATOR = [Depends(require(Role.operator))]
ADMIN = [Depends(require(Role.admin))]
