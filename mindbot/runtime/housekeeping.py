"""What runs beside the messages: store recovery, retention, loop lag, overload."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
import structlog

from mindbot.domain import ids
from mindbot.domain.errors import MindBotError, StoreError
from mindbot.domain.ports.store import Kept, Store
from mindbot.domain.turn import Turn
from mindbot.media.spool import SpooledMedia
from mindbot.runtime.dispatcher import Dispatcher
from mindbot.runtime.generation import Generation
from mindbot.runtime.lifecycle import HealthBoard
from mindbot.runtime.stats import Stats

log = structlog.get_logger("mindbot.housekeeping")

T = TypeVar("T")

BUSY_AFTER = 5.0  # seconds without a free slot before a user is told
MEDIA_EVERY = 30.0  # seconds between two looks whether the media store works
TRACES_EVERY = 6 * 3600.0  # seconds between two looks for traces that are too old, or too many
_BETWEEN = 0.1  # seconds in which messages have the store for themselves
_THINNED = "mindbot", "traces", "thinned"  # where is kept up to which turn traces went
KEPT_EVERY = 600.0  # seconds between two looks for what bots need no longer
SECRETS_EVERY = 30.0  # seconds between two looks at secrets that could not be read
PROVIDERS_EVERY = 1.0  # seconds between two looks whether any provider may be asked
PROBE_EVERY = 2.0  # seconds between two looks whether the store can write again
ROUTER_EVERY = 0.5  # seconds between two looks whether there is another router


def calm_collector() -> None:
    """Take what the start made out of the garbage collector's sight, and let it look less often.

    What the start made stays for good. Messages leave next to no cycles behind. With the default threshold of
    700 objects the collector is at work all the time under load to find that out, and with 10,000 whenever
    some hundred turns begin together: what they are made of are that many, and gone a moment later. That was
    7 % of the daemon's time, and nothing was found.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


async def once_it_passes(step: Callable[[], Awaitable[T]], failed: Callable[[StoreError], None]) -> T:
    """Wait while the store's failure passes: by ending, the daemon would not come back by itself."""
    while True:
        try:
            return await step()
        except StoreError as error:
            if not error.passes:
                raise
            failed(error)
            await anyio.sleep(PROBE_EVERY)


async def watch_store(
    store: Store,
    health: HealthBoard,
    on_state: Callable[[StoreError | None], None],
    run: Callable[[Turn], None],
) -> None:
    """Look every now and then whether the store's files are there, and while it cannot write, whether it can.

    What is on disk although whoever brought it heard the contrary is handed to ``run``.
    """
    while True:
        await anyio.sleep(PROBE_EVERY)
        failed = health.state("store") == "failed"
        try:
            await (store.probe() if failed else store.check())
        except StoreError as error:
            on_state(error)
            continue
        if failed or health.state("store") != "failed":  # it may have failed meanwhile
            on_state(None)
        try:
            for turn in await store.inbox.unheard():
                run(turn)
        except StoreError as error:
            log.warning("turns wait for the store", error=str(error))


async def watch_secrets(missing: Callable[[], Awaitable[list[str]]], health: HealthBoard) -> None:
    """Say in health from the start on which secrets cannot be read, not when a user has asked."""
    known = False
    while True:
        found = await missing()
        if found or known:
            known = True
            health.report("secrets", "failed" if found else "ok", "; ".join(found))
        await anyio.sleep(SECRETS_EVERY)


async def watch_providers(trouble: Callable[[], MindBotError | None], health: HealthBoard) -> None:
    """Say in health that nobody may be asked for an answer, before a user has asked."""
    known = False
    while True:
        found = trouble()
        if found or known:
            known = True
            health.report("providers", "failed" if found else "ok", str(found or ""))
        await anyio.sleep(PROVIDERS_EVERY)


async def purge(store: Store, retention: float) -> None:
    """Delete ended turns older than ``retention`` seconds, a little at a time; 0 keeps everything."""
    while retention:
        try:
            gone = 1
            while gone:
                gone = await store.purge(time.time() - retention)
                await anyio.sleep(0.5)  # a little at a time, so that messages do not wait behind it
        except StoreError as error:
            log.warning("retention has to wait", error=str(error))
        await anyio.sleep(3600)


async def purge_traces(store: Store, current: Callable[[], Generation]) -> None:
    """Let traces go that are too old, or too many, a little at a time; lists tell of the turns as before."""
    while True:
        settings = current().loaded.config.debug
        try:
            known = await store.keep.get(*_THINNED) or {}
            end = ids.at(time.time() - settings.trace_days * 86400) if settings.trace_days else 0
            if settings.trace_mb:
                end = max(end, await _beyond(store, settings.trace_mb * 1_000_000))
            last = begun = int(known.get("turn", 0))
            while (found := await store.thin_traces(last, end)) is not None:
                last = found
                await anyio.sleep(_BETWEEN)
            if last != begun:
                await store.keep.write([Kept(*_THINNED, {"turn": last})])
        except StoreError as error:
            log.warning("old traces have to wait", error=str(error))
        await anyio.sleep(TRACES_EVERY)


async def _beyond(store: Store, most: int) -> int:
    """Return the turn before which traces have to go: newer ones take all that is allowed; 0: none has."""
    below = ids.LAST
    while page := await store.weigh_traces(below):
        for number, size in page:
            most -= size
            if most < 0:
                return number + 1
        below = page[-1][0]
        await anyio.sleep(_BETWEEN)
    return 0


async def purge_kept(store: Store) -> None:
    """Delete what bots kept for a time that is over, however long turns are kept."""
    while True:
        try:
            gone = 1
            while gone:
                gone = await store.purge_kept()
                await anyio.sleep(0.5)
        except StoreError as error:
            log.warning("what bots kept has to wait", error=str(error))
        await anyio.sleep(KEPT_EVERY)


async def watch_media(media: SpooledMedia, retention: float) -> None:
    """Clear what an earlier process left; try the store at first and while it fails; let old files go.

    Files that did not come for ``retention`` seconds are deleted; 0 keeps everything. The store tells by
    itself (`SpooledMedia.on_state`) how it is.
    """
    tried, purged, told = False, -math.inf, ""
    while True:
        try:
            if media.failing or not tried:
                await media.clean()
                await media.check()
                tried = True
            if retention and time.monotonic() - purged > 3600:
                await media.purge(time.time() - retention)
                purged = time.monotonic()
        except StoreError as error:
            if str(error) != told:
                told = str(error)
                log.warning("the media store does not work", error=told)
        else:
            told = ""
        await anyio.sleep(PROBE_EVERY if media.failing else MEDIA_EVERY)


async def measure_lag(stats: Stats, every: float = 0.5) -> None:
    """Keep the loop's lag: how much later than asked a sleep ends."""
    while True:
        before = time.perf_counter()
        await anyio.sleep(every)
        stats.loop_lag = max(0.0, time.perf_counter() - before - every)


async def make_ready(current: Callable[[], Generation], started: Callable[[], bool]) -> None:
    """Load what the router in force needs before a message does, once the start is over."""
    ready: Generation | None = None
    while True:
        await anyio.sleep(ROUTER_EVERY)
        if started() and (found := current()) is not ready:
            ready = found
            try:
                await found.router.ready()
            except Exception:  # the first message finds it too, and is answered all the same
                log.exception("what routes need could not be loaded")


async def watch_load(
    dispatcher: Dispatcher,
    of_workflows: Callable[[float], list[Turn]],
    tell: Callable[[list[Turn], list[Turn]], Awaitable[None]],
) -> None:
    """Once a second, pass on the turns that have waited too long for a slot (none: no overload), and those
    that run and wait for one of a workflow, which costs nobody else anything."""
    while True:
        await anyio.sleep(1)
        try:
            await tell(dispatcher.overdue(BUSY_AFTER), of_workflows(BUSY_AFTER))
        except StoreError as error:
            log.warning("busy notices have to wait", error=str(error))
