"""Everything the console knows, without a widget in sight: what is drawn, and what events change."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, cast

from pydantic import ValidationError

from mindbot.api import models
from mindbot.api.jury_models import JuryView
from mindbot.domain.shapes.events import (
    AlertEvent,
    BusEvent,
    ConfigEvent,
    DeliveryEvent,
    EventJson,
    HealthEvent,
    StatsEvent,
)
from mindbot_tui.state.health import HealthState
from mindbot_tui.state.link import Link
from mindbot_tui.state.notices import Notices
from mindbot_tui.state.numbers import Numbers
from mindbot_tui.state.own import OwnCommand
from mindbot_tui.state.stops import Stops
from mindbot_tui.state.turns import TurnStore
from mindbot_tui.state.undo import Acts

Role = Literal["", "viewer", "operator", "admin"]
ROLES = ("", "viewer", "operator", "admin")
_KEPT = 500


class ConsoleState:
    """The state of one console; ``role`` is empty while it is not known."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.link = Link(clock)
        self.turns = TurnStore()
        self.numbers = Numbers()
        self.role: Role = ""
        self.readonly = False
        self.listed = False  # the turns were listed once: that there are none is known
        self.paused = False
        self.health = HealthState()
        self.stops = Stops()
        #: What juries have said, by the turn and who was asked: asking costs money.
        self.juries: dict[str, JuryView] = {}
        self.notices = Notices(clock)
        self.calls: deque[str] = deque(maxlen=_KEPT)
        self.acts = Acts()
        self.own: Mapping[str, OwnCommand] = {}
        #: Counts changes of health and configuration, after which lists of bots are stale.
        self.changes = 0

    def known_at(self) -> float:
        """Return of when that is what is known, in Unix seconds: now, or when the daemon went away.

        What is open is counted up to then: whether it still runs nobody knows.
        """
        return self.link.since if self.link.detached else self.clock()

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
                self.turns.delivered(str(event.get("turn", "")), cast(DeliveryEvent, event))
            elif topic == "stats":
                self.numbers.take_stats(cast(StatsEvent, event))
            elif topic == "health":
                if what == "summary":
                    self._summary(event)
                else:
                    self._health(cast(HealthEvent, event))
            elif topic == "config":
                self._reloaded(cast(ConfigEvent, event))
            elif topic == "bus":
                self._slow(cast(BusEvent, event))
            elif topic == "debug":
                self._debugged(what, event)
            elif topic == "alert":
                alert = cast(AlertEvent, event).get("alert", "")
                kind = "ok" if what == "resolved" else "bad"
                self.notices.tell(kind, "alert {alert} {what}", alert=alert, what=what)

    def take_status(self, status: models.Status) -> None:
        """Take over the daemon's numbers; a daemon that says which role we have is believed."""
        self.numbers.take_status(status)
        if status.health is not None:
            self.health.take(status.health, self.notices)
        if (role := status.to_json().get("role")) in ROLES:
            self.role = cast(Role, role)

    def detach(self, reason: str, hint: str = "") -> None:
        """The daemon is away, and nobody knows how it is now."""
        self.link.detach(reason, hint)
        self.health.forget()
        self.stops.forget()

    def note(self, kind: str, text: str, /, **values: object) -> None:
        """Keep something for the console's own log; ``values`` fill the names in the text."""
        self.notices.add(kind, text, **values)

    def called(self, command: str) -> None:
        """Keep the command line that does what was just done."""
        self.calls.append(command)

    def _turn(self, what: str, event: EventJson) -> None:
        id = str(event.get("turn", ""))
        if what == "duplicate" or not id:
            return
        self.stops.take(what, event)
        if what == "resumed":
            event = cast(EventJson, {**event, "state": "running"})
        self.turns.apply(event, id)

    def _debugged(self, what: str, event: EventJson) -> None:
        self.stops.revision += 1
        if what == "log":
            values = {"breakpoint": event.get("breakpoint", "?"), "text": event.get("text", "")}
            self.note("ok", "{breakpoint}: {text}", **values)

    def _health(self, event: HealthEvent) -> None:
        self.changes += 1
        state = str(event.get("state", ""))
        kind = {"ok": "ok", "failed": "bad"}.get(state, "warn")
        values = {"component": event.get("component", ""), "state": state, "reason": event.get("reason", "")}
        tell = self.notices.add if state == "starting" else self.notices.tell
        tell(
            kind,
            "{component} is {state}: {reason}" if values["reason"] else "{component} is {state}",
            **values,
        )

    def _summary(self, event: EventJson) -> None:
        try:
            found = models.HealthSummary.model_validate(event)
        except ValidationError:
            self.health.forget()
            self.note("warn", "how the daemon is cannot be read: it is of another version")
        else:
            self.health.take(found, self.notices)

    def _reloaded(self, event: ConfigEvent) -> None:
        self.changes += 1
        self.note("ok", "configuration generation {n} is in use", n=event.get("generation", "?"))

    def _slow(self, event: BusEvent) -> None:
        values = {"handler": event.get("handler", "?"), "count": event.get("count", "?")}
        self.note("bad", "{handler} is too slow: {count} events lost", **values)
