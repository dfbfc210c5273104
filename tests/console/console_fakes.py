"""A daemon of plain data for console tests, with a clock that stands still."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Iterable
from typing import Any, TypeVar

import anyio

from mindbot.api.calls import ApiCall
from mindbot.api.saved import Sink
from mindbot.api.stream import Batch, Connected, Disconnected, Gap, Reset, Update
from mindbot.domain import ids
from mindbot.domain.errors import MindBotError, NotFound, Unreachable
from mindbot.domain.message import Json

T = TypeVar("T")

NOON = 1_790_000_000.0  # 2026-09-21 14:13:20 UTC


def turn_id(n: int) -> str:
    """Return the id of the nth sample turn."""
    return ids.show(ids.at(NOON - 300 + n * 7) | abs(n) << 10)


class FakeClock:
    """Stands still until told."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


class FakeDaemon:
    """Answers calls from `answers`, by method and path; tests push what the stream says."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {
            "GET /v1/turns": [],
            "GET /v1/turns/page": {"turns": [], "next": "", "back_to": None, "looked": 0},
            "GET /v1/status": {"phase": "running", "ready": True, "version": "0.1.0", "loop_lag_ms": 0.4},
            "GET /v1/platforms": [],
            "GET /v1/dead-letters": [],
        }
        self.asked: list[tuple[str, Json]] = []
        self.up = True
        self.epoch = "E1"
        self.seq = 0
        self.subscribed: list[tuple[tuple[str, ...], str]] = []
        self._streams: list[Any] = []

    async def ask(self, call: ApiCall[T]) -> T:
        self.asked.append((f"{call.method} {call.path}", call.body or dict(call.query)))
        if not self.up:
            raise Unreachable("no daemon answers on mindbot.sock", hint="start one with: mindbot up")
        found = self.answers.get(f"{call.method} {call.path}", NotFound(f"no {call.path}"))
        if callable(found):
            found = found(call)
        if inspect.isawaitable(found):
            found = await found
        if isinstance(found, MindBotError):
            raise found
        return call.read(found)

    async def save(self, call: ApiCall[None], out: Sink) -> None:
        found = self.answers.get(f"{call.method} {call.path}", NotFound("the file is not kept, or no longer"))
        if isinstance(found, MindBotError):
            raise found
        out.write(found)

    async def stream(self, topics: Iterable[str] = (), filter: str = "") -> AsyncGenerator[Update, None]:
        self.subscribed.append((tuple(topics), filter))
        send, receive = anyio.create_memory_object_stream[Update](100_000)
        if self.up:
            send.send_nowait(Connected())
        self._streams.append(send)
        try:
            with receive:
                async for update in receive:
                    yield update
        finally:
            self._streams.remove(send)

    async def aclose(self) -> None:
        """Nothing to close."""

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return len(self._streams)

    # --- what tests do

    def say(self, update: Update) -> None:
        for each in self._streams:
            each.send_nowait(update)

    def happen(self, *events: Json) -> None:
        """Publish events in one batch."""
        batch = []
        for event in events:
            self.seq += 1
            batch.append({"epoch": self.epoch, "seq": self.seq, "ts": NOON, "turn": "", **event})
        self.say(Batch(batch))

    def turn(self, record: Json, state: str = "answered") -> None:
        """Publish the events of one turn up to a state."""
        first = {k: v for k, v in record.items() if k not in ("reply", "reason", "error", "took", "took_ms")}
        states = {"queued": ["queued"], "running": ["queued", "running"]}.get(
            state, ["queued", "running", state]
        )
        for each in states:
            known = record if each == states[-1] else first
            self.happen({**known, "type": f"turn.{each}", "turn": record["id"], "state": each})

    def gap(self, count: int) -> None:
        self.say(Gap(count))

    def stop(self, reason: str = "the daemon closed the stream") -> None:
        self.up = False
        self.say(Disconnected(reason))

    def start_again(self) -> None:
        self.up = True
        self.epoch, self.seq = "E2", 0
        self.say(Connected(again=True))
        self.say(Reset(self.epoch))
