"""Sends deliveries: in order inside a session, retried, and never twice where the platform can tell.

A delivery goes ``pending → sending → sent``, back to ``pending`` when it surely did not arrive, to
``unknown`` when it may have, or ``dead``.
"""

from __future__ import annotations

import time
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
    Conflict,
    MindBotError,
    NetworkFailed,
    RateLimited,
    StoreError,
    StoreUnreadable,
)
from mindbot.domain.events import Event
from mindbot.runtime.events import delivery_event
from mindbot.runtime.held_up import Session
from mindbot.runtime.in_hand import InHand, Read
from mindbot.runtime.on_its_way import WHY, Lane, OnItsWay, session_of
from mindbot.runtime.patience import Policy
from mindbot.runtime.traffic import Traffic
from mindbot.runtime.workers import Workers
from mindbot.telemetry.redaction import told

log = structlog.get_logger("mindbot.runtime")

_GIVE_UP = 10.0  # seconds until a store that cannot write that something is given up is told of
_PAUSE = 0.2, 5.0  # seconds until a store that fails is asked again, at first and at most


class Outbox(OnItsWay):
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
        super().__init__()
        self.in_hand = InHand(read, held)
        self.on_end: Callable[[Delivery], None] = lambda d: None  #: Told of each whose end is on disk,
        self.on_refused: Callable[[Delivery], None] = lambda d: None  #: and of each that failed a first time.
        self._mark = mark
        self._publish = publish
        self._wants = wants
        self._policy = policy
        self._tasks: TaskGroup | None = None
        self._workers: Workers | None = None
        self._idle = anyio.Event()
        self.sent = 0
        self.dead = 0
        self.retried = 0
        self.traffic = Traffic()

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
            self._lanes[bot.key] = Lane(bot, self._policy.concurrency)
        else:
            lane.bot = bot

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
        if d.n == 0 and free and session_of(d) not in self._sessions:
            d.state, d.attempts = "sending", 1

    def submit(self, deliveries: list[Delivery]) -> None:
        """Take over deliveries that are on disk, in their order."""
        for d in deliveries:
            if d.state == "sent":  # a local platform's: the row is the delivery
                self.sent += 1
                self.traffic.of(d.platform, d.bot).delivered(d.ended)
                self._tell("delivery.sent", d)
                continue  # as its turn says already
            session = session_of(d)
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

    def _start(self, lane: Lane) -> None:
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

    async def _serve(self, lane: Lane) -> None:
        """Send whatever is ready on the lane, one session after the other."""
        try:
            while lane.ready and not lane.held:
                session = lane.ready.popleft()
                wait = await self._send_session(session, lane)
                if wait > 0 and self._tasks is not None:
                    early = self._resting[session] = anyio.Event()
                    self._idle.set()
                    self._tasks.start_soon(self._later, session, self._sessions[session], early, wait)
        finally:
            lane.free += 1

    async def _later(
        self, session: Session, waiting: list[Delivery], early: anyio.Event, wait: float
    ) -> None:
        """Queue the session again when its time has come; it holds nobody up meanwhile."""
        with anyio.move_on_after(wait):
            await early.wait()
        if self._resting.get(session) is early:
            del self._resting[session]
        if self._sessions.get(session) is waiting:  # else all that it held was given up
            self._ready(session)

    async def _send_session(self, session: Session, lane: Lane) -> float:
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

    # --- what operators do

    def hasten(self, id: str) -> None:
        """Let a delivery that waits for its next try go out now; raises NotFound, Conflict."""
        session, n = self.find(id)
        why = self.why(session, n)
        if why != "retry":
            raise Conflict(f"{id} waits for no next try: {WHY[why]}", hint="see: mindbot queue list")
        self._due[self._sessions[session][n].id] = 0.0
        self._resting[session].set()

    async def cancel(self, id: str) -> None:
        """Give up a delivery that waits: it is a dead letter from then on, and can be tried again as one.

        Raises:
            NotFound: there is none that is not ended.
            Conflict: it is on its way to the platform, or grows still.
            StoreError: that it is given up could not be written; it goes out after a restart.
        """
        session, n = self.find(id)
        waiting = self._sessions[session]
        d, why = waiting[n], self.why(session, n)
        ready = lane.ready if (lane := self._lanes.get(session[:2])) else ()
        if why in ("wire", "grows") or not (n or session in self._resting or session in ready):
            raise Conflict(f"{id} cannot be given up now: {WHY[why]}", hint="wait for what becomes of it")
        del waiting[n]  # nobody sends it from here on
        self.in_hand.leave(d)
        if not waiting:
            self._finished(session)
            if lane is not None and session in ready:
                lane.ready.remove(session)
        if not n and (resting := self._resting.pop(session, None)):
            resting.set()
        with anyio.move_on_after(_GIVE_UP, shield=True) as written:
            await self._end(d, "dead", "given up by an operator")
        if written.cancelled_caught:
            raise StoreError(f"cannot write that {id} is given up", hint="it goes out after a restart")

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

    async def _attempt(self, d: Delivery, lane: Lane) -> None:
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

    async def _failed(self, d: Delivery, lane: Lane, error: MindBotError, said: int) -> None:
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
            same = takewhile(lambda each: each.turn == d.turn, self._sessions.get(session_of(d), ()))
            self._publish(delivery_event(kind, d, left=sum(each is not d for each in same)))

    def _held(self) -> int:
        return sum(len(lane.ready) for lane in self._lanes.values() if lane.held)

    async def drained(self) -> None:
        """Return when nothing is on the wire; what waits for its next try, or its bot, stays on disk."""
        while len(self._sessions) > len(self._resting) + self._held():
            self._idle = anyio.Event()
            await self._idle.wait()
