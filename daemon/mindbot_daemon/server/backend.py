"""What the server needs of the thing it serves: one small protocol a resource, each asked by one route file.

The resources are in `resources`, by what they are about; here is what holds them together.

`mindbot.runtime.resources` satisfies them; tests bring a small fake. Shapes of the rows:
`mindbot.domain.shapes`, which the routes publish as `mindbot.api.models`. Errors: `mindbot.domain.errors`;
`errors.py` maps them to status codes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mindbot.bus import Bus
from mindbot.domain.ports.platform import Receive, Webhook
from mindbot.domain.shapes.daemon import CheckedJson, ReloadedJson
from mindbot_daemon.server.resources.answering import Datasets, Platforms, Providers, Routing, Workflows
from mindbot_daemon.server.resources.debugging import Debugger
from mindbot_daemon.server.resources.machine import About, Configuration, Database, Logs, Media, Secrets
from mindbot_daemon.server.resources.talking import (
    DeadLetters,
    Failures,
    Forks,
    Jury,
    Queue,
    Replays,
    Rollbacks,
    Sessions,
    TakeOvers,
    Traces,
    Turns,
)

if TYPE_CHECKING:
    from mindbot.config.load import Loaded
    from mindbot.runtime.strays import Strays

__all__ = [
    "About",
    "Backend",
    "Bind",
    "Configuration",
    "Database",
    "Datasets",
    "DeadLetters",
    "Debugger",
    "Failures",
    "Forks",
    "Host",
    "Jury",
    "Logs",
    "Media",
    "Opener",
    "Platforms",
    "Providers",
    "Queue",
    "Replays",
    "Rollbacks",
    "Routing",
    "Runtime",
    "Secrets",
    "Sessions",
    "TakeOvers",
    "Traces",
    "Turns",
    "Workflows",
]

#: Makes a set of webhooks the ones that are called back; raises ConfigError and changes nothing when a
#: port cannot be bound.
Bind = Callable[[Sequence[Webhook]], Awaitable[None]]


class Backend(Protocol):
    """The resources of the running MindBot, by the names that `deps` knows."""

    @property
    def about(self) -> About: ...
    @property
    def debugger(self) -> Debugger: ...
    @property
    def platforms(self) -> Platforms: ...
    @property
    def providers(self) -> Providers: ...
    @property
    def workflows(self) -> Workflows: ...
    @property
    def datasets(self) -> Datasets: ...
    @property
    def routing(self) -> Routing: ...
    @property
    def turns(self) -> Turns: ...
    @property
    def traces(self) -> Traces: ...
    @property
    def replays(self) -> Replays: ...
    @property
    def jury(self) -> Jury: ...
    @property
    def forks(self) -> Forks: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def take_overs(self) -> TakeOvers: ...
    @property
    def rollbacks(self) -> Rollbacks: ...
    @property
    def dead_letters(self) -> DeadLetters: ...
    @property
    def queue(self) -> Queue: ...
    @property
    def failures(self) -> Failures: ...
    @property
    def secrets(self) -> Secrets: ...
    @property
    def config(self) -> Configuration: ...
    @property
    def database(self) -> Database: ...
    @property
    def logs(self) -> Logs: ...
    @property
    def media(self) -> Media: ...


class Runtime(Protocol):
    """The running MindBot, open as long as its context is."""

    #: Where everything that happens is published.
    bus: Bus

    @property
    def resources(self) -> Backend:
        """What the local API asks."""

    @property
    def receive(self) -> Receive:
        """Takes a message from a platform; returns once it is on disk."""

    @property
    def strays(self) -> Strays:
        """Where the public ports count what is nobody's."""

    def webhooks(self) -> Sequence[Webhook]:
        """The bots that are called back over HTTP."""

    async def use(self, loaded: Loaded, bind: Bind) -> list[str]:
        """Build a new generation, check it, ``await bind(its webhooks)``, then swap.

        Returns the settings that only a restart applies. Raises ConfigError, and whatever ``bind`` raises;
        the old generation then stays.
        """

    async def drain(self, timeout: float) -> bool:
        """Take nothing new and let running turns finish, for at most ``timeout`` seconds; did all finish?"""


#: Opens a runtime for a configuration and a state directory.
Opener = Callable[["Loaded", Path], AbstractAsyncContextManager[Runtime]]


class Host(Protocol):
    """The daemon around the runtime, which is there before and after it."""

    #: starting, running or draining
    phase: str

    @property
    def runtime(self) -> Runtime:
        """Raises Unreachable while it is not open."""

    async def when_open(self) -> Runtime:
        """The same, once it is open; waits for a start of some seconds, then raises Unreachable."""

    async def check(self) -> CheckedJson:
        """Read the configuration again without using it, and tell what it is worth."""

    async def reload(self) -> ReloadedJson:
        """Read the configuration again and use it.

        Raises ConfigError, Conflict while the daemon starts or stops; the old configuration then stays.
        """
