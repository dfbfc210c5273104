"""Runs turns: one at a time in a session, many sessions at once, fair between bots."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from heapq import nsmallest
from operator import itemgetter

import anyio
from anyio.abc import TaskGroup

from mindbot.domain.errors import StoreError
from mindbot.domain.shapes.queue import Waits
from mindbot.domain.shapes.turns import BehindJson
from mindbot.domain.turn import Clock, Turn
from mindbot.runtime.suspicion import Suspects
from mindbot.runtime.workers import Workers

PAGE = 500  # turns that are read from disk at once


@dataclass(slots=True)
class _Bot:
    priority: int = 0
    ready: deque[tuple[str, float]] = field(default_factory=deque)
    running: int = 0
    queued_turn: bool = False  # stands in the round


class Dispatcher:
    """Hands turns to ``work``. ``backlog`` bounds what is kept in memory: beyond it turns wait on disk.

    So does what messages say, past ``held``: such a turn keeps its place, and ``work`` reads what it says.

    Args:
        work: runs one turn; must not raise except on cancellation.
        refill: reads turns after an id from disk: (id, limit) → turns, oldest first.
        max_running: turns running at once, over all bots.
        max_per_bot: turns one bot may have running; 0 leaves a tenth of ``max_running`` to the others.
        priority: a bot's, by (platform, bot); bots of a higher one go first.
        suspects: turns that may kill the process, and when they run.
        held: characters of messages that waiting turns have in memory, about; `Message.length`.
        put_down: lets go of what a turn's message says; None keeps everything.
    """

    def __init__(
        self,
        work: Callable[[Turn], Awaitable[None]],
        refill: Callable[[int, int], Awaitable[list[Turn]]],
        *,
        max_running: int = 1000,
        max_per_bot: int = 0,
        backlog: int = 20_000,
        held: int = 8_000_000,
        put_down: Callable[[Turn], None] | None = None,
        clock: Clock = time.monotonic,
        priority: Callable[[tuple[str, str]], int] = lambda name: 0,
        suspects: Suspects | None = None,
    ) -> None:
        self._work = work
        self._refill = refill
        self._max_running = max_running
        self._max_per_bot = max_per_bot or max(1, max_running - max_running // 10)
        self._priority = priority
        self.backlog = backlog
        self.most_held = held
        self._put_down = put_down
        self._clock = clock
        self._sessions: dict[str, list[Turn]] = {}  # lists: most hold one turn, and a deque takes 700 bytes
        self._bots: dict[tuple[str, str], _Bot] = {}
        #: Bots with a session that is ready, by priority; those of one priority take turns.
        self._rounds: dict[int, deque[tuple[str, str]]] = {}
        self._picks = 0
        self._suspects = suspects or Suspects(lambda turn: None, clock)
        self._begun = 0.0
        self._tasks: TaskGroup | None = None
        self._workers: Workers | None = None
        self._spilled = False  # newer turns than `_last` wait on disk only
        self._missed = False  # one more was left on disk since the last look
        self._last = 0
        self._refilling = False
        self._idle = anyio.Event()
        self.running = 0
        self.queued = 0
        self.held = 0  # characters, see above
        self._lent: dict[int, int] = {}  # how many steps of a turn wait, by its number
        self.closed = False

    async def run(self) -> None:
        """Serve until cancelled."""
        async with anyio.create_task_group() as tasks:
            self._tasks, self._workers, self._begun = tasks, Workers(tasks), self._clock()
            tasks.start_soon(self._one_by_one)
            self._pump()
            await anyio.sleep_forever()

    def submit(self, turn: Turn) -> None:
        """Queue a turn that is on disk. Never blocks; past ``backlog`` it stays on disk until its time.

        One that is run again is older than what was read last: nobody would look for it on disk.
        """
        if (self._spilled or self.queued >= self.backlog) and turn.number > self._last:
            self._spilled = self._missed = True
            return
        self._add(turn)
        self._pump()

    def _add(self, turn: Turn) -> None:
        self._last = max(self._last, turn.number)
        self.queued += 1
        if self._put_down is not None and self.held + turn.message.length > self.most_held:
            self._put_down(turn)
        self.held += turn.message.length
        waiting = self._sessions.get(turn.session)
        if waiting is not None:
            waiting.append(turn)
            return
        self._sessions[turn.session] = [turn]
        self._ready(turn)

    def _bot(self, turn: Turn) -> tuple[tuple[str, str], _Bot]:
        name = (turn.message.platform, turn.message.bot)
        bot = self._bots.get(name)
        if bot is None:
            bot = self._bots[name] = _Bot(self._priority(name))
        return name, bot

    def _ready(self, turn: Turn) -> None:
        if self._suspects.add(turn):
            return
        name, bot = self._bot(turn)
        bot.ready.append((turn.session, self._clock()))
        if not bot.queued_turn:
            bot.queued_turn = True
            self._rounds.setdefault(bot.priority, deque()).append(name)

    def _next(self) -> tuple[_Bot, str] | None:
        """Take a session from the next bot that may run one more, high priorities first.

        Every eighth pick begins at the low end, so that nobody waits for ever.
        """
        self._picks += 1
        for priority in sorted(self._rounds, reverse=self._picks % 8 != 0):
            waiting = self._rounds[priority]
            for _ in range(len(waiting)):
                name = waiting.popleft()
                bot = self._bots[name]
                if bot.running >= self._max_per_bot:
                    waiting.append(name)
                    continue
                session, _ = bot.ready.popleft()
                if bot.ready:
                    waiting.append(name)
                else:
                    bot.queued_turn = False
                return bot, session
        return None

    def _pump(self) -> None:
        if self._workers is None or self.closed:
            return
        while self.running < self._max_running and (found := self._next()) is not None:
            bot, session = found
            self.running += 1
            bot.running += 1
            self._workers.start(self._serve, bot, session)

    @property
    def spilled(self) -> bool:
        """Whether turns wait on disk only."""
        return self._spilled

    @property
    def open(self) -> int:
        """How many turns are not done, those on disk alone left out."""
        return sum(map(len, self._sessions.values()))

    def under_way(self) -> list[Turn]:
        """Return the turns that run now."""
        return [waiting[0] for waiting in self._sessions.values() if waiting[0].state == "running"]

    def begun(self) -> list[Turn]:
        """Return the turns that have begun: those that run, and those that somebody holds."""
        return [waiting[0] for waiting in self._sessions.values() if waiting[0].state != "queued"]

    def live(self, session: str, number: int) -> Turn | None:
        """Return a turn that is queued or running here, as it is at this moment."""
        return next((turn for turn in self._sessions.get(session, ()) if turn.number == number), None)

    def first(self, session: str) -> Turn | None:
        """Return the turn of a session that runs, or is the next to."""
        waiting = self._sessions.get(session)
        return waiting[0] if waiting else None

    def waits_for(self, session: str, number: int) -> BehindJson:
        """Return what a queued turn waits for."""
        waiting = self._sessions.get(session, [])
        ahead = next((n for n, turn in enumerate(waiting) if turn.number == number), -1)
        if ahead < 0:
            return {"why": "disk", "turn": waiting[0].id if waiting else "", "ahead": len(waiting)}
        if ahead:
            return {"why": "session", "turn": waiting[0].id, "ahead": ahead}
        return {"why": self.slot(waiting[0]), "turn": "", "ahead": 0}

    def slot(self, turn: Turn) -> Waits:
        """Return what the first turn of a session waits for; empty: nothing, it is about to begin."""
        if self.closed:
            return "stopping"
        if turn in self._suspects.waiting:
            return "alone"
        if self._bot(turn)[1].running >= self._max_per_bot:
            return "bot"
        return "slots" if self.running >= self._max_running else ""

    def listed(self, most: int) -> list[tuple[Turn, Turn, int]]:
        """Return the oldest turns that are not done: each with the first of its session, and its place."""
        sessions = self._sessions.values()
        found = ((turn.number, n, waiting) for waiting in sessions for n, turn in enumerate(waiting))
        oldest = nsmallest(most, found, key=itemgetter(0))
        return [(waiting[n], waiting[0], n) for _, n, waiting in oldest]

    def has_lent(self, turn: Turn) -> bool:
        """Tell whether a running turn has lent its slot to others: it waits for something from outside."""
        return turn.number in self._lent

    def behind(self, turn: Turn) -> list[Turn]:
        """Return the turns that wait in this one's session, oldest first."""
        return self._sessions[turn.session][1:]

    def take(self, turn: Turn, numbers: set[int]) -> list[Turn]:
        """Take turns out of the queue behind a running one, which answers them as well."""
        waiting = self._sessions[turn.session]
        taken = [t for t in waiting[1:] if t.number in numbers]
        waiting[1:] = [t for t in waiting[1:] if t.number not in numbers]
        self.queued -= len(taken)
        self.held -= sum(t.message.length for t in taken)
        return taken

    @asynccontextmanager
    async def lend(self, turn: Turn) -> AsyncIterator[None]:
        """Lend a running turn's slot to others for the length of the block, in which it only waits.

        It takes a slot again at the end, at once: so there may be one more for a moment. Its session waits.
        """
        _, bot = self._bot(turn)
        lent = self._lent[turn.number] = self._lent.get(turn.number, 0) + 1
        if lent == 1:
            self._gives(bot, 1)
            self._pump()
        try:
            yield
        finally:
            self._lent[turn.number] -= 1
            if not self._lent[turn.number]:
                del self._lent[turn.number]
                self._gives(bot, -1)

    def _gives(self, bot: _Bot, slots: int) -> None:
        self.running -= slots
        bot.running -= slots
        if not self.running:
            self._idle.set()

    def overdue(self, seconds: float) -> list[Turn]:
        """Return turns whose session is ready but has found no free slot for that long; none once closed."""
        if self.closed:
            return []
        before = self._clock() - seconds
        found = [*self._suspects.waiting] if self._begun <= before else []
        for bot in self._bots.values():
            for session, since in bot.ready:
                if since > before:
                    break
                found.append(self._sessions[session][0])
        return found

    async def _serve(self, bot: _Bot, session: str) -> None:
        """Run the session's first turn, then whatever is next, in the same task."""
        while True:
            await self._run_first(bot, session)
            if self._spilled and not self._refilling and self.queued < self.backlog // 2:
                await self._take_from_disk()
            if self.closed or self.running >= self._max_running or (found := self._next()) is None:
                return
            bot, session = found
            self.running += 1
            bot.running += 1

    async def _run_first(self, bot: _Bot, session: str) -> None:
        """Run the first turn of a session that holds a slot already."""
        waiting = self._sessions[session]
        self.queued -= 1
        self.held -= waiting[0].message.length
        try:
            await self._work(waiting[0])
        finally:
            self._gives(bot, 1)
            waiting.pop(0)
        if waiting:
            self._ready(waiting[0])
        else:
            del self._sessions[session]

    async def _one_by_one(self) -> None:
        """Start those under suspicion, one after the other, beside all that runs."""
        assert self._tasks is not None
        while not self.closed:
            turn = await self._suspects.next(self._begun)
            if self.closed:
                return
            _, bot = self._bot(turn)
            self.running += 1
            bot.running += 1
            self._tasks.start_soon(self._serve_suspect, bot, turn)

    async def _serve_suspect(self, bot: _Bot, turn: Turn) -> None:
        await self._run_first(bot, turn.session)
        self._suspects.ended(turn)
        self._pump()

    async def _take_from_disk(self) -> None:
        self._refilling = True
        try:
            while self._spilled and self.queued < self.backlog // 2:
                self._missed = False
                try:
                    turns = await self._refill(self._last, min(PAGE, self.backlog - self.queued))
                except StoreError:
                    await anyio.sleep(1)
                    continue
                for turn in turns:
                    self._add(turn)
                if not turns and not self._missed:
                    self._spilled = False
                self._pump()
        finally:
            self._refilling = False

    @property
    def cuts_off(self) -> bool:
        """Whether the task that asks is cancelled while all of this ends: a turn goes on later."""
        return self.closed and anyio.current_effective_deadline() == -math.inf

    def close(self) -> None:
        """Start nothing more; what runs goes on."""
        self.closed = True

    async def drained(self) -> None:
        """Return when nothing runs."""
        while self.running:
            self._idle = anyio.Event()
            await self._idle.wait()
