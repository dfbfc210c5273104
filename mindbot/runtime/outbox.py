"""Sends deliveries: in order inside a session, retried, and never twice where the platform can tell.

A delivery goes ``pending → sending → sent``, back to ``pending`` when it surely did not arrive, to
``unknown`` when it may have, or ``dead``.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import takewhile

import anyio
import structlog
from anyio.abc import TaskGroup

from mindbot.deadlines import Within
from mindbot.domain import ids
from mindbot.domain.bot import Bot
from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import (
    AuthFailed,
    MindBotError,
    NetworkFailed,
    RateLimited,
    StoreError,
    StoreUnreadable,
)
from mindbot.domain.events import Event
from mindbot.runtime.events import delivery_event
from mindbot.runtime.held_up import Session, held_up
from mindbot.runtime.in_hand import InHand, Read
from mindbot.runtime.patience import Policy
from mindbot.runtime.traffic import Traffic
from mindbot.runtime.workers import Workers
from mindbot.telemetry.redaction import told

log = structlog.get_logger("mindbot.runtime")

_OPEN = frozenset({"open", "pending", "sending", "unknown"})
_PAUSE = 0.2, 5.0  # seconds until a store that fails is asked again, at first and at most


def _session(d: Delivery) -> Session:
    return d.platform, d.bot, d.session


class _Lane:
    """One bot's way out: sessions that are ready to send, and until when it has to keep quiet."""

    def __init__(self, bot: Bot, workers: int) -> None:
        self.bot = bot
        self.free = workers  # how many more may send at once
        self.ready: deque[Session] = deque()
        self.quiet_until = 0.0  # of `time.monotonic`
        self.held = False  # an operator stopped the bot


class Outbox:
    """Owns every delivery that is on disk and not ended.

    Args:
        mark: writes a delivery's new state.
        publish: tells observers.
        wants: whether there are any, of a topic.
        policy: how long it tries.
        read: reads a delivery again, by its turn and place; None keeps all that waits in memory.
        held: characters of waiting deliveries in memory, about; `Delivery.length`.
    """

    def __init__(
        self,
        mark: Callable[[Delivery], Awaitable[None]],
        publish: Callable[[Event], None],
        wants: Callable[[str], bool],
        policy: Policy,
        *,
        read: Read | None = None,
        held: int = 8_000_000,
    ) -> None:
        self.in_hand = InHand(read, held)
        self.on_end: Callable[[Delivery], None] = lambda d: None  #: Told of each whose end is on disk,
        self.on_refused: Callable[[Delivery], None] = lambda d: None  #: and of each that failed a first time.
        self._mark = mark
        self._publish = publish
        self._wants = wants
        self._policy = policy
        self._lanes: dict[tuple[str, str], _Lane] = {}
        self._sessions: dict[Session, list[Delivery]] = {}
        self._due: dict[str, float] = {}  # by delivery: when it may go out, of `time.monotonic`
        self._tasks: TaskGroup | None = None
        self._workers: Workers | None = None
        self._idle = anyio.Event()
        self._sleeping = 0
        self.sent = 0
        self.dead = 0
        self.retried = 0
        self.traffic = Traffic()

    @property
    def waiting(self) -> int:
        """Deliveries that are not ended."""
        return sum(map(len, self._sessions.values()))

    def waiting_of(self, platform: str, bot: str) -> int:
        """Return how many of a bot's deliveries are not ended."""
        return sum(len(waiting) for s, waiting in self._sessions.items() if s[:2] == (platform, bot))

    def held_up(self, now: float) -> tuple[int, float]:
        """Return how many answers wait for long, and for how many seconds the oldest does: see `held_up`."""
        return held_up(self._sessions, {bot for bot, lane in self._lanes.items() if lane.held}, now)

    def hold(self, platform: str, bot: str) -> None:
        """Let what a bot has to send wait, until `release`; what is on the wire ends."""
        if lane := self._lanes.get((platform, bot)):
            lane.held = True
            self._idle.set()

    def release(self, platform: str, bot: str) -> None:
        """Send again."""
        if (lane := self._lanes.get((platform, bot))) and lane.held:
            lane.held = False
            for _ in range(min(len(lane.ready), lane.free)):
                self._start(lane)

    def serve(self, bot: Bot) -> None:
        """Make a bot known; a later one of the same name takes its place."""
        lane = self._lanes.get(bot.key)
        if lane is None:
            self._lanes[bot.key] = _Lane(bot, self._policy.concurrency)
        else:
            lane.bot = bot

    def behind(self, session: Session) -> bool:
        """Tell whether something of a session is still on its way: what is shown now would come too early."""
        return session in self._sessions

    def overtakes(self, d: Delivery) -> bool:
        """Tell whether a delivery, shown now, would come before something of another turn that goes first."""
        waiting = self._sessions.get(_session(d))
        return d.state in _OPEN and waiting is not None and waiting[0].turn != d.turn

    def waiting_in(self, session: Session) -> list[str]:
        """Return the deliveries of a session that are not ended, by id."""
        return [d.id for d in self._sessions.get(session, ())]

    def bot(self, platform: str, name: str) -> Bot | None:
        """Return a bot that is served."""
        lane = self._lanes.get((platform, name))
        return lane.bot if lane else None

    async def run(self) -> None:
        """Send until cancelled."""
        async with anyio.create_task_group() as tasks:
            self._tasks, self._workers = tasks, Workers(tasks)
            for session in list(self._sessions):
                self._ready(session)
            await anyio.sleep_forever()

    def first_state(self, d: Delivery) -> None:
        """Decide how a new delivery goes to disk: ``sending`` with nothing before it, ``sent`` if local."""
        lane = self._lanes.get((d.platform, d.bot))
        if lane is not None and lane.bot.local:
            d.state, d.attempts, d.ended = "sent", 1, time.time()
            return
        free = lane is not None and lane.free > 0 and not lane.ready and not lane.held
        free = free and lane is not None and lane.quiet_until <= time.monotonic()
        if d.n == 0 and free and _session(d) not in self._sessions:
            d.state, d.attempts = "sending", 1

    def submit(self, deliveries: list[Delivery]) -> None:
        """Take over deliveries that are on disk, in their order."""
        for d in deliveries:
            if d.state == "sent":  # a local platform's: the row is the delivery
                self.sent += 1
                self.traffic.of(d.platform, d.bot).delivered(d.ended)
                self._tell("delivery.sent", d)
                continue  # as its turn says already
            session = _session(d)
            waiting = self._sessions.get(session)
            if waiting is None:
                self.in_hand.wait(d, at_once=d.state == "sending")
                self._sessions[session] = [d]
                self._ready(session)
            else:
                if d.state == "sending":  # it was free when the row was written, and no longer is
                    d.state, d.attempts = "pending", 0
                self.in_hand.wait(d)
                waiting.append(d)

    def _ready(self, session: Session) -> None:
        """Queue a session on its bot's lane and see that somebody sends it."""
        if self._tasks is None:
            return
        d = self._sessions[session][0]
        lane = self._lanes.get((d.platform, d.bot))
        if lane is None:
            self._tasks.start_soon(self._orphaned, session)
            return
        lane.ready.append(session)
        if lane.free > 0 and not lane.held:
            self._start(lane)

    def _start(self, lane: _Lane) -> None:
        if self._workers is not None:
            lane.free -= 1
            self._workers.start(self._serve, lane)

    async def _orphaned(self, session: Session) -> None:
        waiting = self._sessions[session]
        while waiting:
            d = waiting[0]
            self.in_hand.leave(d)
            await self._end(d, "dead", f"no bot {d.bot!r} on {d.platform!r} is configured any more")
            waiting.pop(0)
        self._finished(session)

    async def _serve(self, lane: _Lane) -> None:
        """Send whatever is ready on the lane, one session after the other."""
        try:
            while lane.ready and not lane.held:
                session = lane.ready.popleft()
                wait = await self._send_session(session, lane)
                if wait > 0 and self._tasks is not None:
                    self._sleeping += 1
                    self._idle.set()
                    self._tasks.start_soon(self._later, session, wait)
        finally:
            lane.free += 1

    async def _later(self, session: Session, wait: float) -> None:
        """Queue the session again when its time has come; it holds nobody up meanwhile."""
        try:
            await anyio.sleep(wait)
        finally:
            self._sleeping -= 1
        self._ready(session)

    async def _send_session(self, session: Session, lane: _Lane) -> float:
        """Send a session in order; returns the seconds to wait before it can go on, 0 at its end."""
        waiting = self._sessions[session]
        while waiting:
            if lane.held:
                lane.ready.append(session)
                self._idle.set()
                return 0.0
            d = waiting[0]
            wait = max(self._when(d), lane.quiet_until) - time.monotonic()
            if wait > 0:
                return wait
            self.in_hand.leave(d)
            if await self._taken_up(d):
                await self._attempt(d, lane)
            if d.state in ("sent", "dead"):
                waiting.pop(0)
            else:
                self.in_hand.wait(d)
        self._finished(session)
        return 0.0

    def _finished(self, session: Session) -> None:
        del self._sessions[session]
        self._idle.set()

    async def _taken_up(self, d: Delivery) -> bool:
        """Have what a delivery says; one that can never be read is given up. Waits for a store that fails."""
        delay, longest = _PAUSE
        while True:
            try:
                await self.in_hand.take_up(d)
                return True
            except StoreError as error:
                if not error.retryable:
                    await self._end(
                        d, "dead", error.reason if isinstance(error, StoreUnreadable) else str(error)
                    )
                    return False
            await anyio.sleep(delay)
            delay = min(longest, delay * 2)

    async def _attempt(self, d: Delivery, lane: _Lane) -> None:
        if (d.again or d.state == "unknown") and not lane.bot.recognises(d):
            if d.state == "unknown" and d.repeated:
                await self._end(d, "dead", "sent twice, and nobody knows whether it arrived")
                return
            d.repeat()  # on disk before it leaves: no crash repeats it once more
        if d.state != "sending":
            d.state, d.attempts = "sending", d.attempts + 1
            await self._store(d)
        said = d.said
        begun = time.perf_counter()
        try:
            with Within(self._policy.timeout):
                try:
                    sent = await lane.bot.adapter.send(d)
                finally:
                    self.traffic.sends[lane.bot.key].add(time.perf_counter() - begun)
            d.sent_id = sent.id
            d.notes.add(sent.notes)
        except TimeoutError:
            late = NetworkFailed(f"no answer in {self._policy.timeout:g}s", sent=True)
            await self._failed(d, lane, late, said)
        except MindBotError as error:
            await self._failed(d, lane, error, said)
        except Exception as error:  # noqa: BLE001 - an adapter's bug must not stop the bot: dead letter with its reason
            what = f"{lane.bot.platform} could not make a request of it: {type(error).__name__}: {error}"
            await self._end(d, "dead", f"internal: {what} (a mistake of MindBot: please report it)", error)
        else:
            self.sent += 1
            await self._end(d, "sent", "")

    async def _failed(self, d: Delivery, lane: _Lane, error: MindBotError, said: int) -> None:
        """Decide what becomes of a delivery of which ``said`` messages had arrived before this attempt."""
        if d.said > said:  # what was in doubt has arrived since: this is the first failure of another one
            d.again = False
        unknown = isinstance(error, NetworkFailed) and error.sent
        hopeless = not error.retryable and not isinstance(error, AuthFailed)
        if unknown and d.again and not lane.bot.recognises(d):
            hopeless = True  # it was re-sent once already; once more could be seen twice
        if isinstance(error, RateLimited):  # not carried out, which says nothing against the message
            d.notes.throttled = (d.notes.throttled or 0) + 1
        if hopeless or d.attempts - (d.notes.throttled or 0) >= self._policy.max_attempts:
            await self._end(d, "dead", str(error))
            return
        self.retried += 1
        d.state = "unknown" if unknown else "pending"
        d.again = d.again or unknown
        d.error = told(error)
        self.traffic.of(d.platform, d.bot).refused(d.error, dead=False)
        wait = self._policy.backoff(d.attempts, error)
        d.next_at = time.time() + wait
        due = self._due[d.id] = time.monotonic() + wait
        if isinstance(error, RateLimited) and error.scope == "bot":
            lane.quiet_until = max(lane.quiet_until, due)
        await self._store(d)
        self._tell("delivery.retry", d)
        if d.attempts == 1:
            self.on_refused(d)

    def _when(self, d: Delivery) -> float:
        """Return when a delivery may go out, of `time.monotonic`.

        The time of day on its row, from before a restart, holds for no longer than the longest back-off: the
        clock may have been set since, and who asks for more than that says so again.
        """
        if d.id not in self._due and d.next_at:
            wait = min(max(0.0, d.next_at - time.time()), self._policy.max_backoff)
            self._due[d.id] = time.monotonic() + wait
        return self._due.get(d.id, 0.0)

    async def _end(self, d: Delivery, state: str, error: str, bug: Exception | None = None) -> None:
        d.state = "sent" if state == "sent" else "dead"
        d.error = told(error)
        d.ended = time.time()
        self._due.pop(d.id, None)
        if d.state == "dead":
            self._lost(d, bug)
        else:
            self.traffic.of(d.platform, d.bot).delivered(d.ended)
        await self._store(d)
        self._tell(f"delivery.{d.state}", d)
        self.on_end(d)

    def _lost(self, d: Delivery, bug: Exception | None = None) -> None:
        self.dead += 1
        where = {"platform": d.platform, "bot": d.bot, "turn": ids.show(d.turn), "delivery": d.id}
        log.warning("delivery given up", **where, attempts=d.attempts, error=d.error, exc_info=bug)
        self.traffic.of(d.platform, d.bot).refused(d.error, dead=True)

    def given_up(self, d: Delivery) -> None:
        """Take note of a delivery that is dead on disk: the platform told late that it did not arrive."""
        self._lost(d)
        self._tell("delivery.dead", d)
        self.on_end(d)

    async def _store(self, d: Delivery) -> None:
        """Write the state; a store that cannot write is waited for, with the delivery in hand."""
        delay, longest = _PAUSE
        while True:
            try:
                await self._mark(d)
                return
            except StoreError:
                await anyio.sleep(delay)
                delay = min(longest, delay * 2)

    def _tell(self, kind: str, d: Delivery) -> None:
        if self._wants("delivery"):
            same = takewhile(lambda each: each.turn == d.turn, self._sessions.get(_session(d), ()))
            self._publish(delivery_event(kind, d, left=sum(each is not d for each in same)))

    def _held(self) -> int:
        return sum(len(lane.ready) for lane in self._lanes.values() if lane.held)

    async def drained(self) -> None:
        """Return when nothing is on the wire; what waits for its next try, or its bot, stays on disk."""
        while len(self._sessions) > self._sleeping + self._held():
            self._idle = anyio.Event()
            await self._idle.wait()
