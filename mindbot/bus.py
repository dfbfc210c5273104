"""Publish and subscribe inside the process.

Observers are lossy: a bounded buffer that drops the oldest and counts the gap. Handlers are asked again: a
call that fails is retried with back-off and then handed to ``on_dead``. Each has its own bounded queue; what
a full one drops is counted and told as a ``bus.overflow`` event. Both may come and go at any time.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager

import anyio
from anyio.abc import TaskGroup

from mindbot.domain.bus_rows import bus_row
from mindbot.domain.errors import MindBotError
from mindbot.domain.events import CONTROL, Event
from mindbot.domain.shapes.instruments import BusRowJson

Handler = Callable[[Event], Awaitable[None]]
OnDead = Callable[[str, Event, Exception], None]
OnDrop = Callable[[str, int], None]

OVERFLOW_EVERY = 1.0  # seconds between two events that tell of drops
LEAVE = 5.0  # seconds a handler that goes has for what it was given before


class Observer:
    """A bounded view of the stream. Control events are never dropped; ``gap`` counts what was."""

    def __init__(self, topics: Collection[str], capacity: int) -> None:
        self.topics = frozenset(topics)
        self.gap = 0
        self.lost = 0  # in all
        self.capacity = capacity
        self._events: deque[Event] = deque()
        self._control: deque[Event] = deque()
        self._wake = anyio.Event()
        self._waiting = False

    def push(self, event: Event) -> None:
        if event.type in CONTROL:
            self._control.append(event)
        else:
            if len(self._events) >= self.capacity:
                self._events.popleft()
                self.gap += 1
                self.lost += 1
            self._events.append(event)
        if self._waiting:
            self._wake.set()

    @property
    def waiting(self) -> int:
        """How many events it has not taken yet."""
        return len(self._events) + len(self._control)

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


class Subscription:
    """A handler and the events it has not seen yet. ``dropped`` counts what it never will."""

    def __init__(
        self,
        name: str,
        handler: Handler,
        topics: Collection[str],
        priority: int,
        capacity: int,
        on_drop: Callable[[Subscription], None],
    ) -> None:
        self.name = name
        self.handler = handler
        self.topics = frozenset(topics)
        self.priority = priority
        self.dropped = 0
        self.told = 0  # of these
        self.scope: anyio.CancelScope | None = None  # of its calls, while the bus runs
        self._on_drop = on_drop
        self.capacity = capacity
        self._events: deque[Event] = deque()
        self._in_hand = 0
        self._wake = anyio.Event()
        self._empty = anyio.Event()

    def push(self, event: Event) -> None:
        if len(self._events) >= self.capacity:
            self._events.popleft()
            self.dropped += 1
            self._on_drop(self)
        self._events.append(event)
        self._wake.set()

    @property
    def waiting(self) -> int:
        """How many events it has not handled yet."""
        return len(self._events) + self._in_hand

    async def next(self) -> Event:
        """Wait for an event and take it in hand; the one before it is then done."""
        self._in_hand = 0
        if not self._events:
            self._empty.set()
        while not self._events:
            self._wake = anyio.Event()
            await self._wake.wait()
        self._in_hand = 1
        return self._events.popleft()

    async def emptied(self) -> None:
        """Return when everything it was given is handled."""
        while self._events or self._in_hand:
            self._empty = anyio.Event()
            await self._empty.wait()

    def leave(self) -> None:
        """Stop its calls; what is left counts as dropped."""
        if self.scope is not None:
            self.scope.cancel()
        if left := len(self._events) + self._in_hand:
            self._events.clear()
            self._in_hand = 0
            self.dropped += left
            self._on_drop(self)


class Bus:
    """The event bus. ``publish`` never waits and never fails because of a subscriber.

    ``failed`` and ``dropped`` count by handler: events it gave up on, and those its queue had no room for.
    """

    def __init__(
        self,
        *,
        retries: int = 3,
        backoff: float = 0.2,
        on_dead: OnDead | None = None,
        on_drop: OnDrop | None = None,
        overflow_every: float = OVERFLOW_EVERY,
    ) -> None:
        self.seq = 0
        self.published: dict[str, int] = {}  # by topic
        self.failed: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self._takers: dict[str, tuple[Observer | Subscription, ...]] = {}
        self._observers: list[Observer] = []
        self._subscriptions: list[Subscription] = []
        self._retries = retries
        self._backoff = backoff
        self._on_dead = on_dead
        self._on_drop = on_drop
        self._overflow_every = overflow_every
        self._untold: set[Subscription] = set()  # those that dropped more than was told
        self._drops = anyio.Event()
        self._tasks: TaskGroup | None = None
        self._on_interest: list[Callable[[], None]] = []

    def on_interest(self, tell: Callable[[], None]) -> None:
        """Have ``tell`` called whenever the answers of `wants` may have changed, and now."""
        self._on_interest.append(tell)
        tell()

    def wants(self, topic: str) -> bool:
        """Whether anybody would see an event of this topic: ask before building a costly one."""
        return bool(self._taking(topic))

    def publish(self, event: Event) -> None:
        """Number the event and pass it to everyone who asked for its topic."""
        self.seq += 1
        event.seq = self.seq
        topic = event.topic
        self.published[topic] = self.published.get(topic, 0) + 1
        for taker in self._taking(topic):
            taker.push(event)

    def _taking(self, topic: str) -> tuple[Observer | Subscription, ...]:
        found = self._takers.get(topic)
        if found is None:
            everyone: list[Observer | Subscription] = [*self._observers, *self._subscriptions]
            found = tuple(t for t in everyone if not t.topics or topic in t.topics)
            self._takers[topic] = found
        return found

    @contextmanager
    def observe(self, topics: Collection[str] = (), *, capacity: int = 10_000) -> Iterator[Observer]:
        """Open an observer of these topics (none means all) for the length of a ``with`` block."""
        observer = Observer(topics, capacity)
        self._observers.append(observer)
        self._interest_changed()
        try:
            yield observer
        finally:
            self._observers.remove(observer)
            self._interest_changed()

    def _interest_changed(self) -> None:
        self._takers.clear()
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

    def rows(self) -> list[BusRowJson]:
        """Return the topics by how much happened, then those who take events."""
        topics = sorted(self.published.items(), key=lambda each: -each[1])
        return [
            *(bus_row("topic", name, events=count) for name, count in topics),
            *(
                bus_row(
                    "handler",
                    s.name,
                    s.topics,
                    waiting=s.waiting,
                    capacity=s.capacity,
                    lost=s.dropped,
                    failed=self.failed[s.name],
                )
                for s in self._subscriptions
            ),
            *(
                bus_row("observer", "", o.topics, waiting=o.waiting, capacity=o.capacity, lost=o.lost)
                for o in self._observers
            ),
        ]

    # --- handlers

    def subscribe(
        self,
        name: str,
        handler: Handler,
        topics: Collection[str] = (),
        *,
        priority: int = 0,
        capacity: int = 10_000,
    ) -> Subscription:
        """Give a handler these topics (none means all) from now on, also while the bus is `running`.

        Higher priorities are handed events first. ``capacity`` is how many events may wait for it: of more,
        the oldest are dropped, counted, and told as ``bus.overflow``.
        """
        subscription = Subscription(name, handler, topics, priority, capacity, self._has_dropped)
        self._subscriptions.append(subscription)
        self._subscriptions.sort(key=lambda s: -s.priority)
        self._interest_changed()
        if self._tasks is not None:
            self._tasks.start_soon(self._serve, subscription)
        return subscription

    async def unsubscribe(self, subscription: Subscription, *, within: float = LEAVE) -> None:
        """Give a handler nothing more, and let it handle what it has ``within`` so many seconds.

        What is left then, the call it is in included, is dropped and counted. A handler does not wait here
        for itself.
        """
        if subscription not in self._subscriptions:
            return
        self._subscriptions.remove(subscription)
        self._interest_changed()
        try:
            if self._tasks is not None:
                with anyio.move_on_after(within):
                    await subscription.emptied()
        finally:
            subscription.leave()
            self._tell_drops()

    @asynccontextmanager
    async def handling(
        self,
        name: str,
        handler: Handler,
        topics: Collection[str] = (),
        *,
        priority: int = 0,
        capacity: int = 10_000,
    ) -> AsyncIterator[Subscription]:
        """`subscribe` for the length of a block."""
        subscription = self.subscribe(name, handler, topics, priority=priority, capacity=capacity)
        try:
            yield subscription
        finally:
            await self.unsubscribe(subscription)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the handlers; on the way out their queues are emptied first."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            for subscription in self._subscriptions:
                tasks.start_soon(self._serve, subscription)
            tasks.start_soon(self._watch_drops)
            try:
                yield
                with anyio.move_on_after(LEAVE):
                    for subscription in list(self._subscriptions):
                        await subscription.emptied()
            finally:
                self._tasks = None
                for subscription in self._subscriptions:
                    subscription.leave()
                self._tell_drops()
            tasks.cancel_scope.cancel()

    async def _serve(self, subscription: Subscription) -> None:
        with anyio.CancelScope() as subscription.scope:
            while True:
                await self._call(subscription, await subscription.next())

    async def _call(self, subscription: Subscription, event: Event) -> None:
        for attempt in range(self._retries + 1):
            try:
                await subscription.handler(event)
                return
            except Exception as error:  # noqa: BLE001 - a stranger's handler may raise anything; it is dead-lettered
                if attempt == self._retries or (isinstance(error, MindBotError) and not error.retryable):
                    self.failed[subscription.name] += 1
                    if self._on_dead is not None:
                        self._on_dead(subscription.name, event, error)
                    return
            await anyio.sleep(self._backoff * math.pow(2, attempt))

    # --- what handlers never saw

    def _has_dropped(self, subscription: Subscription) -> None:
        if subscription not in self._untold:
            self._untold.add(subscription)
            self._drops.set()

    async def _watch_drops(self) -> None:
        while True:
            await self._drops.wait()
            self._tell_drops()
            await anyio.sleep(self._overflow_every)

    def _tell_drops(self) -> None:
        """Count what handlers lost since that was told last, and tell everyone but them."""
        untold, self._untold, self._drops = self._untold, set(), anyio.Event()
        for subscription in untold:
            name, lost = subscription.name, subscription.dropped - subscription.told
            subscription.told = subscription.dropped
            self.dropped[name] += lost
            if self._on_drop is not None:
                self._on_drop(name, lost)
            event = Event("bus.overflow", data={"handler": name, "count": lost})
            self.seq += 1
            event.seq = self.seq
            for taker in self._taking(event.topic):
                if taker is not subscription:  # it would drop one more for being told
                    taker.push(event)
