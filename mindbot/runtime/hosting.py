"""What adapters ask of the runtime: how far a turn is, and to keep what a platform says later."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import structlog

from mindbot.bus import Bus
from mindbot.domain import ids
from mindbot.domain.events import Event
from mindbot.domain.host import Host, Media, Secrets, TurnAnswer
from mindbot.domain.ports.http import Http
from mindbot.domain.ports.store import Live, Store
from mindbot.domain.shapes.turns import Plain
from mindbot.domain.shared import Shared
from mindbot.runtime.answering import OnShow
from mindbot.runtime.bridge import Bridge
from mindbot.runtime.intake import Intake
from mindbot.runtime.keep import BotKeep
from mindbot.runtime.outbox import Outbox
from mindbot.runtime.retelling import Retelling
from mindbot.telemetry.redaction import told

log = structlog.get_logger("mindbot.runtime")


#: Told (turn, fact) of what a platform said later of a turn.
Heard = Callable[[str, Plain], Awaitable[None]]


class Later:
    """What becomes known of turns and deliveries after they went out; ``listeners`` are told of turns."""

    def __init__(self, bus: Bus, store: Store, outbox: Outbox, on_show: OnShow, live: Live) -> None:
        self._retelling = Retelling(bus, partial(store.queries, live))
        outbox.on_end = self._retelling.ended
        outbox.on_refused = self._retelling.refused
        #: Tells a turn again whose deliveries an operator decided about, by its number; never waits.
        self.decided = self._retelling.again
        #: Tells turns again until cancelled.
        self.run = self._retelling.run
        self._bus = bus
        self._store = store
        self._outbox = outbox
        self._on_show = on_show
        self.listeners: list[Heard] = []

    async def answer(self, turn: str) -> TurnAnswer | None:
        """Tell how far a turn is, also one of an earlier process; None when there is no such turn."""
        try:
            number = ids.parse(turn)
        except ValueError:
            return None
        if number in self._on_show:
            return TurnAnswer(done=False)
        found = await self._store.turns.answer(number)
        if found is None or not any(self._outbox.overtakes(d) for d in found.deliveries):
            return found
        return replace(found, overtakes=True)

    async def told(self, subject: str, fact: Plain) -> None:
        """Keep what a platform says later of a turn, or of a delivery (``TURN-N``), and tell observers."""
        id, _, n = subject.partition("-")
        try:
            if n:
                kept = await self._store.outbox.note(*ids.parse_delivery(subject), fact)
            else:
                kept = await self._store.turns.note(ids.parse(id), fact)
        except ValueError:
            kept = False
        if not kept:
            log.warning("the platform told something of an unknown turn", subject=subject, fact=fact)
            return
        if self._bus.wants("delivery" if n else "turn"):
            kind = "delivery.told" if n else "turn.told"
            self._bus.publish(Event(kind, id, {"delivery": subject, **fact} if n else dict(fact)))
        if n and (why := fact.get("failed")):
            await self._refused(*ids.parse_delivery(subject), told(str(why)))
        for heard in [] if n else self.listeners:
            await heard(id, fact)

    async def _refused(self, turn: int, n: int, why: str) -> None:
        """Give a delivery up that was taken for sent: the platform says that it did not arrive."""
        if (delivery := await self._store.outbox.refuse(turn, n, why)) is not None:
            self._outbox.given_up(delivery)


def hosting(
    http: Http,
    secrets: Secrets,
    media: Media,
    store: Store,
    intake: Intake,
    bridge: Bridge,
    later: Later,
    knows: Callable[[], float],
) -> Callable[[str, str], Host]:
    """Return what makes the host of a bot from its platform and name."""
    shared = Shared()

    def host(platform: str, bot: str) -> Host:
        return Host(
            http,
            secrets,
            BotKeep(store, intake.receive_all, platform, bot),
            media,
            bridge.stop_turn,
            later.told,
            later.answer,
            shared,
            since=lambda: store.anew.since,
            knows=knows,
        )

    return host
