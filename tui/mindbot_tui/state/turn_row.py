"""A turn as a line of the live list. Its attributes are named like the fields of the filter language."""

from __future__ import annotations

from collections.abc import Mapping
from sys import intern
from typing import Any

from mindbot.domain.message import Json
from mindbot.domain.turn import DONE_STATES

#: Longer texts are shown whole in the turn's own view; here they would only cost memory.
MOST_TEXT = 1000
#: How far a turn is: what arrives late and knows less does not set it back.
RANK = {"queued": 0, "running": 1, "parked": 1, "waiting": 2} | dict.fromkeys(DONE_STATES, 3)

_SAME_AGAIN = (
    *("platform", "bot", "session", "user", "chat", "kind", "state", "error"),
    *("runner", "route", "rule", "workflow", "provider", "model", "user_name"),
    *("origin", "delivery"),
)
_TEXTS = ("text", "reply", "reason", "delivery_error")
_TRUTHS = ("undelivered", "dry_run")
_NUMBERS = ("tokens", "attempt", "received", "took", "confidence")


class TurnRow:
    """``received`` is Unix seconds, ``took`` seconds; ``delivery`` is what became of the answer."""

    __slots__ = (
        "attempt",
        "bot",
        "chat",
        "confidence",
        "delivery",
        "delivery_error",
        "department",
        "dry_run",
        "error",
        "id",
        "kind",
        "model",
        "origin",
        "platform",
        "provider",
        "reason",
        "received",
        "reply",
        "route",
        "rule",
        "runner",
        "session",
        "state",
        "text",
        "tokens",
        "took",
        "undelivered",
        "user",
        "user_name",
        "vars",
        "workflow",
    )

    def __init__(self, id: str) -> None:
        self.id = id
        self.platform = self.bot = self.session = self.user = self.chat = self.kind = ""
        self.state = "queued"
        self.text = self.reply = self.reason = self.error = ""
        self.route = self.rule = self.runner = self.workflow = self.provider = self.model = ""
        self.origin = "user"
        self.dry_run = False
        self.forget_delivery()
        self.tokens = 0
        self.attempt = 1
        self.received = self.took = self.confidence = 0.0
        self.user_name = ""
        self.department: tuple[str, ...] = ()
        self.vars: Json = {}

    @property
    def done(self) -> bool:
        return self.state in DONE_STATES

    def forget_delivery(self) -> None:
        """Nothing is known of its answer's deliveries (any more)."""
        self.delivery = self.delivery_error = ""
        self.undelivered = False

    def record(self) -> Json:
        """Return the row as a flat record."""
        return {name: getattr(self, name) for name in self.__slots__}

    def update(self, record: Mapping[str, Any]) -> None:
        """Take over what a record says; what it leaves out stays. Values of a wrong kind are left out."""
        for name in _SAME_AGAIN:
            if isinstance(value := record.get(name), str):
                setattr(self, name, intern(value))
        for name in _TEXTS:
            if isinstance(value := record.get(name), str):
                setattr(self, name, value[:MOST_TEXT])
        for name in _NUMBERS:
            if isinstance(value := record.get(name), int | float):
                setattr(self, name, value)
        for name in _TRUTHS:
            if isinstance(value := record.get(name), bool):
                setattr(self, name, value)
        if "took" not in record and isinstance(took_ms := record.get("took_ms"), int | float):
            self.took = took_ms / 1000
        if isinstance(many := record.get("department"), list):
            self.department = tuple(intern(str(each)) for each in many)
        if isinstance(found := record.get("vars"), dict):
            self.vars = found
