"""What the runtime tells whoever looks: one `if` when nobody does."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import anyio
import structlog

from mindbot.bus import Bus
from mindbot.domain.delivery import Delivery
from mindbot.domain.events import PASSING, Event
from mindbot.domain.records import message_record, passing_record, record_of, timed_record
from mindbot.domain.shapes.daemon import StatusJson
from mindbot.domain.shapes.events import DeliveryEvent, SpanEvent, StatsEvent
from mindbot.domain.shapes.turns import MessageRecord, PassingRecord, TimedRecord, TurnRecord
from mindbot.domain.span import Span
from mindbot.domain.turn import Turn
from mindbot.telemetry.redaction import redactor, told

log = structlog.get_logger("mindbot.runtime")

CLIP = 2000  # characters of a text in an event: a list shows less, and `get turn` has it whole


def clip(text: str) -> str:
    """Shorten a text to what an event carries."""
    return text if len(text) <= CLIP else text[: CLIP - 1] + "…"


class Shown:
    """The part of a turn's record that never changes, made when somebody reads it first, and then kept."""

    __slots__ = ("_made", "_turn", "id")

    def __init__(self, turn: Turn) -> None:
        self.id = turn.id
        self._turn: Turn | None = turn
        self._made: MessageRecord | None = None

    @property
    def record(self) -> MessageRecord:
        if self._made is None:
            assert self._turn is not None
            self._made = message_record(self._turn)
            self._made["text"] = clip(redactor.registered(self._made["text"]))
            self._turn = None
        return self._made


def put_down(turn: Turn) -> None:
    """Let a turn wait without what its message says; whoever is to see it does."""
    if turn.shown is not None:
        _ = turn.shown.record
    turn.put_down()


def tell_turn(bus: Bus, kind: str, turn: Turn) -> None:
    """Publish what became of a turn, as the flat record that lists show too."""
    if not bus.wants("turn"):
        return
    if turn.shown is None:
        turn.shown = Shown(turn)
    shown: Shown = turn.shown
    make: Callable[[], PassingRecord | TimedRecord | TurnRecord]
    if kind in PASSING:
        make = partial(_passing, shown, turn.state, turn.took, turn.attempt)
    elif kind == "turn.duplicate":  # the state of the turn that was there before is not known here
        make = partial(_without_state, shown, turn.took, turn.attempt)
    else:
        make = partial(_ended, shown, turn)
    bus.publish(Event(kind, shown.id, make=make))


def _passing(shown: Shown, state: str, took: float, attempt: int) -> PassingRecord:
    return passing_record(shown.record, state, took, attempt)


def _without_state(shown: Shown, took: float, attempt: int) -> TimedRecord:
    return timed_record(shown.record, took, attempt)


def _ended(shown: Shown, turn: Turn) -> TurnRecord:
    """An ended turn does not change any more; one that an operator runs again is a new one."""
    record = record_of(turn, shown.record, turn.delivered)
    if turn.finished:
        record["reply"] = clip(redactor.registered(record["reply"]))
        record["reason"] = clip(redactor.registered(record["reason"]))
    return record


def tell_stop(bus: Bus, kind: str, turn: Turn, more: Mapping[str, Any]) -> None:
    """Publish that a turn is parked, or goes on: its record at this moment, and what is said of the stop."""
    if bus.wants("turn"):
        if turn.shown is None:
            turn.shown = Shown(turn)
        bus.publish(Event(kind, turn.id, {**_ended(turn.shown, turn), **more}))


def delivery_event(kind: str, d: Delivery, left: int) -> Event:
    """Return what becomes of a delivery; ``left`` others of its turn are not ended."""
    id = d.id
    data: DeliveryEvent = {
        "delivery": id,
        "platform": d.platform,
        "bot": d.bot,
        "session": d.session,
        "state": d.state,
        "attempts": d.attempts,
        "error": d.error,
        "left": left,
    }
    return Event(kind, id.partition("-")[0], data)


class SpanEvents:
    """Tells of steps as they begin and end; ``active`` follows whether somebody looks at spans."""

    def __init__(self, bus: Bus) -> None:
        self.active = False
        self._bus = bus
        bus.on_interest(self._look)

    def _look(self) -> None:
        self.active = self._bus.wants("span")

    def opened(self, turn: Turn, span: Span) -> None:
        """Tell that a step begins."""
        self._bus.publish(Event("span.opened", turn.id, _step(span)))

    def closed(self, turn: Turn, span: Span) -> None:
        """Tell that a step ended."""
        data = _step(span)
        data["status"], data["took_ms"] = span.status, round(span.took * 1000, 3)
        if error := span.data.get("error"):
            data["error"] = told(error)
        self._bus.publish(Event("span.closed", turn.id, data))

    def words(self, error: BaseException) -> str:
        """Return what a trace says of a failure, masked."""
        return told(error) or type(error).__name__


def _step(span: Span) -> SpanEvent:
    data: SpanEvent = {"name": span.name, "kind": span.kind, "span": span.id, "parent": span.parent}
    if span.kind == "stage":
        data["stage"] = span.name
    return data


def handler_gave_up(name: str, event: Event, error: Exception) -> None:
    """Log an event that a handler could not handle; the bus counts it."""
    log.error("handler gave up", handler=name, event_type=event.type, turn=event.turn, error=told(error))


def handler_lost(name: str, events: int) -> None:
    """Log what a handler was too slow for; the bus counts it."""
    log.warning("handler too slow", handler=name, lost=events, hint="more happens than it handles")


async def tell_stats(bus: Bus, status: Callable[[], StatusJson], every: float = 1.0) -> None:
    """Publish the daemon in numbers, once a second, while somebody looks."""
    before: tuple[float, StatusJson] | None = None
    while True:
        await anyio.sleep(every)
        if not bus.wants("stats"):
            before = None
            continue
        now, found = time.monotonic(), status()
        if before is not None:
            then, earlier = before
            bus.publish(Event("stats.tick", data=_numbers(found, earlier, now - then)))
        before = now, found


def _numbers(found: StatusJson, earlier: StatusJson, passed: float) -> StatsEvent:
    now, then = found["totals"], earlier["totals"]

    def rate(count: int, before: int) -> float:
        return round((count - before) / max(passed, 1e-9), 2)

    return {
        "received_per_s": rate(now["received"], then["received"]),
        "answered_per_s": rate(now["answered"], then["answered"]),
        "failed_per_s": rate(now["failed"], then["failed"]),
        "dead_per_s": rate(now["dead"], then["dead"]),
        "sent_per_s": rate(found["outbox"]["sent"], earlier["outbox"]["sent"]),
        **found["turns"],
        "outbox": found["outbox"]["waiting"],
        "loop_lag_ms": found["loop_lag_ms"],
        "rss_bytes": found["rss_bytes"],
    }
