"""The daemon around the runtime: lock, sockets, signals, the service manager, drain and reload.

Start: lock the state directory, bind the local API's socket, open the runtime, bind the public ports,
READY. Clients that come early wait in the socket's backlog. FastAPI (half a second of CPU) is imported in
a thread after READY, so that it delays no message; when the runtime takes long to open, after
`API_HEAD_START`, so that somebody answers ``/v1/health/ready`` meanwhile.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import structlog
from anyio import to_thread

from mindbot.domain.errors import ConfigError, Conflict, MindBotError, StoreError, Unreachable
from mindbot.domain.shapes.daemon import CheckedJson, ReloadedJson
from mindbot.store.lock import only_one
from mindbot.store.modes import tighten
from mindbot_daemon.server.backend import Opener, Runtime
from mindbot_daemon.server.roles import Roles, group_id, read_roles
from mindbot_daemon.sockets import bind_unix, remove_unix
from mindbot_daemon.systemd import Inherited, Notifier, summary
from mindbot_daemon.webhooks import PublicListener

if TYPE_CHECKING:
    from mindbot.config.load import Loaded
    from mindbot_daemon.server.stream.hub import Hub
    from mindbot_daemon.serving import HttpServer

log = structlog.get_logger("mindbot.daemon")

API_HEAD_START = 2.0  # seconds the runtime has to itself
ROOM_EVERY = 2.0  # seconds between two looks whether a full disk has room
ANSWERED = 0.5  # seconds in which what is done is still answered
API_GRACE = 2  # seconds open API requests get at the end
#: What needs the runtime is waited for by clients of a start, less than the 30 s that they have patience.
START_PATIENCE = 20.0  # seconds
#: How much time a start asks the service manager for, and how often: as long as the loop lives.
START_STEP, START_SIGN = 60.0, 10.0  # seconds
#: A wrapper (timeout, make, a shell's Ctrl-C) sends one request to stop twice: to us and to our group.
SAME_SIGNAL = 0.2  # seconds


@dataclass(frozen=True)
class Place:
    """Where a daemon lives. Names are resolved and paths absolute; ``roles`` maps groups to role names."""

    socket: Path
    state_dir: Path
    group: str = ""
    roles: dict[str, str] = field(default_factory=dict)
    drain_timeout: float = 30.0  # seconds


class Daemon:
    """One run of the daemon; the `Host` of its API."""

    def __init__(
        self,
        load: Callable[[], Loaded],
        open_runtime: Opener,
        place: Place,
        notifier: Notifier,
        inherited: Inherited,
    ) -> None:
        self.phase = "starting"
        self.opened = anyio.Event()
        self.listener: PublicListener | None = None
        self._load = load
        self._open = open_runtime
        self._place = place
        self._notifier = notifier
        self._inherited = inherited
        self._runtime: Runtime | None = None
        self._api: HttpServer | None = None
        self._stopping = anyio.Event()
        self._reloading = anyio.Lock()
        self._forced = False
        self._end_requests: Callable[[], None] = lambda: None
        self._reload_failed = False

    @property
    def runtime(self) -> Runtime:
        """What runs; raises Unreachable while it is not open."""
        if self._runtime is None:
            why = self._notifier.waiting
            waits = f" and waits: {why}" if why and self.phase == "starting" else ""
            raise Unreachable(f"the daemon is {self.phase}{waits}", hint="try again in a moment")
        return self._runtime

    async def when_open(self) -> Runtime:
        """What runs; a start is waited for, so that ``systemctl restart`` and a question fit together."""
        if self.phase == "starting":
            with anyio.move_on_after(START_PATIENCE):
                await self.opened.wait()
        return self.runtime

    def stop(self) -> None:
        """Begin to drain, as SIGTERM does."""
        self._stopping.set()

    async def run(self, loaded: Loaded) -> int:
        """Run until a signal; returns the exit status.

        Raises:
            Conflict: another daemon has this state directory or socket.
            ConfigError: a path or port cannot be used.
            MindBotError: the runtime could not start, or failed.
        """
        roles = self._roles()
        with ExitStack() as held:
            listener = await self._hold(held)  # no signal is ours before there is something to end
            signals = held.enter_context(
                anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
            )
            async with anyio.create_task_group() as group:
                group.start_soon(self._watch_signals, signals, group)
                group.start_soon(self._keep_watchdog_quiet)
                group.start_soon(self._ask_for_time)
                group.start_soon(self._serve_api, listener, roles)
                await self._work(loaded, group)
                group.cancel_scope.cancel()
        log.info("daemon.stopped", forced=self._forced)
        return 1 if self._forced else 0

    async def _hold(self, held: ExitStack) -> socket.socket:
        """Lock the state directory and bind the API's socket; on a full disk, wait until there is room.

        By ending, it would be a failure that is started again and again; the service manager waits with us.
        """
        waiting = False
        while True:
            try:
                held.enter_context(only_one(self._place.state_dir))
                tighten(self._place.state_dir)
                return held.enter_context(self._api_socket())
            except StoreError as error:
                held.close()
                if not error.passes:
                    raise
                if not waiting:
                    log.warning("daemon.waits", error=str(error))
                    self._notifier.waits(str(error))
                waiting = True
            self._notifier.still_starting(START_STEP)
            await anyio.sleep(ROOM_EVERY)

    async def _work(self, loaded: Loaded, group: anyio.abc.TaskGroup) -> None:
        self._notifier.status("starting")
        async with self._open(loaded, self._place.state_dir) as runtime:
            self.listener = PublicListener(
                group, runtime.receive, self._inherited.callbacks, strays=runtime.strays
            )
            await self.listener.bind(runtime.webhooks())
            self._runtime = runtime
            self.phase = "running"
            self._notifier.ready(summary(runtime.resources.about.health()))
            self.opened.set()
            group.start_soon(self._tell_health, runtime)
            log.info("daemon.ready", socket=self._where(), state_dir=str(self._place.state_dir))
            await self._stopping.wait()
            await self._drain(runtime, self.listener)

    async def _drain(self, runtime: Runtime, listener: PublicListener) -> None:
        """Let running turns and sends finish, then what vendors call in, then the API's requests.

        Callbacks are taken until the end: platforms poll for answers by them, and what is new in them is
        stored for the next start. What is left stays on disk.
        """
        self.phase = "draining"
        self._notifier.stopping("draining")
        log.info("daemon.draining", timeout=self._place.drain_timeout)
        end = anyio.current_time() + self._place.drain_timeout
        finished = False
        with anyio.CancelScope(deadline=end + 1.0):
            finished = await runtime.drain(max(0.0, end - anyio.current_time()))
        await listener.close()
        if not finished:
            log.warning("daemon.unfinished", hint="open turns stay on disk and go on at the next start")
        if self._api is not None:
            async with anyio.create_task_group() as closing:
                closing.start_soon(self._end_requests_after, ANSWERED)
                await self._api.stop()
                closing.cancel_scope.cancel()

    async def _end_requests_after(self, seconds: float) -> None:
        await anyio.sleep(seconds)
        self._end_requests()

    # --- signals

    async def _watch_signals(
        self, signals: AsyncIterator[signal.Signals], group: anyio.abc.TaskGroup
    ) -> None:
        asked = 0.0
        async for number in signals:
            if number is signal.SIGHUP:
                group.start_soon(self._reload_on_signal)
            elif asked and anyio.current_time() - asked < SAME_SIGNAL:
                continue
            elif self._stopping.is_set():
                log.warning("daemon.forced", signal=number.name)
                self._forced = True
                group.cancel_scope.cancel()
            else:
                asked = anyio.current_time()
                self._stopping.set()
                if self.phase == "starting":
                    group.cancel_scope.cancel()

    async def _keep_watchdog_quiet(self) -> None:
        """From the loop itself: when it hangs, the service manager is meant to notice."""
        while every := self._notifier.watchdog:
            self._notifier.alive()
            await anyio.sleep(every)

    async def _ask_for_time(self) -> None:
        """The start may take as long as it takes, while the loop lives to say so."""
        while self.phase == "starting":
            self._notifier.still_starting(START_STEP)
            with anyio.move_on_after(START_SIGN):
                await self.opened.wait()

    async def _tell_health(self, runtime: Runtime) -> None:
        """Keep the service manager's line true: it names what has failed."""
        with runtime.bus.observe(("health",)) as observer:
            while True:
                if self.phase == "running" and not self._reload_failed:
                    self._notifier.status(summary(runtime.resources.about.health()))
                await observer.batch()

    # --- the local API

    def _where(self) -> str:
        """The socket that clients open, whoever bound it."""
        inherited = self._inherited.api
        return str(inherited.getsockname() if inherited is not None else self._place.socket)

    @contextmanager
    def _api_socket(self) -> Iterator[socket.socket]:
        """The socket systemd bound for us, which stays; or our own, which goes with us."""
        if self._inherited.api is not None:
            yield self._inherited.api
            return
        path, group = self._place.socket, self._place.group
        listener = bind_unix(path, group_id(group) if group else None)
        inode = path.stat().st_ino
        try:
            yield listener
        finally:
            listener.close()
            remove_unix(path, inode)

    def _roles(self) -> Roles:
        """Who may do what; whoever systemd's socket lets in by its group is an operator."""
        group = self._place.group
        if not group and (inherited := self._inherited.api) is not None:
            group = str(Path(inherited.getsockname()).stat().st_gid)
        return read_roles(self._place.roles, group)

    async def _serve_api(self, listener: socket.socket, roles: Roles) -> None:
        with anyio.move_on_after(API_HEAD_START):
            await self.opened.wait()
        server, hub = await to_thread.run_sync(self._build_api, listener, roles)
        self._api = server
        async with anyio.create_task_group() as group:
            group.start_soon(hub.run)
            await server.run_until_stopped()
            group.cancel_scope.cancel()

    def _build_api(self, listener: socket.socket, roles: Roles) -> tuple[HttpServer, Hub]:
        from mindbot_daemon.server.app import create_app
        from mindbot_daemon.server.closing import Requests
        from mindbot_daemon.server.protocol import PeerProtocol, StreamProtocol
        from mindbot_daemon.server.stream.hub import Hub
        from mindbot_daemon.serving import HttpServer

        hub, requests = Hub(), Requests()
        self._end_requests = requests.end
        server = HttpServer(
            create_app(self, roles, hub, requests),
            listener,
            protocol=PeerProtocol,
            websockets=StreamProtocol,
            keep_alive=60,
            grace=API_GRACE,
        )
        return server, hub

    # --- reload

    async def check(self) -> CheckedJson:
        """Read the configuration without using it: what is wrong with it, or what it would change."""
        runtime = self.runtime
        try:
            loaded = await to_thread.run_sync(self._load)
        except ConfigError as error:
            return {"ok": False, "problems": error.problems or [str(error)]}
        return {
            "ok": True,
            "warnings": list(map(str, loaded.warnings)),
            "changes": runtime.resources.config.changes(loaded),
            "restart": runtime.resources.config.waiting(loaded),
            "secrets": await runtime.resources.config.unreadable_secrets(loaded),
        }

    async def reload(self) -> ReloadedJson:
        """Read the configuration again and use it; on any error the old one stays and systemd is told."""
        runtime, listener = self._runtime, self.listener
        if runtime is None or listener is None or self.phase != "running":
            raise Conflict(f"the daemon is {self.phase}", hint="try again when it runs")
        async with self._reloading:
            self._notifier.reloading()
            try:
                loaded = await to_thread.run_sync(self._load)
                restart = await runtime.use(loaded, listener.bind)
            except Exception as error:
                self._reload_failed = True
                self._notifier.ready(f"reload failed, the old configuration stays: {error}")
                _log_failed_reload(error)
                raise
            self._reload_failed = False
            self._notifier.ready(summary(runtime.resources.about.health()))
        generation = runtime.resources.about.status()["config"]["generation"]
        warnings = [str(warning) for warning in loaded.warnings]
        done: ReloadedJson = {"generation": generation, "warnings": warnings, "restart": restart}
        log.info("daemon.reloaded", **done)
        return done

    async def _reload_on_signal(self) -> None:
        with suppress(Exception):  # it has been logged; an adapter's mistake must not end the daemon
            await self.reload()


def _log_failed_reload(error: Exception) -> None:
    hint = "the old configuration stays"
    if isinstance(error, MindBotError):
        problems = [str(p) for p in error.problems] if isinstance(error, ConfigError) else []
        log.error("daemon.reload_failed", error=str(error), problems=problems, hint=hint)
    else:
        log.error("daemon.reload_failed", hint=hint, exc_info=error)
