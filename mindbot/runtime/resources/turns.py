"""Turns: list, look, wait for, follow, take back; and messages that operators bring in."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from time import time
from typing import cast

import anyio

from mindbot.bus import Bus
from mindbot.domain import ids
from mindbot.domain.abilities import TakesBack
from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import Conflict, Invalid, MindBotError, NetworkFailed, TimedOut
from mindbot.domain.message import Json
from mindbot.domain.ports.store import OutboxStore, Wanted
from mindbot.domain.shapes.turns import (
    ChunkJson,
    DeliveryJson,
    DoneJson,
    SpanJson,
    TakenBackJson,
    TurnJson,
    TurnLineJson,
    TurnPageJson,
)
from mindbot.domain.turn import DONE_STATES
from mindbot.runtime.bots import Bots
from mindbot.runtime.endings import Endings
from mindbot.runtime.hosting import Later
from mindbot.runtime.resources.injection import Injection
from mindbot.runtime.resources.naming import turn_named
from mindbot.runtime.resources.questions import Questions
from mindbot.telemetry.redaction import redactor

#: Seconds that turns are looked for, where nobody says how long.
PATIENCE = 20.0
#: What of a delivery is shown as the data of its step.
_SHOWN = ("kind", "state", "attempts", "error", "sent_id", "notes", "text")
_TAKE_BACK_SECONDS = 15.0  # for one delivery
_NOT_SENT = {"dead": "it was not sent", "discarded": "it was not sent"}


class TurnResource:
    """Answers ``/v1/turns``."""

    def __init__(
        self,
        bus: Bus,
        sent: OutboxStore,
        bots: Bots,
        questions: Questions,
        endings: Endings,
        injection: Injection,
        later: Later,
    ) -> None:
        self._bus = bus
        self._sent = sent
        self._bots = bots
        self._questions = questions
        self._endings = endings
        #: Takes a test message in as a user's; see `Injection.inject`.
        self.inject = injection.inject
        self._later = later

    async def list_turns(self, *, filter: str = "", limit: int = 50, before: str = "") -> list[TurnLineJson]:
        """Return summaries of turns that match, newest first."""
        return (await self.find_turns(filter=filter, limit=limit, before=before))["turns"]

    async def find_turns(
        self, *, filter: str = "", limit: int = 50, before: str = "", patience: float = PATIENCE
    ) -> TurnPageJson:
        """Return summaries of turns that match, newest first, and how far back was looked for them."""
        wanted = None
        if filter.strip():
            from mindbot.filters.fields import TURN_FIELDS
            from mindbot.filters.language import parse
            from mindbot.filters.needs import needs

            meant = parse(filter, TURN_FIELDS)
            wanted = Wanted(meant.compile(), needs(meant.node))
        queries = await self._questions.queries()
        last = await turn_named(queries, before) if before else ""
        found = await queries.find_turns(wanted, limit, last, patience)
        page: TurnPageJson = {
            "turns": redactor.known(found.turns),
            "next": found.next,
            "back_to": found.back_to or None,
            "looked": found.looked,
        }
        return page

    async def get_turn(self, turn: str) -> TurnJson:
        """Return everything known of a turn, with what is secret in it masked; raises NotFound, Invalid."""
        queries = await self._questions.queries()
        found: TurnJson = redactor.conversation(await queries.get_turn(await turn_named(queries, turn)))
        if found["state"] == "queued":
            found["behind"] = self._questions.waits_for(found["session"], ids.parse(found["id"]))
        return found

    async def get_spans(self, turn: str) -> list[SpanJson]:
        """Return a turn's spans, its deliveries among them as the last ones."""
        found = await self.get_turn(turn)
        spans = found["spans"]
        first = max((span["id"] for span in spans), default=0) + 1  # of a long trace some are left out
        return spans + [_span(n, d) for n, d in enumerate(found["deliveries"], start=first)]

    async def wait_turn(self, turn: str, timeout: float) -> TurnJson:
        """Return a turn when it is done; raises TimedOut, NotFound."""
        with self._endings.watch(ids.parse(turn)) as ended, anyio.move_on_after(timeout):
            found = await self.get_turn(turn)
            if found["state"] in DONE_STATES:
                return found
            await ended.wait()
            return await self.get_turn(turn)
        raise TimedOut(
            f"turn {turn} is not done after {timeout:g}s", hint=f"follow it with `mindbot trace {turn}`"
        )

    async def wait_sent(self, turn: str, timeout: float) -> TurnJson:
        """Return a turn when it and its deliveries have ended, or as it is after ``timeout`` seconds."""
        with self._bus.observe({"turn", "delivery"}) as observer:
            found = await self.get_turn(turn)
            with anyio.move_on_after(timeout):
                while not _over(found):
                    events, gap = await observer.batch()
                    if gap or any(event.turn == turn for event in events):
                        found = await self.get_turn(turn)
        return found

    async def watch_turn(self, turn: str) -> AsyncGenerator[ChunkJson | DoneJson, None]:
        """Yield an answer's pieces as they arrive, then the turn."""
        with self._bus.observe({"chunk", "turn"}) as observer:
            found = await self.get_turn(turn)
            while True:
                done = found["state"] in DONE_STATES  # then its pieces have come already
                events, gap = observer.take() if done else await observer.batch()
                for event in events:
                    if event.turn == turn and event.type == "chunk.text":
                        yield cast("ChunkJson", {"type": "chunk", **event.data})
                if done:
                    break
                if gap or any(e.turn == turn and e.data.get("state") in DONE_STATES for e in events):
                    found = await self.get_turn(turn)
            yield {"type": "done", "turn": found}

    async def take_back(self, turn: str) -> list[TakenBackJson]:
        """Take back what a turn sent, the newest delivery first; returns what became of each.

        Raises:
            NotFound: no such turn, or its bot is gone.
            Invalid: the platform cannot do that, or several turns are called so.
            Conflict: nothing was sent.
        """
        queries = await self._questions.queries()
        turn = await turn_named(queries, turn)
        message = await queries.message_of(turn)
        able = self._bots.find(message.platform, message.bot).takes_back
        if able is None:
            raise Invalid(f"{message.platform} takes no message back")
        deliveries = await self._sent.deliveries(ids.parse(turn))
        if not any(d.state == "sent" for d in deliveries):
            raise Conflict(f"turn {turn} sent nothing", hint=f"see: mindbot trace {turn}")
        found: list[TakenBackJson] = []
        for d in reversed(deliveries):
            why = await self._take_back(able, d)
            found.append({"id": d.id, "taken_back": not why, "why": why})
        return found

    async def _take_back(self, adapter: TakesBack, d: Delivery) -> str:
        """Take one delivery back and note it; returns why it stays, empty when it does not.

        Raises:
            StoreError: it is taken back, and that could not be noted.
        """
        if d.state != "sent":
            return _NOT_SENT.get(d.state, "it is still on its way")
        if d.notes.taken_back is not None:
            return ""
        try:
            with anyio.fail_after(_TAKE_BACK_SECONDS):
                await adapter.take_back(d)
        except TimeoutError:
            await self._half_taken_back(d, unknown=True)
            return f"no answer in {_TAKE_BACK_SECONDS:g}s"
        except MindBotError as error:
            await self._half_taken_back(d, unknown=isinstance(error, NetworkFailed) and error.sent)
            return f"{error}"
        await self._later.told(d.id, {"taken_back": time()})
        return ""

    async def _half_taken_back(self, d: Delivery, *, unknown: bool) -> None:
        """Keep what the next attempt has to know of one that failed."""
        fact: Json = {"gone": d.gone} if d.gone else {}
        if unknown:
            fact["take_back_unknown"] = time()
        if fact:
            await self._later.told(d.id, fact)


def _span(id: int, d: DeliveryJson) -> SpanJson:
    """Return a delivery as a step of its turn."""
    facts = dict(d)
    return {
        "id": id,
        "parent": 0,
        "kind": "delivery",
        "name": f"{d['platform']}/{d['bot']}",
        "start": d["created"],
        "took_ms": d["took_ms"],
        "status": "error" if d["state"] == "dead" or "failed" in d["notes"] else "ok",
        "data": {name: facts[name] for name in _SHOWN if facts[name]},
    }


def _over(turn: TurnJson) -> bool:
    """Tell whether a turn is done and nothing of it is on its way any more."""
    ended = all(d["state"] in ("sent", "dead", "discarded") for d in turn["deliveries"])
    return turn["state"] in DONE_STATES and ended
