"""Publish and subscribe inside the process.

Observers are lossy: a bounded buffer that drops the oldest and counts the gap. Handlers are not: each has
its own queue, a failed call is retried with back-off and then handed to ``on_dead``.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import anyio

from mindbot.domain.errors import MindBotError
from mindbot.domain.events import CONTROL, Event

Handler = Callable[[Event], Awaitable[None]]
OnDead = Callable[[str, Event, Exception], None]


class Observer:
    """A bounded view of the stream. Control events are never dropped; ``gap`` counts what was."""

    def __init__(self, topics: Collection[str], capacity: int) -> None:
        self.topics = frozenset(topics)
        self.gap = 0
        self._capacity = capacity
        self._events: deque[Event] = deque()
        self._control: deque[Event] = deque()
        self._wake = anyio.Event()
        self._waiting = False

    def push(self, event: Event) -> None:
        if event.type in CONTROL:
            self._control.append(event)
        else:
            if len(self._events) >= self._capacity:
                self._events.popleft()
                self.gap += 1
            self._events.append(event)
        if self._waiting:
            self._wake.set()

    @property
    def unread_control(self) -> int:
        return len(self._control)

    async def wait(self) -> None:
        """Return when at least one event is there."""
        while not self._events and not self._control:
            self._wake = anyio.Event()
            self._waiting = True
            try:
                await self._wake.wait()
            finally:
                self._waiting = False

    def take(self) -> tuple[list[Event], int]:
        """Return everything buffered in order of publication, and how many were dropped before it."""
        events = [*self._control, *self._events]
        if self._control and self._events:
            events.sort(key=lambda e: e.seq)
        gap, self.gap = self.gap, 0
        self._control.clear()
        self._events.clear()
        return events, gap

    async def batch(self) -> tuple[list[Event], int]:
        """Wait, then take."""
        await self.wait()
        return self.take()


@dataclass(slots=True)
class _Handling:
    name: str
    handler: Handler
    topics: frozenset[str]
    priority: int
    queue: deque[Event] = field(default_factory=deque)
    wake: anyio.Event = field(default_factory=anyio.Event)
    empty: anyio.Event = field(default_factory=anyio.Event)

    async def emptied(self) -> None:
        while self.queue:
            self.empty = anyio.Event()
            await self.empty.wait()


class Bus:
    """The event bus. ``publish`` never waits and never fails because of a subscriber."""

    def __init__(self, *, retries: int = 3, backoff: float = 0.2, on_dead: OnDead | None = None) -> None:
        self.seq = 0
        self._observers: dict[str, tuple[Observer, ...]] = {}
        self._all: list[Observer] = []
        self._handlings: list[_Handling] = []
        self._retries = retries
        self._backoff = backoff
        self._on_dead = on_dead
        self._on_interest: list[Callable[[], None]] = []

    def on_interest(self, tell: Callable[[], None]) -> None:
        """Have ``tell`` called whenever the answers of `wants` may have changed, and now."""
        self._on_interest.append(tell)
        tell()

    def wants(self, topic: str) -> bool:
        """Whether anybody would see an event of this topic: ask before building a costly one."""
        if self._handlings and any(not h.topics or topic in h.topics for h in self._handlings):
            return True
        return bool(self._all) and bool(self._watching(topic))

    def publish(self, event: Event) -> None:
        """Number the event and pass it to everyone who asked for its topic."""
        self.seq += 1
        event.seq = self.seq
        topic = event.topic
        if self._all:
            for observer in self._watching(topic):
                observer.push(event)
        for handling in self._handlings:
            if not handling.topics or topic in handling.topics:
                handling.queue.append(event)
                handling.wake.set()

    def _watching(self, topic: str) -> tuple[Observer, ...]:
        found = self._observers.get(topic)
        if found is None:
            found = tuple(o for o in self._all if not o.topics or topic in o.topics)
            self._observers[topic] = found
        return found

    @contextmanager
    def observe(self, topics: Collection[str] = (), *, capacity: int = 10_000) -> Iterator[Observer]:
        """Open an observer of these topics (none means all) for the length of a ``with`` block."""
        observer = Observer(topics, capacity)
        self._all.append(observer)
        self._interest_changed()
        try:
            yield observer
        finally:
            self._all.remove(observer)
            self._interest_changed()

    def _interest_changed(self) -> None:
        self._observers.clear()
        for tell in self._on_interest:
            tell()

    def retune(self, observer: Observer, topics: Collection[str]) -> None:
        """Show an open observer other topics from now on."""
        observer.topics = frozenset(topics)
        self._interest_changed()

    def mark(self) -> int:
        """Return a place in the stream that no event has: what comes later has a higher number."""
        self.seq += 1
        return self.seq

    def handle(self, name: str, handler: Handler, topics: Collection[str] = (), *, priority: int = 0) -> None:
        """Register a handler before `running`; higher priorities are handed events first."""
        self._handlings.append(_Handling(name, handler, frozenset(topics), priority))
        self._handlings.sort(key=lambda h: -h.priority)
        self._interest_changed()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the handlers; on the way out their queues are emptied first."""
        async with anyio.create_task_group() as tasks:
            for handling in self._handlings:
                tasks.start_soon(self._serve, handling)
            yield
            with anyio.move_on_after(5):
                for handling in self._handlings:
                    await handling.emptied()
            tasks.cancel_scope.cancel()

    async def _serve(self, handling: _Handling) -> None:
        while True:
            while not handling.queue:
                handling.wake = anyio.Event()
                await handling.wake.wait()
            event = handling.queue[0]
            await self._call(handling, event)
            handling.queue.popleft()
            if not handling.queue:
                handling.empty.set()

    async def _call(self, handling: _Handling, event: Event) -> None:
        for attempt in range(self._retries + 1):
            try:
                await handling.handler(event)
                return
            except Exception as error:  # noqa: BLE001 - a stranger's handler may raise anything; it is dead-lettered
                if attempt == self._retries or (isinstance(error, MindBotError) and not error.retryable):
                    if self._on_dead is not None:
                        self._on_dead(handling.name, event, error)
                    return
            await anyio.sleep(self._backoff * math.pow(2, attempt))
