"""What the local API asks of the runtime, in the API's own words: plain JSON and public ids."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import anyio
import anyio.to_thread

from mindbot.domain import ids
from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import Conflict, NotFound, TimedOut
from mindbot.domain.message import Json
from mindbot.domain.turn import DONE_STATES
from mindbot.runtime.answers import Answers
from mindbot.runtime.operations import Operations
from mindbot.runtime.stats import rss_bytes
from mindbot.runtime.talking import Talking
from mindbot.runtime.turns import Turns
from mindbot.telemetry.redaction import redactor

if TYPE_CHECKING:
    from mindbot.store.queries import Queries


_SENDING = 3600.0  # seconds after which a copy is nobody's any more


class Facade(Turns, Answers, Operations, Talking):
    """The half of the runtime that operators see; `Runtime` brings what it is about."""

    ready: bool
    state_dir: Path
    _queries: Queries | None = None

    async def queries(self) -> Queries:
        """Return the operators' reads; SQLAlchemy's async side is imported at the first one."""
        if self._queries is None:
            await anyio.to_thread.run_sync(partial(__import__, "mindbot.store.queries"))
            from mindbot.store.queries import Queries

            self._queries = self._queries or Queries(
                self.store.path, self.dispatcher.live, self.store.unreadable
            )
        return self._queries

    async def close_queries(self) -> None:
        """Close what `queries` opened."""
        if self._queries is not None:
            await self._queries.close()

    def status(self) -> Json:
        """Return the daemon's state in numbers."""
        s = self.stats
        return {
            "pid": os.getpid(),
            "started": s.started,
            "uptime_s": round(time.time() - s.started, 3),
            "ready": self.ready and not self.draining,
            "phase": "draining" if self.draining else "running" if self.ready else "starting",
            "turns": {
                "running": self.dispatcher.running,
                "queued": self.dispatcher.queued,
                "parked": 0,
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
                "waiting": self.outbox.waiting,
                "sent": self.outbox.sent,
                "retried": self.outbox.retried,
                "dead": self.outbox.dead,
            },
            "store": {"path": str(self.store.path), "batches": self.store.journal.batches},
            "loop_lag_ms": round(self.stats.loop_lag * 1000, 3),
            "rss_bytes": rss_bytes(),
            "tasks": len(asyncio.all_tasks()),
            "config": {"files": [str(f) for f in self.loaded.files], "generation": self.generation.number},
        }

    def health(self) -> list[Json]:
        """Return each component's state."""
        return self.health_board.list()

    def metrics(self) -> bytes:
        """Return the counters in Prometheus' text format."""
        from mindbot.runtime.metrics import render

        return render(self.status(), self.health())

    async def set_secret(self, name: str, value: str) -> None:
        """Keep a secret in the keyring; raises SecretError."""
        await anyio.to_thread.run_sync(self.secrets.set, name, value)

    async def list_secrets(self) -> list[str]:
        """Return the names of stored secrets."""
        return await anyio.to_thread.run_sync(self.secrets.list)

    async def delete_secret(self, name: str) -> None:
        """Remove a secret; raises NotFound."""
        await anyio.to_thread.run_sync(self.secrets.delete, name)

    async def backup(self) -> Path:
        """Copy the database, also one whose file is gone; the caller deletes the copy. Raises StoreError."""
        folder = self.state_dir / "backups"
        await anyio.to_thread.run_sync(partial(_emptied, folder))
        copy = folder / f"{uuid4().hex}.db"
        await self.store.backup(copy)
        return copy

    # --- turns

    async def list_turns(self, *, filter: str = "", limit: int = 50, before: str = "") -> list[Json]:
        """Return summaries of turns that match, newest first."""
        keep = None
        if filter.strip():
            from mindbot.filters.fields import TURN_FIELDS
            from mindbot.filters.language import parse

            keep = parse(filter, TURN_FIELDS).compile()
        found: list[Json] = redactor.known(await (await self.queries()).list_turns(keep, limit, before))
        return found

    async def get_turn(self, turn: str) -> Json:
        """Return everything known of a turn, with what is secret in it masked; raises NotFound."""
        found: Json = redactor.conversation(await (await self.queries()).get_turn(turn))
        return found

    async def get_spans(self, turn: str) -> list[Json]:
        """Return a turn's spans, its deliveries among them as the last ones."""
        found = await self.get_turn(turn)
        spans: list[Json] = found["spans"]
        for n, d in enumerate(found["deliveries"], start=len(spans) + 1):
            spans.append(
                {
                    "id": n,
                    "parent": 0,
                    "kind": "delivery",
                    "name": f"{d['platform']}/{d['bot']}",
                    "start": d["created"],
                    "took_ms": d["took_ms"],
                    "status": "error" if d["state"] == "dead" or "failed" in d["notes"] else "ok",
                    "data": {
                        k: d[k]
                        for k in ("kind", "state", "attempts", "error", "sent_id", "notes", "text")
                        if d[k]
                    },
                }
            )
        return spans

    async def wait_turn(self, turn: str, timeout: float) -> Json:
        """Return a turn when it is done; raises TimedOut, NotFound."""
        number = ids.parse(turn)
        ended = anyio.Event()
        self._ended.setdefault(number, []).append(ended)
        try:
            with anyio.move_on_after(timeout):
                found = await self.get_turn(turn)
                if found["state"] in DONE_STATES:
                    return found
                await ended.wait()
                return await self.get_turn(turn)
        finally:
            if not ended.is_set():
                self._ended[number].remove(ended)
                if not self._ended[number]:
                    del self._ended[number]
        raise TimedOut(
            f"turn {turn} is not done after {timeout:g}s", hint=f"follow it with `mindbot trace {turn}`"
        )

    async def wait_sent(self, turn: str, timeout: float) -> Json:
        """Return a turn when it and its deliveries have ended, or as it is after ``timeout`` seconds."""
        with self.bus.observe({"turn", "delivery"}) as observer:
            found = await self.get_turn(turn)
            with anyio.move_on_after(timeout):
                while not _over(found):
                    events, gap = await observer.batch()
                    if gap or any(event.turn == turn for event in events):
                        found = await self.get_turn(turn)
        return found

    async def watch_turn(self, turn: str) -> AsyncGenerator[Json, None]:
        """Yield an answer's pieces as they arrive, then the turn."""
        with self.bus.observe({"chunk", "turn"}) as observer:
            found = await self.get_turn(turn)
            while found["state"] not in DONE_STATES:
                events, gap = await observer.batch()
                for event in events:
                    if event.turn == turn and event.type == "chunk.text":
                        yield {"type": "chunk", **event.data}
                if gap or any(e.turn == turn and e.data.get("state") in DONE_STATES for e in events):
                    found = await self.get_turn(turn)
            yield {"type": "done", "turn": found}

    # --- dead letters

    async def list_dead_letters(self, limit: int = 100) -> list[Json]:
        """Return what was given up on, newest first."""
        found: list[Json] = redactor.known(await (await self.queries()).list_dead(limit))
        return found

    async def retry_dead_letter(self, letter: str) -> None:
        """Send a dead delivery again, or run a dead turn again; raises NotFound, Conflict."""
        if "-" not in letter:
            await self.retry_turn(letter)
            return
        dead = await self._dead(letter)
        delivery = await self.store.revive(dead.turn, dead.n)
        if delivery is None:
            raise Conflict(f"{letter} is not dead any more")
        self.outbox.submit([delivery])

    async def discard_dead_letter(self, letter: str) -> None:
        """Put a dead letter away for good; raises NotFound, Conflict."""
        if "-" not in letter:
            if not await self.store.discard(self._number(letter)):
                raise Conflict(f"{letter} is not dead")
            return
        if not await self.store.discard_delivery(*self._letter(letter)):
            await self._dead(letter)

    async def retry_turn(self, turn: str) -> None:
        """Run a failed or dead turn again from the top; raises NotFound, Conflict."""
        again = await self.store.requeue(self._number(turn))
        if again is None:
            raise Conflict(
                f"{turn} is neither failed nor dead, or its notice is still on its way",
                hint=f"see: mindbot trace {turn}",
            )
        self.dispatcher.submit(again)

    @staticmethod
    def _number(turn: str) -> int:
        try:
            return ids.parse(turn)
        except ValueError as error:
            raise NotFound(str(error), hint="`mindbot turns` lists them") from error

    @staticmethod
    def _letter(letter: str) -> tuple[int, int]:
        try:
            return ids.parse_delivery(letter)
        except ValueError as error:
            raise NotFound(f"no dead letter {letter!r}", hint="`mindbot dlq list` shows their ids") from error

    async def _dead(self, letter: str) -> Delivery:
        found = await self.store.delivery(*self._letter(letter))
        if found is None:
            raise NotFound(f"no dead letter {letter!r}", hint="`mindbot dlq list` shows their ids")
        if found.state != "dead":
            raise Conflict(f"{letter} is {found.state}, not dead")
        return found


def _emptied(folder: Path) -> None:
    """Make a folder for copies that are being sent, without those of a process before this one."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for left in folder.glob("*.db*"):
        if left.stat().st_mtime < time.time() - _SENDING:
            left.unlink(missing_ok=True)


def _over(turn: Json) -> bool:
    """Tell whether a turn is done and nothing of it is on its way any more."""
    ended = all(d["state"] in ("sent", "dead", "discarded") for d in turn["deliveries"])
    return turn["state"] in DONE_STATES and ended
