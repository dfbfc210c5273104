"""What stages need of the platform that a turn came from."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import anyio

from mindbot.bus import Bus
from mindbot.domain.abilities import Silence, Streams
from mindbot.domain.bot import Bot
from mindbot.domain.errors import MindBotError, RateLimited
from mindbot.domain.host import File
from mindbot.domain.message import Part
from mindbot.domain.ports.store import OutboxStore
from mindbot.domain.shapes.turns import PersonJson
from mindbot.domain.turn import Turn
from mindbot.runtime.answering import Answering, OnShow, opened
from mindbot.runtime.outbox import Outbox
from mindbot.runtime.stopping import Stopping
from mindbot.runtime.take_over import TakeOvers

_ASK_FOR = 45.0  # seconds a platform that cannot say is asked again whether the bot may speak
_ASK_EVERY = 5.0  # seconds between two times, at most


class Bridge:
    """Between a turn and its platform while the answer is made: showing it grow, stopping it, files."""

    def __init__(
        self,
        bus: Bus,
        kept: OutboxStore,
        outbox: Outbox,
        on_show: OnShow,
        stopping: Stopping,
        take_overs: TakeOvers,
    ) -> None:
        self._bus = bus
        self._kept = kept
        self._outbox = outbox
        self._on_show = on_show
        self._stopping = stopping
        self._take_overs = take_overs
        self._stoppers: dict[str, anyio.CancelScope] = {}

    def _bot(self, turn: Turn) -> Bot | None:
        return self._outbox.bot(turn.message.platform, turn.message.bot)

    @asynccontextmanager
    async def running(self, turn: Turn) -> AsyncIterator[Answering]:
        """Around a runner's work: the answer can be stopped, and where possible is shown while it grows.

        Raises:
            StoreError: what will be shown could not be put on disk first.
        """
        bot = self._bot(turn)
        tried = bool(turn.message.tried_for)  # nobody is shown anything of it
        unseen = tried or self._take_overs.withholds(turn) is not None
        streams = bot.streams if bot is not None and not unseen else None
        shown = streams is not None and await self._put_on_show(turn, streams)
        answering = Answering(self._bus, turn, shown=shown)
        self._stoppers[turn.id] = answering.scope
        # An operator may have taken the session while the delivery was written.
        taken = shown and self._take_overs.withholds(turn) is not None
        if taken or self._stopping.waits_behind(turn) or self._take_overs.cuts(turn):
            answering.scope.cancel()
        delivery = self._on_show.get(turn.number) if shown else None
        try:
            if streams is None or delivery is None:
                if bot is not None and (bot.local or tried) and turn.message.reply_to.get("stream"):
                    turn.vars["stream"] = True  # its sender watches by the API
                yield answering
                await answering.finish()
                return
            turn.vars["stream"] = True
            failure: Exception | None = None
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(answering.show, streams, delivery)
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

    async def _put_on_show(self, turn: Turn, streams: Streams) -> bool:
        """Write the delivery of an answer that will grow; false where it will not."""
        m = turn.message
        if turn.number in self._on_show:  # of an earlier attempt: its end says so
            return False
        if not streams.can_stream(m) or self._outbox.behind((m.platform, m.bot, m.session)):
            return False
        delivery = opened(turn)
        await self._kept.enqueue([delivery])
        self._on_show.put(delivery)
        return True

    async def stop_turn(self, turn: str) -> bool:
        """End a running answer early: what is there is the answer. False when nothing is being answered."""
        return self.stop(turn)

    def stop(self, turn: str) -> bool:
        """Do what `stop_turn` does; neither waits."""
        scope = self._stoppers.get(turn)
        if scope is None:
            return False
        scope.cancel()
        return True

    def stopped(self, turn: Turn) -> bool:
        """Tell whether the answer of a turn that is being made was ended early."""
        scope = self._stoppers.get(turn.id)
        return scope is not None and scope.cancel_called

    async def silence(self, turn: Turn) -> Silence | None:
        """Tell whether a person has taken the bot's place: an operator here, or as the platform says.

        Raises:
            VendorError: it did not say, for as long as a user may be left waiting for that.
        """
        bot = self._bot(turn)
        if turn.replaying is not None and turn.replaying.dry:
            return None  # nothing is said to anybody
        if not self._take_overs and (bot is None or bot.attended is None):
            return None
        until, wait = anyio.current_time() + _ASK_FOR, 0.3
        while True:
            try:
                return await self._silence(turn, bot)
            except MindBotError as error:
                pause = max(wait, error.retry_after) if isinstance(error, RateLimited) else wait
                if not error.retryable or anyio.current_time() + pause > until:
                    raise
                await anyio.sleep(pause * random.uniform(1.0, 1.2))
                wait = min(_ASK_EVERY, wait * 2)

    async def _silence(self, turn: Turn, bot: Bot | None) -> Silence | None:
        if turn.message.written and (muted := await self._take_overs.heard(turn, bot)) is not None:
            return muted
        if bot is not None and bot.attended is not None:  # it may note what an event tells
            found = await bot.attended.silence(turn.message)
            if found is not None:
                return found
        return self._take_overs.mutes(turn)

    def greeting(self, turn: Turn) -> Sequence[Part]:
        """Return the platform's answer to an event; empty for none."""
        bot = self._bot(turn)
        return bot.greets.greeting(turn.message) if bot is not None and bot.greets is not None else ()

    def directory(self, turn: Turn) -> Callable[[str], Awaitable[PersonJson]] | None:
        """Return who is asked for the sender's details; None where the platform has no directory."""
        bot = self._bot(turn)
        return bot.people.user if bot is not None and bot.people is not None else None

    async def fetch(self, turn: Turn, part: Part) -> File | None:
        """Download what a part refers to; None when it refers to nothing."""
        bot = self._bot(turn)
        if bot is None or bot.fetches is None:
            return None
        return await bot.fetches.fetch(turn.message, part)
