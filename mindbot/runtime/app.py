"""The composition root: builds everything from a configuration and runs it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeVar

import anyio
import structlog

from mindbot.bus import Bus
from mindbot.config.load import Loaded
from mindbot.config.secrets import Secrets
from mindbot.domain.errors import StoreError
from mindbot.domain.events import Event
from mindbot.domain.host import Host
from mindbot.domain.ports import Platform, Remembers, Webhook
from mindbot.domain.shared import Shared
from mindbot.domain.turn import Turn
from mindbot.http.client import HttpClient
from mindbot.http.tls import context
from mindbot.media.choose import media_store
from mindbot.pipeline.services import Services
from mindbot.providers.manager import ProviderManager
from mindbot.runtime import generation, heap, housekeeping, outward, suspicion
from mindbot.runtime.bots import Bots
from mindbot.runtime.dispatcher import Dispatcher
from mindbot.runtime.events import SpanWatch, tell_stats
from mindbot.runtime.facade import Facade
from mindbot.runtime.generation import Generation, base_urls
from mindbot.runtime.identities import Identities
from mindbot.runtime.lifecycle import Component, Health, running
from mindbot.runtime.logs import LogTail
from mindbot.runtime.outbox import Outbox, Policy
from mindbot.runtime.stats import Stats
from mindbot.runtime.turns import put_down
from mindbot.store.keep import StoreKeep
from mindbot.store.store import Store

log = structlog.get_logger("mindbot.runtime")

T = TypeVar("T")
PROVIDER = "provider "  # before its name among the components


class Runtime(Facade):
    """Everything between the platforms' wires and the store. Use `open`."""

    def __init__(self, loaded: Loaded, state_dir: Path, *, from_now: bool = False) -> None:
        self.loaded = loaded
        self._on_wait: Callable[[str], None] = lambda reason: None
        self._from_now = from_now
        self.state_dir = state_dir
        self.stats = Stats()
        self.bus = Bus(on_dead=self._handler_gave_up)
        self.watch = SpanWatch(self.bus)
        self.health_board = Health(self._health_changed)
        # Every running turn may have a call to one vendor open.
        self.http = HttpClient(
            per_host=max(1000, loaded.config.dispatcher.max_running),
            tls=lambda: context(loaded.config.http.ca_file),
        )
        self.secrets = Secrets(state_dir)
        self.shared = Shared()
        self.draining = False
        self.ready = False
        self.generation: Generation
        self._ended: dict[int, list[anyio.Event]] = {}
        self._busy_told: set[tuple[str, str, str]] = set()
        self.identities = Identities(lambda: self.store)
        self.shown = {}
        self._interrupted = set()
        self._stoppers = {}
        config = loaded.config
        self.dispatcher = Dispatcher(
            self._work,
            lambda after, limit: self.store.queued_after(after, limit),
            max_running=config.dispatcher.max_running,
            max_per_bot=config.dispatcher.max_running_per_bot,
            put_down=put_down,
            priority=self._priority,
            suspects=suspicion.Suspects(
                lambda turn: suspicion.alone(turn, self.loaded.config.dispatcher.max_attempts),
                time.monotonic,
                hold=lambda turn: self.store.begin(turn),
                excuse=lambda turn: self.store.excuse([turn]),
            ),
        )
        self.outbox = Outbox(
            lambda d: self.store.mark(d),
            self.bus.publish,
            self.bus.wants,
            Policy(
                max_attempts=config.delivery.max_attempts,
                min_backoff=config.delivery.min_backoff,
                max_backoff=config.delivery.max_backoff,
                concurrency=config.delivery.concurrency,
                timeout=config.delivery.timeout,
            ),
        )
        self.media = media_store(
            config.media, state_dir / "media", self.http, self.secrets, ca_file=config.http.ca_file
        )
        self.media.on_state = self._media_state
        self.bots = Bots(self._host, self.outbox, self.health_board, self.receive)
        self.bots.warn = log.warning
        self.strays = self.bots.strays

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        loaded: Loaded,
        state_dir: Path,
        *,
        from_now: bool = False,
        on_wait: Callable[[str], None] = lambda reason: None,
    ) -> AsyncIterator[Runtime]:
        """Start everything for the length of the block; what was unfinished on disk goes on at once.

        With ``from_now`` it is put away instead, and nothing that was said before is answered. ``on_wait`` is
        told why the start waits: the disk is full, say.

        Raises:
            MindBotError: something could not start; what had started was stopped again.
        """
        self = cls(loaded, state_dir, from_now=from_now)
        self._on_wait = on_wait
        self.log_tail = LogTail(self.bus)
        self.generation = self._build(1, loaded)
        self.bots.use(self.bots.build(loaded.config.bots()))
        components = [
            Component("store", self._open_store),
            Component("http", self._open_http),
            Component("bus", self.bus.running),
            Component("media", self._open_media),
            Component("outbox", self._open_outbox, ("store", "http", "bus")),
            Component("dispatcher", self._open_dispatcher, ("store", "outbox", "bus")),
            Component("bots", self._open_bots, ("dispatcher", "http")),
            Component("housekeeping", self._open_housekeeping, ("store", "dispatcher")),
        ]
        with self.log_tail.installed():
            async with running(components, self.health_board):
                if self.health_board.state("store") != "failed":
                    self._store_state(None)  # what the start could not read is known by now
                housekeeping.calm_collector()
                self.ready = True
                yield self
                self.ready = False

    # --- components

    @asynccontextmanager
    async def _open_store(self) -> AsyncIterator[None]:
        config = self.loaded.config.store
        async with AsyncExitStack() as stack:

            async def opened() -> Store:
                opening = Store.open(
                    config.path(self.state_dir),
                    interval=config.commit_interval,
                    rows=config.commit_rows,
                    on_state=self._store_state,
                    from_now=self._from_now,
                    resume=config.restored == "resume",
                )
                return await stack.enter_async_context(opening)

            self.store = await self._when_there_is_room(opened)
            await self._when_there_is_room(self.store.probe)
            if (anew := self.store.anew).reason:
                log.warning(
                    "store begins anew",
                    reason=anew.reason,
                    turns=anew.turns,
                    deliveries=anew.deliveries,
                    hint="what was open is among the dead letters: mindbot dlq list",
                )
            try:
                yield
            finally:
                with anyio.CancelScope(shield=True):
                    await self.close_queries()

    async def _when_there_is_room(self, step: Callable[[], Awaitable[T]]) -> T:
        done = await housekeeping.once_it_passes(step, self._start_waits)
        if self.health_board.state("store") == "failed":
            self.health_board.report("store", "starting")
        return done

    def _start_waits(self, error: StoreError) -> None:
        self._store_state(error)
        self._on_wait(str(error))

    @asynccontextmanager
    async def _open_http(self) -> AsyncIterator[None]:
        await outward.prepare(self.http, self.loaded.config.http, self.secrets)
        try:
            yield
        finally:
            await self.http.aclose()

    @asynccontextmanager
    async def _open_media(self) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(housekeeping.watch_media, self.media, self.loaded.config.media.retention)
            yield
            tasks.cancel_scope.cancel()

    @asynccontextmanager
    async def _open_outbox(self) -> AsyncIterator[None]:
        await self._remind(self.bots.platforms.values())
        self.shown = await self.store.open_streams()
        self._interrupted = set(self.shown)
        self.outbox.submit(await self.store.open_deliveries())
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.outbox.run)
            yield
            tasks.cancel_scope.cancel()

    @asynccontextmanager
    async def _open_dispatcher(self) -> AsyncIterator[None]:
        await self._resume()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.dispatcher.run)
            yield
            interrupted = self.dispatcher.under_way() if self.draining else []
            tasks.cancel_scope.cancel()
        await self._interrupted_by_a_stop(interrupted)

    async def _interrupted_by_a_stop(self, turns: list[Turn]) -> None:
        """Let a stop that could not wait for these turns not be held against them as a crash is."""
        if not turns:
            return
        try:
            with anyio.CancelScope(shield=True):
                await self.store.excuse(turns)
        except StoreError as error:
            log.warning("a stop counts as a crash of its turns", turns=len(turns), error=str(error))

    @asynccontextmanager
    async def _open_bots(self) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.bots.run)
            yield
            tasks.cancel_scope.cancel()

    @asynccontextmanager
    async def _open_housekeeping(self) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(
                housekeeping.watch_store, self.store, self.health_board, self._store_state, self._unheard
            )
            tasks.start_soon(housekeeping.purge, self.store, self.loaded.config.store.retention)
            tasks.start_soon(housekeeping.purge_kept, self.store)
            tasks.start_soon(housekeeping.measure_lag, self.stats)
            tasks.start_soon(heap.keep_small)
            tasks.start_soon(tell_stats, self.bus, self.status)
            tasks.start_soon(housekeeping.watch_secrets, self._missing_secrets, self.health_board)
            tasks.start_soon(housekeeping.watch_load, self.dispatcher, self._overloaded)
            yield
            tasks.cancel_scope.cancel()

    async def _missing_secrets(self) -> list[str]:
        return await self.unreadable_secrets(self.loaded)

    # --- generations

    def _build(self, number: int, loaded: Loaded) -> Generation:
        for url in base_urls(loaded.config):
            self.http.allow(url)
        for each in self.health_board.list():
            if each["component"].startswith(PROVIDER):  # how it is now is told when it is asked next
                self.health_board.forget(each["component"])
        providers = ProviderManager(loaded.config, self.http, self.secrets, report=self._provider_is)
        return generation.build(number, loaded, providers, self.watch, self._services)

    def _services(self, loaded: Loaded, providers: ProviderManager) -> Services:
        return Services(
            config=loaded.config,
            finish=self._finish,
            history=lambda session, before, turns, group: self.store.history(session, before, turns, group),
            once=lambda turn, key, step: self.store.once(turn, key, step),
            runners={},
            running=self.running,
            silence=self.silence,
            greeting=self.greeting,
            fetch=self.fetch,
            warn=log.warning,
            clock=time.time,
            timer=time.monotonic,
            directory=self.directory,
        )

    def _host(self, platform: str, bot: str) -> Host:
        keep = StoreKeep(lambda: self.store, self.receive_all, platform, bot)
        told, answer = self.told, self.answer
        return Host(
            self.http,
            self.secrets,
            keep,
            self.media,
            self.stop_turn,
            told,
            answer,
            self.shared,
            since=lambda: self.store.anew.since,
            knows=self._knows,
        )

    def _knows(self) -> float:
        """Return since when (Unix seconds) turns are kept, by which repeats are recognised."""
        retention = self.loaded.config.store.retention
        return time.time() - retention if retention else 0.0

    def _priority(self, bot: tuple[str, str]) -> int:
        found = (b for b in self.loaded.config.bots() if (b.platform, b.name) == bot)
        return next((int(getattr(b.settings, "priority", 0)) for b in found), 0)

    async def _remind(self, platforms: Iterable[Platform]) -> None:
        """Tell adapters that ask for it what they sent lately, in a process or generation before."""
        for platform in platforms:
            if isinstance(platform, Remembers):
                since = time.time() - platform.remembers
                platform.remember(await self.store.sent_since(since, platform.name, platform.bot))

    async def use(self, loaded: Loaded, bind: Callable[[Sequence[Webhook]], Awaitable[None]]) -> list[str]:
        """Build a new generation, ``bind`` its webhooks, swap; turns that run keep the old one.

        Returns: the sections that changed and that only a restart applies.

        Raises:
            MindBotError: it cannot be used; the old one stays.
        """
        fresh = self._build(self.generation.number + 1, loaded)
        made = self.bots.build(loaded.config.bots())
        await bind(self.bots.webhooks_of(made))
        await self._remind([platform for platform, _ in made.values() if platform is not None])
        self.bots.use(made)
        self.secrets.forget()
        old, self.generation, self.loaded = self.generation, fresh, loaded
        self.bus.publish(Event("config.reloaded", data={"generation": fresh.number}))
        sections = ("store", "dispatcher", "delivery", "media", "http", "api", "log", "state_dir")
        before, after = old.loaded.config, loaded.config
        return [name for name in sections if getattr(before, name) != getattr(after, name)]

    # --- events

    def _health_changed(self, component: str, state: str, reason: str) -> None:
        level = log.warning if state in ("degraded", "failed") else log.info
        level("component", component=component, state=state, reason=reason)
        self.bus.publish(
            Event("health.changed", data={"component": component, "state": state, "reason": reason})
        )

    def _store_state(self, error: StoreError | None) -> None:
        if error is None:
            lost = self.store.unreadable.words
            self.health_board.report("store", "degraded" if lost else "ok", lost)
        else:
            self.health_board.report("store", "failed", str(error))

    def _unheard(self, turn: Turn) -> None:
        if self.dispatcher.live(turn.session, turn.number) is None:
            self.dispatcher.submit(turn)

    def _media_state(self, error: StoreError | None) -> None:
        if error is None:
            self.health_board.report("media", "ok")
        else:
            self.health_board.report("media", "failed", str(error))

    def _provider_is(self, provider: str, state: str, reason: str) -> None:
        self.health_board.report(f"{PROVIDER}{provider}", state, reason)

    def _handler_gave_up(self, name: str, event: Event, error: Exception) -> None:
        log.error("handler gave up", handler=name, event_type=event.type, turn=event.turn, error=str(error))
        self.stats.handler_failures += 1

    # --- the end

    async def drain(self, timeout: float) -> bool:
        """Take nothing more in and let running turns and sends finish, for ``timeout`` seconds at most.

        Returns: whether everything finished; what did not stays on disk and goes on at the next start.
        """
        self.draining = True
        self.dispatcher.close()
        with anyio.move_on_after(timeout) as scope:
            await self.dispatcher.drained()
            await self.outbox.drained()
        return not scope.cancelled_caught

    def webhooks(self) -> list[Webhook]:
        """Return the bots that want a public listener."""
        return self.bots.webhooks()
