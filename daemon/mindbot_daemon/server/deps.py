"""What routes ask for: the daemon, and each its own resource."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Request

from mindbot.domain.operators import Operator
from mindbot_daemon.server import backend
from mindbot_daemon.server.auth import operator_of, require, user_of
from mindbot_daemon.server.backend import Host
from mindbot_daemon.server.roles import Role


async def _host(request: Request) -> Host:
    host: Host = request.app.state.host
    return host


def _resource(name: str) -> Callable[[Request], Awaitable[Any]]:
    async def resource(request: Request) -> Any:
        runtime = await (await _host(request)).when_open()
        return getattr(runtime.resources, name)

    return resource


HostDep = Annotated[Host, Depends(_host)]
AboutDep = Annotated[backend.About, Depends(_resource("about"))]
DebuggerDep = Annotated[backend.Debugger, Depends(_resource("debugger"))]
PlatformsDep = Annotated[backend.Platforms, Depends(_resource("platforms"))]
ProvidersDep = Annotated[backend.Providers, Depends(_resource("providers"))]
WorkflowsDep = Annotated[backend.Workflows, Depends(_resource("workflows"))]
DatasetsDep = Annotated[backend.Datasets, Depends(_resource("datasets"))]
RoutingDep = Annotated[backend.Routing, Depends(_resource("routing"))]
TurnsDep = Annotated[backend.Turns, Depends(_resource("turns"))]
TracesDep = Annotated[backend.Traces, Depends(_resource("traces"))]
JuryDep = Annotated[backend.Jury, Depends(_resource("jury"))]
ReplaysDep = Annotated[backend.Replays, Depends(_resource("replays"))]
ForksDep = Annotated[backend.Forks, Depends(_resource("forks"))]
SessionsDep = Annotated[backend.Sessions, Depends(_resource("sessions"))]
TakeOversDep = Annotated[backend.TakeOvers, Depends(_resource("take_overs"))]
RollbacksDep = Annotated[backend.Rollbacks, Depends(_resource("rollbacks"))]
DeadLettersDep = Annotated[backend.DeadLetters, Depends(_resource("dead_letters"))]
QueueDep = Annotated[backend.Queue, Depends(_resource("queue"))]
FailuresDep = Annotated[backend.Failures, Depends(_resource("failures"))]
SecretsDep = Annotated[backend.Secrets, Depends(_resource("secrets"))]
ConfigDep = Annotated[backend.Configuration, Depends(_resource("config"))]
DatabaseDep = Annotated[backend.Database, Depends(_resource("database"))]
LogsDep = Annotated[backend.Logs, Depends(_resource("logs"))]
MediaDep = Annotated[backend.Media, Depends(_resource("media"))]
#: The name of the local user who asks, for what is kept of it.
UserDep = Annotated[str, Depends(user_of)]
#: Who asks, and from which console.
OperatorDep = Annotated[Operator, Depends(operator_of)]

VIEWER = [Depends(require(Role.viewer))]
OPERATOR = [Depends(require(Role.operator))]
ADMIN = [Depends(require(Role.admin))]
