"""Between a turn and its platform while the answer is made: showing it grow, stopping it, silence, files."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeGuard

import anyio
import structlog

from mindbot.bus import Bus
from mindbot.domain import ids
from mindbot.domain.abilities import Attended, Fetches, Greets, People, Silence, Streams
from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import MindBotError, RateLimited
from mindbot.domain.events import Event
from mindbot.domain.host import Answer, File
from mindbot.domain.message import Json, Part
from mindbot.domain.ports import Platform
from mindbot.domain.turn import Chunk, Turn
from mindbot.runtime.outbox import Outbox
from mindbot.store.store import Store
from mindbot.telemetry.speaking import Speaking

log = structlog.get_logger("mindbot.runtime")

_UPDATE = 10.0  # seconds one update of a shown answer may take
_LAST = 5.0  # seconds an update under way may still take when the answer is complete
_ASK_FOR = 45.0  # seconds a platform that cannot say is asked again whether the bot may speak
_ASK_EVERY = 5.0  # seconds between two times, at most


def _has_directory(platform: Platform | None) -> TypeGuard[People]:
    """Tell what `isinstance` tells, in less than its 5 µs: every message is asked about."""
    return hasattr(platform, "user")


class Answering:
    """One answer while it is made: its pieces for whoever watches, its text for the platform to show.

    Both get it masked, as the reply is masked at last.
    """

    def __init__(self, bus: Bus, turn: Turn, *, shown: bool = False) -> None:
        self.scope = anyio.CancelScope()
        self._bus = bus
        self._turn = turn
        self._speaking = Speaking()
        self._pieces: list[str] = []
        self._afresh = False
        self._shown = shown
        self._more = anyio.Event()
        self._complete = anyio.Event()
        self._over = anyio.Event()

    def add(self, chunk: Chunk) -> None:
        """Take the next piece; never waits."""
        text = self._speaking.take(chunk.text, afresh=chunk.afresh)
        if text or chunk.afresh:
            self._say(text, chunk.afresh)

    def _say(self, text: str, afresh: bool = False) -> None:
        if self._bus.wants("chunk"):
            more: Json = {"afresh": True} if afresh else {}
            self._bus.publish(Event("chunk.text", self._turn.id, {"text": text, **more}))
        if self._shown:
            if afresh:
                self._pieces.clear()
                self._afresh = True
            self._pieces.append(text)
            self._more.set()

    async def show(self, platform: Streams, delivery: Delivery) -> None:
        """Let the platform show the text so far at its pace, until the answer is complete or it cannot."""
        text = ""
        try:
            while not self._complete.is_set():
                await self._more.wait()
                self._more = anyio.Event()
                if not self._pieces:
                    continue
                text = "".join(self._pieces) if self._afresh else text + "".join(self._pieces)
                self._pieces.clear()
                self._afresh = False
                if not text:
                    continue
                began = anyio.current_time()
                with anyio.fail_after(_UPDATE):
                    await platform.stream(delivery, text)
                delivery.notes["updates"] = delivery.notes.get("updates", 0) + 1
                with anyio.move_on_after(platform.pace - (anyio.current_time() - began)):
                    await self._complete.wait()
        except (MindBotError, TimeoutError) as error:
            delivery.notes["stream_error"] = str(error) or f"no answer in {_UPDATE:g}s"
        except Exception as error:  # noqa: BLE001 - an adapter's bug costs the show, not the answer
            delivery.notes["stream_error"] = f"internal: {type(error).__name__}: {error}"
        finally:
            self._shown = False
            self._over.set()

    async def finish(self) -> None:
        """The answer is complete: let an update under way end, so that it does not overtake the last one."""
        if rest := self._speaking.rest():
            self._say(rest)
        self._complete.set()
        self._more.set()
        if self._shown:
            with anyio.move_on_after(_LAST):
                await self._over.wait()


class Answers:
    """A part of the runtime: what stages need of the platform a turn came from."""

    bus: Bus
    store: Store
    outbox: Outbox
    #: Deliveries on show, by turn; those of an earlier process as well.
    shown: dict[int, Delivery]
    _stoppers: dict[str, anyio.CancelScope]

    def _platform(self, turn: Turn) -> Platform | None:
        return self.outbox.platform(turn.message.platform, turn.message.bot)

    @asynccontextmanager
    async def running(self, turn: Turn) -> AsyncIterator[Answering]:
        """Around a runner's work: the answer can be stopped, and where possible is shown while it grows.

        Raises:
            StoreError: what will be shown could not be put on disk first.
        """
        platform = self._platform(turn)
        shown = isinstance(platform, Streams) and await self._put_on_show(turn, platform)
        answering = Answering(self.bus, turn, shown=shown)
        self._stoppers[turn.id] = answering.scope
        try:
            if not shown:
                yield answering
                await answering.finish()
                return
            assert isinstance(platform, Streams)
            turn.vars["stream"] = True
            failure: Exception | None = None
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(answering.show, platform, self.shown[turn.number])
                try:
                    yield answering
                except Exception as error:  # noqa: BLE001 - raised again outside, or the group would wrap it
                    failure = error
                await answering.finish()
                tasks.cancel_scope.cancel()
            if failure is not None:
                raise failure
        finally:
            del self._stoppers[turn.id]

    async def _put_on_show(self, turn: Turn, platform: Streams) -> bool:
        """Write the delivery of an answer that will grow; false where it will not."""
        m = turn.message
        if turn.number in self.shown:  # of an earlier attempt: its end says so
            return False
        if not platform.can_stream(m) or self.outbox.behind((m.platform, m.bot, m.session)):
            return False
        delivery = Delivery(turn.number, 0, m.platform, m.bot, m.session, m.reply_to, [], state="open")
        delivery.kind, delivery.created = "stream", time.time()
        await self.store.enqueue([delivery])
        self.shown[turn.number] = delivery
        return True

    async def stop_turn(self, turn: str) -> bool:
        """End a running answer early: what is there is the answer. False when nothing is being answered."""
        scope = self._stoppers.get(turn)
        if scope is None:
            return False
        scope.cancel()
        return True

    async def silence(self, turn: Turn) -> Silence | None:
        """Ask the platform whether a person has taken the bot's place.

        Raises:
            VendorError: it did not say, for as long as a user may be left waiting for that.
        """
        platform = self._platform(turn)
        if not isinstance(platform, Attended):
            return None
        until, wait = anyio.current_time() + _ASK_FOR, 0.3
        while True:
            try:
                return await platform.silence(turn.message)
            except MindBotError as error:
                pause = max(wait, error.retry_after) if isinstance(error, RateLimited) else wait
                if not error.retryable or anyio.current_time() + pause > until:
                    raise
                await anyio.sleep(pause * random.uniform(1.0, 1.2))
                wait = min(_ASK_EVERY, wait * 2)

    def greeting(self, turn: Turn) -> Sequence[Part]:
        """Return the platform's answer to an event; empty for none."""
        platform = self._platform(turn)
        return platform.greeting(turn.message) if isinstance(platform, Greets) else ()

    def directory(self, turn: Turn) -> Callable[[str], Awaitable[Json]] | None:
        """Return who is asked for the sender's details; None where the platform has no directory."""
        platform = self._platform(turn)
        return platform.user if _has_directory(platform) else None

    async def fetch(self, turn: Turn, part: Part) -> File | None:
        """Download what a part refers to; None when it refers to nothing."""
        platform = self._platform(turn)
        return await platform.fetch(turn.message, part) if isinstance(platform, Fetches) else None

    async def answer(self, turn: str) -> Answer | None:
        """Tell how far a turn is, also one of an earlier process; None when there is no such turn."""
        try:
            number = ids.parse(turn)
        except ValueError:
            return None
        if number in self.shown:
            return Answer(done=False)
        found = await self.store.answer(number)
        if found is None or not any(self.outbox.overtakes(d) for d in found.deliveries):
            return found
        return replace(found, overtakes=True)

    async def told(self, subject: str, fact: Json) -> None:
        """Keep what a platform says later of a turn, or of a delivery (``TURN-N``), and tell observers."""
        id, _, n = subject.partition("-")
        try:
            turn, place = ids.parse_delivery(subject) if n else (ids.parse(id), None)
            kept = await self.store.note(turn, place, fact)
        except ValueError:
            kept = False
        if not kept:
            log.warning("the platform told something of an unknown turn", subject=subject, fact=fact)
            return
        if self.bus.wants("delivery" if n else "turn"):
            kind = "delivery.told" if n else "turn.told"
            self.bus.publish(Event(kind, id, {"delivery": subject, **fact} if n else dict(fact)))
