"""Everything the console knows, without a widget in sight: what is drawn, and what events change."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, cast

from mindbot.api import models
from mindbot.domain.shapes.events import (
    AlertEvent,
    BusEvent,
    ConfigEvent,
    DeliveryEvent,
    EventJson,
    HealthEvent,
    StatsEvent,
)
from mindbot_tui.state.link import Link
from mindbot_tui.state.numbers import Numbers
from mindbot_tui.state.turns import TurnStore

Role = Literal["", "viewer", "operator", "admin"]
ROLES = ("", "viewer", "operator", "admin")
_KEPT = 500


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened to the console or its daemon. ``kind`` is ok, warn or bad."""

    at: float
    kind: str
    text: str


class ConsoleState:
    """The state of one console; ``role`` is empty while it is not known."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.link = Link(clock)
        self.turns = TurnStore()
        self.numbers = Numbers()
        self.role: Role = ""
        self.readonly = False
        self.paused = False
        self.notices: deque[Notice] = deque(maxlen=_KEPT)
        self.noticed = 0  # notices so far
        self.calls: deque[str] = deque(maxlen=_KEPT)
        #: Counts changes of health and configuration, after which lists of bots are stale.
        self.changes = 0

    def has(self, role: Role) -> bool:
        """Whether we have a role, or may have it for all we know."""
        return not self.role or ROLES.index(self.role) >= ROLES.index(role)

    def apply(self, events: Iterable[EventJson]) -> None:
        """Take over a batch of events; those it does not know are left to newer consoles."""
        for event in events:
            topic, _, what = str(event.get("type", "")).partition(".")
            if topic == "turn":
                self._turn(what, event)
            elif topic == "delivery":
                state = cast(DeliveryEvent, event).get("state", what)
                self.turns.delivered(str(event.get("turn", "")), str(state))
            elif topic == "stats":
                self.numbers.take_stats(cast(StatsEvent, event))
            elif topic == "health":
                self._health(cast(HealthEvent, event))
            elif topic == "config":
                self._reloaded(cast(ConfigEvent, event))
            elif topic == "bus":
                self._slow(cast(BusEvent, event))
            elif topic == "alert":
                alert = cast(AlertEvent, event).get("alert", "")
                self.note("ok" if what == "resolved" else "bad", f"alert {alert} {what}")

    def take_status(self, status: models.Status) -> None:
        """Take over the daemon's numbers; a daemon that says which role we have is believed."""
        self.numbers.take_status(status)
        if (role := status.to_json().get("role")) in ROLES:
            self.role = cast(Role, role)

    def note(self, kind: str, text: str) -> None:
        """Keep something for the console's own log."""
        self.notices.append(Notice(self.clock(), kind, text))
        self.noticed += 1

    def called(self, command: str) -> None:
        """Keep the command line that does what was just done."""
        self.calls.append(command)

    def _turn(self, what: str, event: EventJson) -> None:
        id = str(event.get("turn", ""))
        if what == "duplicate" or not id:
            return
        self.turns.apply(event, id)

    def _health(self, event: HealthEvent) -> None:
        self.changes += 1
        state = str(event.get("state", ""))
        kind = {"ok": "ok", "failed": "bad"}.get(state, "warn")
        reason = f": {event['reason']}" if event.get("reason") else ""
        self.note(kind, f"{event.get('component', '')} is {state}{reason}")

    def _reloaded(self, event: ConfigEvent) -> None:
        self.changes += 1
        self.note("ok", f"configuration generation {event.get('generation', '?')} is in use")

    def _slow(self, event: BusEvent) -> None:
        self.note("bad", f"{event.get('handler', '?')} is too slow: {event.get('count', '?')} events lost")
