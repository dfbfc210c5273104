"""Takes events off the bus once and hands them to every attached client.

While nobody is attached the bus has no observer of ours, so nothing is built, kept or encoded. From the
first client on, the last `RING` events are kept for those who come back with ``since``. When the last
client has left, the observer stays for `LINGER` seconds, so that a console that is opened again, or whose
connection broke, finds no gap; then all is let go, and who comes later is told to list again (``reset``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import anyio
import orjson

from mindbot.bus import Bus, Observer
from mindbot.domain import ids
from mindbot.domain.bus_rows import bus_row
from mindbot.domain.errors import Conflict
from mindbot.domain.events import CONTROL, PASSING, Event
from mindbot.domain.message import Json
from mindbot.domain.plain import dumps
from mindbot.domain.shapes.instruments import BusRowJson
from mindbot_daemon.server.stream.request import Request
from mindbot_daemon.server.stream.subscriber import Frame, Subscriber, array

INTERVAL = 0.05  # seconds between batches,
BUSY = 100  # twice that after one of so many events: each has a price, for the daemon and its readers
LINGER = 60.0  # seconds
RING = 5_000  # events
HEARTBEAT = 5.0  # seconds without news after which a client is told its place
MOST_CLIENTS = 1_024
FRAME_EVENTS = 500  # a message holds so many events at most,
FRAME_BYTES = 256 << 10  # and is complete when it has reached this size


class Kept:
    """An event as a flat record, made and encoded when the first client wants it, once for all of them.

    What stays of it is the text alone: thousands of kept dictionaries would be gone through again and again
    by the garbage collector, which costs more than making them did.
    """

    __slots__ = ("_event", "_text", "epoch", "seq", "topic", "turn", "type")

    def __init__(self, epoch: str, event: Event) -> None:
        self.epoch = epoch
        self.seq = event.seq
        self.type = event.type
        self.topic = event.topic
        self.turn = event.turn
        self._event: Event | None = event
        self._text = b""

    @property
    def record(self) -> Json:
        """What filters look at."""
        if self._event is None:
            found: Json = orjson.loads(self._text)
            return found
        return {
            "epoch": self.epoch,
            "seq": self.seq,
            "ts": self._event.ts,
            "type": self.type,
            "turn": self.turn,
            **self._event.data,
        }

    @property
    def text(self) -> bytes:
        self.settle()
        return self._text

    def settle(self) -> None:
        """Let go of what it was made from."""
        if self._event is not None:
            self._text = dumps(self.record)
            self._event = None


class Hub:
    """Clients attach to it; run `run` in a task group as long as they may."""

    def __init__(self, *, linger: float = LINGER, ring: int = RING, heartbeat: float = HEARTBEAT) -> None:
        #: Names this run of the daemon: places of another epoch mean nothing here.
        self.epoch = ids.show(ids.new_id())
        self._linger = linger
        self._heartbeat = heartbeat
        self._ring: deque[Kept] = deque(maxlen=ring)
        self._clients: list[Subscriber] = []
        self._place = 0  # everything up to here has been handed on
        self._thinned = 0  # up to here the ring may lack states that turns passed through
        self._whole_after: dict[str, int] = {}  # by topic: the ring has everything later than this
        self._unused_since: dict[str, float] = {}
        self._bus: Bus | None = None
        self._observer: Observer | None = None
        self._open = ExitStack()
        self._attached = anyio.Event()

    @property
    def clients(self) -> int:
        """How many are attached."""
        return len(self._clients)

    def rows(self) -> list[BusRowJson]:
        """Return a line about each client: what it asked for, and what waits for it."""
        return [
            bus_row(
                "client",
                client.name,
                client.request.topics | client.request.types,
                filter=client.request.filter,
                waiting=client.events,
                capacity=client.most_events,
                lost=client.missed,
            )
            for client in self._clients
        ]

    @contextmanager
    def attach(self, bus: Bus, request: Request) -> Iterator[Subscriber]:
        """Open a client's view for the length of the block.

        The first thing it is told is its place, ``{"epoch", "seq"}``; or ``{"reset", "seq"}`` when it asked
        to go on from a place whose successors are not here any more.

        Raises:
            Conflict: there are too many clients.
        """
        if len(self._clients) >= MOST_CLIENTS:
            raise Conflict(f"{MOST_CLIENTS} clients are attached already", hint="detach some")
        self._observe(bus, request)
        client = Subscriber(request)
        self._welcome(client)
        self._clients.append(client)
        self._attached.set()
        try:
            yield client
        finally:
            self._clients.remove(client)

    def _observe(self, bus: Bus, request: Request) -> None:
        """See to it that the request's topics are looked at."""
        if self._observer is None:
            self._bus = bus
            self._observer = self._open.enter_context(bus.observe(request.observed))
            self._open.callback(self._whole_after.clear)
        self.pump()
        if new := request.observed - self._whole_after.keys():
            bus.retune(self._observer, self._observer.topics | new)
            # A place from before, when these topics were not looked at, must not pass for this one.
            self._place = bus.mark()
            self._whole_after |= dict.fromkeys(new, self._place)

    def _welcome(self, client: Subscriber) -> None:
        since = client.request.since
        if since is None:
            client.note(self._here())
        elif self._has_all_after(client.request, since):
            client.note(self._here() | {"seq": since[1]})
            client.push(_frames([kept for kept in self._ring if kept.seq > since[1]], client.request))
        else:
            client.note({"reset": self.epoch, "seq": self._place})

    def _here(self) -> Json:
        return {"epoch": self.epoch, "seq": self._place}

    def _has_all_after(self, request: Request, since: tuple[str, int]) -> bool:
        epoch, seq = since
        return (
            epoch == self.epoch
            and seq <= self._place
            and not (request.picky and seq < self._thinned)
            and all(self._whole_after[topic] <= seq for topic in request.observed)
        )

    # --- the loop

    async def run(self) -> None:
        """Serve until cancelled."""
        while True:
            await self._somebody()
            await self._serve()
            with anyio.move_on_after(self._linger):
                await self._somebody()
            if not self._clients:
                self._open.close()
                self._observer = None
                self._ring.clear()

    async def _somebody(self) -> None:
        while not self._clients:
            self._attached = anyio.Event()
            await self._attached.wait()

    async def _serve(self) -> None:
        beat = anyio.current_time() + self._heartbeat
        while self._clients and self._observer is not None:
            with anyio.move_on_at(beat):
                await self._observer.wait()
            taken = self.pump()
            if anyio.current_time() >= beat:
                self._tell_places()
                self._drop_unused()
                beat = anyio.current_time() + self._heartbeat
            await anyio.sleep(INTERVAL if taken < BUSY else 2 * INTERVAL)

    def pump(self) -> int:
        """Hand on what has been published; returns how many events that was."""
        if self._observer is None:
            return 0
        events, lost = self._observer.take()
        if lost:
            self._forgotten(events[0].seq - 1 if events else self._place)
            for client in self._clients:
                client.lost(lost)
        if not events:
            return 0
        newest = events[-1].seq
        if self._clients and not any(client.request.picky for client in self._clients):
            thin = _without_passing(events)
            if len(thin) < len(events):
                events, self._thinned = thin, newest
        kept = [Kept(self.epoch, event) for event in events]
        self._keep(kept)
        self._place = newest
        made: dict[Request, list[Frame]] = {}
        for client in self._clients:
            frames = made.get(client.request)
            if frames is None:
                frames = made[client.request] = _frames(kept, client.request)
            client.push(frames)
        for each in kept:
            each.settle()
        return len(events)

    def _keep(self, kept: Sequence[Kept]) -> None:
        room = self._ring.maxlen or 0
        gone = len(self._ring) + len(kept) - room
        if gone > 0:
            last = self._ring[gone - 1] if gone <= len(self._ring) else kept[gone - 1 - len(self._ring)]
            self._forgotten(last.seq)
        self._ring.extend(kept)

    def _forgotten(self, seq: int) -> None:
        """The ring has no longer everything up to this event."""
        for topic, since in self._whole_after.items():
            self._whole_after[topic] = max(since, seq)

    def _tell_places(self) -> None:
        """Give clients whose filter lets little through a fresh place to go on from."""
        for client in self._clients:
            if not client.waiting:
                client.note(self._here())

    def _drop_unused(self) -> None:
        """Look away from topics that nobody has asked for in a while."""
        if self._bus is None or self._observer is None:
            return
        used = frozenset[str]().union(*(client.request.observed for client in self._clients))
        now = anyio.current_time()
        self._unused_since = {t: self._unused_since.get(t, now) for t in self._observer.topics - used}
        long_unused = {t for t, since in self._unused_since.items() if now - since >= self._linger}
        if used and long_unused:
            self._bus.retune(self._observer, self._observer.topics - long_unused)
            for topic in long_unused:
                del self._whole_after[topic]


def _without_passing(events: Sequence[Event]) -> list[Event]:
    """Leave out the states that a later event of the same turn makes old news."""
    told: set[str] = set()
    found: list[Event] = []
    for event in reversed(events):
        if event.type in PASSING:
            if event.turn in told:
                continue
            told.add(event.turn)
        elif event.type.startswith("turn.") and event.type != "turn.duplicate":
            told.add(event.turn)
        found.append(event)
    found.reverse()
    return found


def _frames(kept: Sequence[Kept], request: Request) -> list[Frame]:
    """Encode what a request wants into messages."""
    frames: list[Frame] = []
    texts: list[bytes] = []
    control: list[bytes] = []
    size = 0

    def complete() -> None:
        frames.append(Frame(array(texts), len(texts), tuple(control)))
        texts.clear()
        control.clear()

    for each in _chosen(kept, request):
        texts.append(each.text)
        size += len(each.text)
        if each.type in CONTROL:
            control.append(each.text)
        if len(texts) >= FRAME_EVENTS or size >= FRAME_BYTES:
            complete()
            size = 0
    if texts:
        complete()
    return frames


def _chosen(kept: Sequence[Kept], request: Request) -> list[Kept]:
    """Return what a request wants, without the states that turns only passed through."""
    chosen: list[Kept] = []
    told: set[str] = set()
    topics, types, keep = request.topics, request.types, request.keep
    for each in reversed(kept):
        asked = each.type in types
        if each.topic not in topics and not asked:
            continue
        passed = each.turn in told and each.type in PASSING and not asked
        if passed or (keep is not None and not keep({**each.record, "topic": each.topic})):
            continue
        if each.topic == "turn" and each.type != "turn.duplicate":
            told.add(each.turn)
        chosen.append(each)
    chosen.reverse()
    return chosen
