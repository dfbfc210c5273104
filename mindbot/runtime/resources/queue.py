"""What waits or is under way: turns in the inbox, deliveries in the outbox."""

from __future__ import annotations

from itertools import islice
from typing import Any

import structlog

from mindbot.domain.shapes.queue import QueuedJson, QueueJson
from mindbot.domain.turn import Turn
from mindbot.runtime.dispatcher import Dispatcher
from mindbot.runtime.outbox import Outbox
from mindbot.telemetry.redaction import redactor

log = structlog.get_logger("mindbot.audit")

_MOST_TEXT = 200  # characters shown of a message


class QueueResource:
    """Answers ``/v1/queue``."""

    def __init__(self, dispatcher: Dispatcher, outbox: Outbox) -> None:
        self._dispatcher = dispatcher
        self._outbox = outbox

    def queue(self, limit: int = 200) -> QueueJson:
        """Return the oldest turns that are not done, and then deliveries, at most ``limit`` of each."""
        turns = [self._turn(*each) for each in self._dispatcher.listed(limit)]
        deliveries = list(islice(self._outbox.listed(), limit))
        queued: Any = redactor.known([*turns, *deliveries])
        return {
            "turns": self._dispatcher.open,
            "deliveries": self._outbox.waiting,
            "disk": self._dispatcher.spilled,
            "queued": queued,
        }

    def hasten(self, id: str, who: str = "") -> None:
        """Try a delivery that waits for its next try again now; raises NotFound, Conflict."""
        self._outbox.hasten(id)
        log.info("delivery hastened", delivery=id, who=who)

    async def cancel(self, id: str, who: str = "") -> None:
        """Give up a delivery that waits: it is a dead letter then; raises NotFound, Conflict, StoreError."""
        await self._outbox.cancel(id)
        log.info("delivery given up", delivery=id, who=who)

    def _turn(self, turn: Turn, first: Turn, ahead: int) -> QueuedJson:
        runs = turn.state != "queued"
        lent = turn.state == "running" and self._dispatcher.has_lent(turn)
        step = next((span for span in reversed(turn.spans) if span.took < 0), None) if runs else None
        message = turn.message
        return {
            "id": turn.id,
            "place": "inbox",
            "state": "waiting" if lent else turn.state,
            "why": "runs" if runs else "session" if ahead else self._dispatcher.slot(turn),
            "behind": first.id if ahead else "",
            "ahead": ahead,
            "at": f"{step.kind} {step.name}" if step else "",
            "platform": message.platform,
            "bot": message.bot,
            "session": turn.session,
            "user": message.sender,
            "text": message.text[:_MOST_TEXT],
            "attempts": turn.attempt,
            "since": message.received,
            "next_at": None,
            "error": "",
        }
