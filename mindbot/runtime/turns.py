"""The life of a turn: put on disk, run, ended with its deliveries, or buried."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import anyio
import structlog

from mindbot.bus import Bus
from mindbot.domain.abilities import EndsWhole, Merges, Rationed, Transfers
from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import EmptyAnswer, StoreError
from mindbot.domain.message import Json, Message, Part, text_part
from mindbot.domain.ports import Platform, Receipt
from mindbot.domain.turn import Turn
from mindbot.runtime import suspicion
from mindbot.runtime.dispatcher import PAGE, Dispatcher
from mindbot.runtime.events import tell_turn
from mindbot.runtime.generation import Generation
from mindbot.runtime.identities import Identities
from mindbot.runtime.lifecycle import Health
from mindbot.runtime.outbox import Outbox
from mindbot.runtime.stats import Stats
from mindbot.store.journal import Rows
from mindbot.store.rows import storable
from mindbot.store.store import Store
from mindbot.telemetry.redaction import told

log = structlog.get_logger("mindbot.runtime")

_TOGETHER = "together"  # the memo step that says which turns are answered with this one
_NAMED = 10  # questions that a common answer names; of more it tells the number
_QUOTED = 40  # characters of each question that a common answer names
BUSY_NOTICE = -1  # the place of the busy notice in a turn's deliveries: before the answer


def _short(message: Message) -> str:
    """Return a message as a common answer names it: one line, not long."""
    text = " ".join((message.said or message.text).split())
    return text if len(text) <= _QUOTED else text[: _QUOTED - 1] + "…"


def _named(asked: Sequence[str]) -> str:
    """Name the messages that one reply answers; where they are many, the first ones and how many more."""
    lines = [f"「{text}」" for text in asked[:_NAMED]]
    if more := len(asked) - len(lines):
        lines.append(f"（另有 {more} 条消息 and {more:,} more messages）")
    return "\n".join(lines)


def put_down(turn: Turn) -> None:
    """Let a turn wait without what its message says; whoever is to see it does."""
    if turn.shown is not None:
        _ = turn.shown.record
    turn.put_down()


class Turns:
    """The half of the runtime that messages see; `Runtime` brings what it is about."""

    bus: Bus
    store: Store
    stats: Stats
    health_board: Health
    dispatcher: Dispatcher
    outbox: Outbox
    generation: Generation
    identities: Identities
    shown: dict[int, Delivery]
    _interrupted: set[int]  # turns whose answer was on show when a process ended
    _ended: dict[int, list[anyio.Event]]
    _busy_told: set[tuple[str, str, str]]

    # --- a message comes in

    async def receive(self, message: Message) -> Receipt:
        """Put a message on disk and queue its turn. The platform gets its ack after this returns.

        Also while the daemon goes down: a platform may send what comes in on a live connection just once. Its
        turn then runs at the next start.

        Raises:
            StoreError: it is not on disk; the platform must send again.
        """
        message, learnt = await self.identities.settle(storable(message))
        # A caller that gives up must not leave a row that nobody runs: what it repeats is a duplicate.
        with anyio.CancelScope(shield=True):
            if learnt:
                ((turn, duplicate),) = await self.store.put_all([message], {"keep": learnt})
                self.identities.learn(learnt)
            else:
                turn, duplicate = await self.store.put(message)
        return self._taken(turn, duplicate)

    async def receive_all(self, messages: Sequence[Message], kept: Rows) -> list[Receipt]:
        """Put messages and what a bot keeps on disk in one transaction, and queue the turns.

        Raises:
            StoreError: nothing of it is on disk.
        """
        settled, learnt = [], []
        for each in messages:
            message, rows = await self.identities.settle(storable(each))
            settled.append(message)
            learnt += rows
        if learnt:
            kept = {**kept, "keep": [*kept.get("keep", ()), *learnt]}
        with anyio.CancelScope(shield=True):
            found = await self.store.put_all(settled, kept)
            self.identities.learn(learnt)
        return [self._taken(turn, duplicate) for turn, duplicate in found]

    def _taken(self, turn: Turn, duplicate: bool) -> Receipt:
        if turn.message.kind != "push":
            self.outbox.traffic.of(turn.message.platform, turn.message.bot).took(duplicate=duplicate)
        if duplicate:
            self.stats.duplicates += 1
            tell_turn(self.bus, "turn.duplicate", turn)
        else:
            self.stats.received += 1
            tell_turn(self.bus, "turn.queued", turn)
            self.dispatcher.submit(turn)
        return Receipt(turn.number, duplicate)

    async def _resume(self) -> None:
        """Queue what an earlier process left open, as much as fits; the rest follows from disk."""
        page = await self.store.recover(PAGE)
        while page:
            for turn in page:
                self.stats.recovered += 1
                self.dispatcher.submit(turn)
            last = page[-1].number
            page = [] if self.dispatcher.spilled else await self.store.queued_after(last, PAGE)

    # --- a turn runs

    async def _work(self, turn: Turn) -> None:
        turn.started = time.time()
        current = turn.generation = self.generation
        current.turns += 1
        try:
            if suspicion.buried(turn, current.loaded.config.dispatcher.max_attempts):
                await self._bury(turn, f"the daemon died {turn.attempt - 1} times while it was running")
            else:
                await self._run(turn, current)
        except Exception as error:  # an adapter's or stage's mistake costs its turn, not the daemon
            log.exception("turn crashed", turn=turn.id)
            await self._bury(turn, f"internal: {type(error).__name__}: {error}")
        finally:
            current.turns -= 1

    async def _run(self, turn: Turn, current: Generation) -> None:
        delay, tries = 0.2, 0
        message = turn.message
        while True:
            turn.state = "running"
            try:
                if turn.on_disk:
                    message = await self._take_up(turn)
                tell_turn(self.bus, "turn.running", turn)
                if turn.attempt > 1:
                    await self.store.begin(turn)
                await self._join(turn)
                await current.pipeline(turn)
                break
            except StoreError as error:
                tries += 1
                if tries >= 3 and not error.passes:
                    await self._bury(turn, str(error))
                    return
                log.warning("store failed under a turn; it runs again", turn=turn.id, error=str(error))
            turn.message = message
            turn.spans.clear()
            turn.vars.clear()
            turn.reply.parts.clear()
            turn.running, turn.reason = 0, ""
            await anyio.sleep(delay)
            delay = min(5.0, delay * 2)
        self._done(turn)

    async def _take_up(self, turn: Turn) -> Message:
        """Read what a turn's message says; raises StoreError."""
        turn.message = await self.store.messages.of(turn.number)
        turn.on_disk = False
        return turn.message

    async def _join(self, turn: Turn) -> None:
        """Where replies are scarce, take those that wait behind this turn along: one reply answers all."""
        platform = self.outbox.platform(turn.message.platform, turn.message.bot)
        if not isinstance(platform, Merges) or not turn.message.written:
            return
        if not turn.together:
            waiting = [t for t in self.dispatcher.behind(turn) if t.message.written]

            async def choose() -> Json:
                return {"turns": [t.number for t in waiting]}

            if waiting or _TOGETHER in turn.memo:
                chosen = set((await self.store.once(turn, _TOGETHER, choose))["turns"])
                turn.together = self.dispatcher.take(turn, chosen)
        for other in turn.together:
            if other.on_disk:
                await self._take_up(other)
        if turn.together:
            messages = [turn.message, *(t.message for t in turn.together)]
            turn.vars["asked"] = [_short(m) for m in messages]
            turn.message = platform.merge(messages)
            turn.vars["together"] = [t.id for t in turn.together]

    async def _bury(self, turn: Turn, reason: str) -> None:
        """Give a turn up: kept as a dead letter, with the least that can be written."""
        turn.state, turn.reason, turn.finished = "dead", told(reason), time.time()
        where = {"turn": turn.id, "platform": turn.message.platform, "bot": turn.message.bot}
        log.warning("turn given up", **where, attempts=turn.attempt, error=turn.reason)
        turn.vars, turn.route = {}, {}
        turn.spans.clear()
        turn.reply.parts.clear()
        if turn.message.written:
            turn.reply.say(turn.generation.loaded.config.dispatcher.failure_notice)
        try:
            deliveries = self._deliveries(turn)
        except Exception:
            log.exception("the failure notice cannot be sent", turn=turn.id)
            deliveries = []
        delay = 0.2
        while True:
            try:
                await self._end(turn, deliveries)
                break
            except StoreError as error:
                log.warning("a dead turn waits for the store", turn=turn.id, error=str(error))
            await anyio.sleep(delay)
            delay = min(5.0, delay * 2)
        self._done(turn)

    async def _finish(self, turn: Turn) -> None:
        most = await self._ration(turn)
        deliveries = self._deliveries(turn, most)
        if turn.state == "answered" and not deliveries:
            self._unsaid(turn)
            deliveries = self._deliveries(turn, most)
        await self._end(turn, deliveries)

    def _unsaid(self, turn: Turn) -> None:
        """Let an answer that leaves nothing to send end as what it is, and tell whoever asked."""
        m = turn.message
        kinds = ", ".join(dict.fromkeys(part.kind for part in turn.reply.parts))
        turn.reply.parts.clear()
        if not kinds and not m.written:
            turn.state, turn.reason = "dropped", "nothing to say"
            return
        error = EmptyAnswer(f"{m.platform} can send nothing of it ({kinds})" if kinds else "nothing to say")
        turn.state, turn.reason = "failed", f"{error.kind}: {error}"
        if m.written:
            turn.reply.say(turn.generation.loaded.config.dispatcher.empty_notice)
        log.warning("turn failed", turn=turn.id, kind=error.kind, error=str(error))

    async def _ration(self, turn: Turn) -> int:
        """Return how many messages the reply may have, 0 for any number.

        One is always tried: what cannot be said is kept with its reason.
        """
        m = turn.message
        platform = self.outbox.platform(m.platform, m.bot)
        if not isinstance(platform, Rationed) or not turn.reply.parts:
            return 0
        waiting = self.outbox.waiting_in((m.platform, m.bot, m.session))
        left = await platform.left(m.reply_to, waiting)
        if left is None:
            return 0
        # Who wrote meanwhile gets an answer as well: one message is kept for it.
        behind = any(t.message.kind != "event" for t in self.dispatcher.behind(turn))
        return max(1, left - behind)

    async def _end(self, turn: Turn, deliveries: list[Delivery]) -> None:
        """Write the end of a turn with its deliveries, then send them."""
        for other in turn.together:
            other.state, other.started, other.finished = turn.state, turn.started, turn.finished
            other.reason = f"together with {turn.id}"
            other.route, other.vars = dict(turn.route), {"together": turn.id}
        await self.store.finish(turn, deliveries)
        if deliveries:
            self.outbox.submit(deliveries)

    def _deliveries(self, turn: Turn, most: int = 0) -> list[Delivery]:
        m = turn.message
        platform = self.outbox.platform(m.platform, m.bot)
        parts = list(turn.reply.parts)
        if not isinstance(platform, Transfers):  # nobody is there to take over
            parts = [text_part(p.text) if p.kind == "transfer" else p for p in parts]
            parts = [p for p in parts if p.text or p.kind != "text"]
        if parts and "asked" in turn.vars:
            parts[0] = replace(parts[0], text=f"{_named(turn.vars['asked'])}\n\n{parts[0].text}")
        shown = self.shown.get(turn.number)
        found: list[Delivery] = []
        if shown is not None:
            found.append(self._settled(shown, parts, turn, platform))
        if most and parts and isinstance(platform, Rationed):
            planned = platform.plan_within(parts, most)
        else:
            planned = platform.plan(parts) if platform is not None and parts else [parts] if parts else []
        found += [
            Delivery(turn.number, n, m.platform, m.bot, m.session, m.reply_to, chunk, created=turn.finished)
            for n, chunk in enumerate(planned, start=len(found))
        ]
        for delivery in found:
            if cut := sum(int(part.data.get("cut", 0)) for part in delivery.parts):
                turn.vars["cut"] = cut  # characters of the reply that nobody gets
            self.outbox.first_state(delivery)
        return found

    def _settled(self, shown: Delivery, parts: list[Part], turn: Turn, platform: Platform | None) -> Delivery:
        """Give an answer that was on show its final text; the parts it says are taken out of ``parts``."""
        if turn.number in self._interrupted:
            shown.notes["interrupted"] = True
        shown.state = "pending"
        if isinstance(platform, EndsWhole) and (planned := platform.plan(parts)):
            shown.parts, parts[:] = planned[0], [part for message in planned[1:] for part in message]
            return shown
        said = [part for part in parts if part.kind in ("text", "markdown")]
        parts[:] = [part for part in parts if part not in said]
        notices = turn.generation.loaded.config.dispatcher
        text = "\n".join(part.text for part in said) or ("…" if parts else notices.failure_notice or "…")
        kind = "markdown" if any(part.kind == "markdown" for part in said) else "text"
        shown.parts = [Part(kind, text)]
        return shown

    def _done(self, turn: Turn) -> None:
        self.shown.pop(turn.number, None)
        self._interrupted.discard(turn.number)
        for other in turn.together:
            self._done(other)
        self.stats.ended(turn)
        for waiting in self._ended.pop(turn.number, ()):
            waiting.set()
        tell_turn(self.bus, f"turn.{turn.state}", turn)

    # --- overload

    async def _overloaded(self, turns: list[Turn]) -> None:
        """Say once to each user who waits that it takes longer; forget them when the queue is short again."""
        if not turns:
            self._busy_told.clear()
            self.health_board.report("dispatcher", "ok")
            return
        self.health_board.report("dispatcher", "degraded", f"{len(turns)} or more turns wait for a free slot")
        notice = self.generation.loaded.config.dispatcher.busy_notice
        for turn in turns:
            m = turn.message
            who = (m.platform, m.bot, m.sender)
            if (
                not m.written
                or not notice
                or who in self._busy_told
                or await self.store.delivery(turn.number, BUSY_NOTICE)
            ):
                continue
            if turn.state != "queued":  # it got its slot while others were told
                continue
            self._busy_told.add(who)
            delivery = Delivery(
                turn.number, BUSY_NOTICE, m.platform, m.bot, m.session, m.reply_to, [text_part(notice)]
            )
            delivery.created = time.time()
            await self.store.enqueue([delivery])
            self.outbox.submit([delivery])
