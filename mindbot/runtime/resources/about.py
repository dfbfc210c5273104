"""The daemon at a glance: its state in numbers, its components, its metrics."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Literal

from mindbot.bus import Bus
from mindbot.domain.ports.store import Store
from mindbot.domain.shapes.daemon import ComponentJson, StatusJson
from mindbot.domain.shapes.instruments import MetricTimesJson, TimesJson
from mindbot.runtime.debugging import Debugging
from mindbot.runtime.dispatcher import Dispatcher
from mindbot.runtime.generation import Generation
from mindbot.runtime.health import HealthWatch
from mindbot.runtime.lifecycle import HealthBoard
from mindbot.runtime.outbox import Outbox
from mindbot.runtime.stats import BOUNDS, Stats, Times, rss_bytes
from mindbot.runtime.take_over import TakeOvers
from mindbot.workflows.running.background import WorkflowBackground


class AboutResource:
    """Answers ``/v1/status``, ``/v1/health`` and ``/v1/metrics``. ``phase``: starting, running, draining."""

    def __init__(
        self,
        current: Callable[[], Generation],
        phase: Callable[[], str],
        bus: Bus,
        stats: Stats,
        store: Store,
        dispatcher: Dispatcher,
        outbox: Outbox,
        board: HealthBoard,
        background: WorkflowBackground,
        watch: HealthWatch,
        take_overs: TakeOvers,
        debugging: Debugging,
    ) -> None:
        self._current = current
        self._phase = phase
        self._bus = bus
        self._stats = stats
        self._store = store
        self._dispatcher = dispatcher
        self._outbox = outbox
        self._board = board
        self._background = background
        self._watch = watch
        self._take_overs = take_overs
        self._parked = debugging.gate.parked

    def status(self) -> StatusJson:
        """Return the daemon's state in numbers."""
        s, current, phase = self._stats, self._current(), self._phase()
        return {
            "pid": os.getpid(),
            "started": s.started,
            "uptime_s": round(time.time() - s.started, 3),
            "ready": phase == "running",
            "phase": phase,
            "turns": {
                "running": self._dispatcher.running,
                "queued": self._dispatcher.queued,
                "parked": len(self._parked),
                "waiting": 0,
            },
            "totals": {
                "received": s.received,
                "answered": s.answered,
                "dropped": s.dropped,
                "failed": s.failed,
                "dead": s.dead,
                "duplicates": s.duplicates,
                "recovered": s.recovered,
            },
            "outbox": {
                "waiting": self._outbox.waiting,
                "sent": self._outbox.sent,
                "retried": self._outbox.retried,
                "dead": self._outbox.dead,
            },
            "store": {
                "path": self._store.place,
                "batches": self._store.batches,
                "found_back_to": self._store.found_back_to,
            },
            "loop_lag_ms": round(s.loop_lag * 1000, 3),
            "rss_bytes": rss_bytes(),
            "tasks": len(asyncio.all_tasks()),
            "config": {"files": [str(f) for f in current.loaded.files], "generation": current.number},
            "health": self._watch.summary(),
        }

    def health(self) -> list[ComponentJson]:
        """Return each component's state."""
        return self._board.list()

    def metric_times(self) -> MetricTimesJson:
        """Return how long things took since the start, by bucket."""
        s = self._stats
        kinds: list[tuple[Literal["turn", "stage", "model", "workflow", "send"], Times]] = [
            ("turn", s.turns),
            ("stage", s.stages),
            ("model", s.models),
            ("workflow", s.workflows),
            ("send", self._outbox.traffic.sends),
        ]
        times: list[TimesJson] = [
            {"what": what, "name": "/".join(name), "counts": found.counts, "sum": round(found.sum, 6)}
            for what, by_name in kinds
            for name, found in by_name.items()
        ]
        return {"started": s.started, "bounds": list(BOUNDS), "times": times}

    def metrics(self) -> bytes:
        """Return the counters in Prometheus' text format."""
        from mindbot.runtime.metrics import measured, render

        attempts = self._current().providers.standing.attempts()
        seen = self._stats, self._outbox.traffic, self._bus
        found = measured(self.status(), self.health(), *seen, attempts, self._background, self._take_overs)
        return render(found)
