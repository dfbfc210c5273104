"""The composition root: builds everything from a configuration, runs it, and builds it anew on a reload."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import anyio
import structlog

from mindbot.bus import Bus
from mindbot.config.load import Loaded
from mindbot.config.secrets import SecretLookup
from mindbot.domain.errors import StoreError
from mindbot.domain.events import Event
from mindbot.domain.ports.platform import Receive, Webhook
from mindbot.domain.ports.store import Store
from mindbot.domain.shapes.events import HealthEvent
from mindbot.domain.turn import Turn
from mindbot.http.client import HttpClient
from mindbot.http.tls import context
from mindbot.media.choose import media_store
from mindbot.runtime import heap, housekeeping, outward, suspicion
from mindbot.runtime.answering import OnShow
from mindbot.runtime.bots import Bots, remind
from mindbot.runtime.bridge import Bridge
from mindbot.runtime.building import Builder
from mindbot.runtime.debugging import Debugging
from mindbot.runtime.dispatcher import Dispatcher
from mindbot.runtime.endings import Endings
from mindbot.runtime.events import handler_gave_up, handler_lost, put_down, tell_stats
from mindbot.runtime.executor import Executor
from mindbot.runtime.generation import Generation
from mindbot.runtime.health import HealthWatch
from mindbot.runtime.hosting import Later, hosting
from mindbot.runtime.identities import Identities
from mindbot.runtime.in_hand import resume
from mindbot.runtime.intake import Intake
from mindbot.runtime.keep import BotKeep
from mindbot.runtime.lifecycle import HealthBoard, RuntimePart, beside, running
from mindbot.runtime.logs import LogTail
from mindbot.runtime.outbox import Outbox
from mindbot.runtime.overload import BusyNotices
from mindbot.runtime.patience import Policy
from mindbot.runtime.resources.all import offered
from mindbot.runtime.stats import Stats
from mindbot.runtime.stopping import Stopping
from mindbot.runtime.strays import Strays
from mindbot.runtime.take_over import TakeOvers
from mindbot.runtime.trails import Trails
from mindbot.store import sqlite

log = structlog.get_logger("mindbot.runtime")

T = TypeVar("T")
#: Makes the store: see `mindbot.store.sqlite.configured`.
MakeStore = Callable[..., Store]


class Runtime:
    """Everything between the platforms' wires and the store. Use `open`.

    It builds the parts, opens and closes them, and swaps generations; what is done with messages and for
    operators is done by the parts.
    """

    def __init__(
        self,
        loaded: Loaded,
        state_dir: Path,
        *,
        from_now: bool,
        on_wait: Callable[[str], None],
        store: MakeStore,
    ) -> None:
        config = loaded.config
        self.loaded = loaded
        self._on_wait = on_wait
        self._retention = config.store.retention
        self.phase = "starting"
        self.generation: Generation
        self.stats = Stats()
        self.bus = Bus(on_dead=handler_gave_up, on_drop=handler_lost)
        self.board = HealthBoard(self._health_changed)
        self.log_tail = LogTail(self.bus)
        # Every running turn may have a call to one vendor open.
        self.http = HttpClient(
            per_host=max(1000, config.dispatcher.max_running), tls=lambda: context(config.http.ca_file)
        )
        self.secrets = SecretLookup(state_dir)
        self.store = kept = store(config.store, state_dir, from_now=from_now, on_state=self._store_state)
        self.media = media_store(
            config.media, state_dir / "media", self.http, self.secrets, ca_file=config.http.ca_file
        )
        self.media.on_state = lambda error: self.board.report(
            "media", "failed" if error else "ok", str(error or "")
        )
        self.dispatcher = Dispatcher(
            lambda turn: self.executor.run(turn),
            self.store.inbox.queued_after,
            max_running=config.dispatcher.max_running,
            max_per_bot=config.dispatcher.max_running_per_bot,
            put_down=put_down,
            priority=self._priority,
            suspects=suspicion.Suspects(
                lambda turn: suspicion.alone(turn, self.loaded.config.dispatcher.max_attempts),
                time.monotonic,
            ),
        )
        self.outbox = Outbox(
            self.store.outbox.mark,
            self.bus.publish,
            self.bus.wants,
            Policy.of(config.delivery),
            read=self.store.outbox.delivery,
        )
        self.watch = HealthWatch(self.board, self.stats, self.outbox, kept, self.bus, self.dispatcher)
        self.on_show, self.endings = on_show, endings = OnShow(), Endings()
        stopping = Stopping(lambda: self.loaded.config, self.dispatcher)
        self.take_overs = take_overs = TakeOvers(
            kept.keep, lambda: self.loaded.config.take_over, self.bus.publish, self.board
        )
        self.bridge = Bridge(self.bus, self.store.outbox, self.outbox, on_show, stopping, take_overs)
        self.intake = Intake(
            self.bus,
            kept.inbox,
            Identities(kept.keep),
            self.dispatcher,
            self.outbox.traffic,
            self.stats,
            stopping,
            self.bridge.stop,
        )
        self.executor = Executor(
            self.current,
            self.bus,
            self.store,
            self.dispatcher,
            self.outbox,
            on_show,
            endings,
            self.stats,
            stopping,
            take_overs,
        )
        self.overload = BusyNotices(self.current, kept.outbox, self.outbox, self.board, take_overs)
        self.later = later = Later(self.bus, self.store, self.outbox, on_show, self.dispatcher.live)
        self.host = hosting(
            self.http, self.secrets, self.media, self.store, self.intake, self.bridge, later, self._knows
        )
        self.bots = Bots(self.host, self.outbox, self.board, self.intake.receive)
        self.debugging = Debugging(self.current, self.bus, kept, self.dispatcher, self.outbox)
        self.builder = Builder(
            self.http,
            self.secrets,
            kept,
            self.media,
            BotKeep(kept, self.intake.receive_all, "workflows", ""),
            self.executor,
            self.bridge,
            self.dispatcher,
            self.board,
            self.debugging.tracer,
            later,
        )
        self.resources = offered(
            current=self.current,
            phase=lambda: self.phase,
            stats=self.stats,
            bus=self.bus,
            store=self.store,
            dispatcher=self.dispatcher,
            outbox=self.outbox,
            board=self.board,
            watch=self.watch,
            bots=self.bots,
            intake=self.intake,
            secrets=self.secrets,
            media=self.media,
            log_tail=self.log_tail,
            endings=endings,
            later=later,
            on_show=on_show,
            take_overs=take_overs,
            stop=self.bridge.stop,
            background=self.builder.background,
            debugging=self.debugging,
            state_dir=state_dir,
            started_with=config,
        )

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        loaded: Loaded,
        state_dir: Path,
        *,
        from_now: bool = False,
        on_wait: Callable[[str], None] = lambda reason: None,
        store: MakeStore = sqlite.configured,
    ) -> AsyncIterator[Runtime]:
        """Start everything for the length of the block; what was unfinished on disk goes on at once.

        With ``from_now`` it is put away instead, and nothing that was said before is answered. ``on_wait`` is
        told why the start waits: the disk is full, say.

        Raises:
            MindBotError: something could not start; what had started was stopped again.
        """
        self = cls(loaded, state_dir, from_now=from_now, on_wait=on_wait, store=store)
        self.generation = self.builder.build(1, loaded)
        self.generation.begin(self.board)
        self.bots.use(self.bots.build(loaded.config.bots()))
        components = [
            RuntimePart("store", self._open_store),
            RuntimePart("http", self._open_http),
            RuntimePart("bus", self.bus.running),
            RuntimePart(
                "media",
                lambda: beside(partial(housekeeping.watch_media, self.media, loaded.config.media.retention)),
            ),
            RuntimePart("outbox", self._open_outbox, ("store", "http", "bus")),
            RuntimePart("dispatcher", self._open_dispatcher, ("store", "outbox", "bus")),
            RuntimePart("bots", lambda: beside(self.bots.run), ("dispatcher", "http")),
            RuntimePart("workflows", lambda: self.builder.beside(self.current), ("store", "http")),
            RuntimePart("housekeeping", lambda: beside(*self._housekeeping()), ("store", "dispatcher")),
        ]
        with self.log_tail.installed():
            async with running(components, self.board):
                if self.board.state("store") != "failed":
                    self._store_state(None)  # what the start could not read is known by now
                housekeeping.calm_collector()
                self.phase = "running"
                yield self

    def current(self) -> Generation:
        """Return the configuration generation that new turns begin with."""
        return self.generation

    # --- components

    @asynccontextmanager
    async def _open_store(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await self._when_there_is_room(lambda: stack.enter_async_context(self.store.opened()))
            await self._when_there_is_room(self.store.probe)
            await self._when_there_is_room(self.builder.load)
            await self._when_there_is_room(self.take_overs.load)
            await self._when_there_is_room(self.debugging.load)
            if (anew := self.store.anew).reason:
                log.warning(
                    "store begins anew",
                    reason=anew.reason,
                    turns=anew.turns,
                    deliveries=anew.deliveries,
                    hint="what was open is among the dead letters: mindbot dlq list",
                )
            yield

    async def _when_there_is_room(self, step: Callable[[], Awaitable[T]]) -> T:
        done = await housekeeping.once_it_passes(step, self._start_waits)
        if self.board.state("store") == "failed":
            self.board.report("store", "starting")
        return done

    def _start_waits(self, error: StoreError) -> None:
        if self.board.state("store") != "failed":  # once, however often it is tried
            log.warning("the start waits for the store", error=str(error))
        self._store_state(error)
        self._on_wait(str(error))

    @asynccontextmanager
    async def _open_http(self) -> AsyncIterator[None]:
        await outward.prepare(self.http, self.loaded.config.http, self.secrets)
        try:
            yield
        finally:
            await self.generation.aclose()
            await self.http.aclose()

    @asynccontextmanager
    async def _open_outbox(self) -> AsyncIterator[None]:
        await remind(self.bots.bots.values(), self.store.outbox)
        self.on_show.recover(await self.store.outbox.open_streams())
        await resume(self.store.outbox, self.outbox.submit)
        async with beside(self.outbox.run, self.later.run):
            yield

    @asynccontextmanager
    async def _open_dispatcher(self) -> AsyncIterator[None]:
        await self.intake.resume()
        async with beside(self.dispatcher.run, Trails(self.dispatcher.begun, self.store.turns.trail).run):
            yield
            interrupted = self.dispatcher.under_way() if self.phase == "draining" else []
        await suspicion.excuse(self.store.turns, interrupted)

    def _housekeeping(self) -> list[Callable[[], Coroutine[Any, Any, None]]]:
        return [
            partial(housekeeping.watch_store, self.store, self.board, self._store_state, self._unheard),
            partial(housekeeping.purge, self.store, self._retention),
            partial(housekeeping.purge_kept, self.store),
            partial(housekeeping.purge_traces, self.store, self.current),
            partial(housekeeping.measure_lag, self.stats),
            heap.keep_small,
            partial(housekeeping.make_ready, self.current, lambda: self.phase == "running"),
            self.watch.run,
            self.take_overs.run,
            self.debugging.run,
            partial(tell_stats, self.bus, self.resources.about.status),
            partial(housekeeping.watch_secrets, self.resources.config.missing_secrets, self.board),
            partial(housekeeping.watch_providers, lambda: self.generation.trouble(), self.board),
            partial(
                housekeeping.watch_load, self.dispatcher, self.builder.workflows.overdue, self.overload.tell
            ),
        ]

    # --- generations

    def _knows(self) -> float:
        """Return since when (Unix seconds) turns are kept, by which repeats are recognised."""
        retention = self._retention
        return time.time() - retention if retention else 0.0

    def _priority(self, bot: tuple[str, str]) -> int:
        found = (b for b in self.loaded.config.bots() if (b.platform, b.name) == bot)
        return next((int(getattr(b.settings, "priority", 0)) for b in found), 0)

    async def use(self, loaded: Loaded, bind: Callable[[Sequence[Webhook]], Awaitable[None]]) -> list[str]:
        """Build a new generation, ``bind`` its webhooks, swap; turns that run keep the old one.

        Returns: the settings that only a restart applies, where what is written is not in force.

        Raises:
            MindBotError: it cannot be used; the old one stays.
        """
        fresh = self.builder.build(self.generation.number + 1, loaded)
        made = self.bots.build(loaded.config.bots())
        await bind(self.bots.webhooks_of(made))
        await remind([bot for bot, _ in made.values() if bot is not None], self.store.outbox)
        self.bots.use(made)
        self.secrets.forget()
        before, self.generation, self.loaded = self.generation, fresh, loaded
        before.replace()
        fresh.begin(self.board)
        self.bus.publish(Event("config.reloaded", data={"generation": fresh.number}))
        await before.close_if_done()
        return self.resources.config.waiting(loaded)

    # --- events

    def _health_changed(self, component: str, state: str, reason: str) -> None:
        level = log.warning if state in ("degraded", "failed") else log.info
        level("component", component=component, state=state, reason=reason)
        health: HealthEvent = {"component": component, "state": state, "reason": reason}
        self.bus.publish(Event("health.changed", data=health))

    def _store_state(self, error: StoreError | None) -> None:
        if error is None:
            lost = self.store.damage
            self.board.report("store", "degraded" if lost else "ok", lost)
        else:
            self.board.report("store", "failed", str(error))

    def _unheard(self, turn: Turn) -> None:
        if self.dispatcher.live(turn.session, turn.number) is None:
            self.dispatcher.submit(turn)

    # --- for the daemon around it

    @property
    def receive(self) -> Receive:
        """Takes a message from a platform; returns once it is on disk."""
        return self.intake.receive

    @property
    def strays(self) -> Strays:
        """Where the public ports count what is nobody's."""
        return self.bots.strays

    def webhooks(self) -> list[Webhook]:
        """Return the bots that want a public listener."""
        return self.bots.webhooks()

    async def drain(self, timeout: float) -> bool:
        """Take nothing more in and let running turns and sends finish, for ``timeout`` seconds at most.

        Returns: whether everything finished; what did not stays on disk and goes on at the next start.
        """
        self.phase = "draining"
        self.dispatcher.close()
        with anyio.move_on_after(timeout) as scope:
            await self.debugging.close()
            await self.dispatcher.drained()
            await self.outbox.drained()
        return not scope.cancelled_caught
