"""What a filter may name: fields with a kind, so that mistakes are found when the filter is written."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import get_args

from mindbot.domain.delivered import DELIVERED_STATES
from mindbot.domain.delivery import DeliveryState
from mindbot.domain.events import HEALTH
from mindbot.domain.turn import State


class Kind(StrEnum):
    """What a field holds. Records carry durations in seconds, sizes in bytes, times in Unix seconds."""

    TEXT = "text"
    NUMBER = "number"
    DURATION = "duration"
    SIZE = "size"
    BOOL = "bool"
    TIME = "time"
    MAP = "map"  # values by name, reached with a dot
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Field:
    """One name of the language. With ``values`` the field holds one of them and nothing else.

    A field of ``many`` holds a list: a condition is true when one of them meets it, a negated one (``!=``,
    ``!~``, ``not in``) when all do.
    """

    name: str
    kind: Kind
    help: str = ""
    values: tuple[str, ...] = ()
    many: bool = False


@dataclass(frozen=True, slots=True)
class FieldSet:
    """The fields of one sort of record.

    ``search`` names the field that bare words search. An ``open`` set also takes names it does not know,
    as fields of any kind (alert conditions over metrics).
    """

    fields: tuple[Field, ...]
    search: str = ""
    open: bool = False

    def find(self, name: str) -> Field | None:
        """Return the field of that name; ``head.rest`` belongs to the map ``head``."""
        for field in self.fields:
            if field.name == name:
                return field
        head, dot, _ = name.partition(".")
        inside = dot and any(f.name == head and f.kind is Kind.MAP for f in self.fields)
        return Field(name, Kind.ANY) if inside or self.open else None

    @property
    def names(self) -> list[str]:
        """The names as shown to people, sorted; a map's with its dot."""
        return sorted(f"{f.name}.NAME" if f.kind is Kind.MAP else f.name for f in self.fields)

    def plus(self, *fields: Field) -> FieldSet:
        """Return a set with more fields; a field of the same name is replaced."""
        new = {f.name for f in fields}
        return FieldSet((*(f for f in self.fields if f.name not in new), *fields), self.search, self.open)


#: A turn as a flat record: what turn lists, breakpoints and routes filter.
TURN_FIELDS = FieldSet(
    (
        Field("id", Kind.TEXT, "the turn's id; ids sort by time"),
        Field("platform", Kind.TEXT, "the chat network: wecom, dingtalk, console, …"),
        Field("bot", Kind.TEXT, "the configured bot on that platform"),
        Field("session", Kind.TEXT, "the conversation"),
        Field("user", Kind.TEXT, "who sent the message"),
        Field("user_name", Kind.TEXT, "the sender's name, where the platform has a directory"),
        Field("department", Kind.TEXT, "the sender's departments: is one of them so?", many=True),
        Field("chat", Kind.TEXT, "the group or chat it came from"),
        Field("kind", Kind.TEXT, "what was sent: text, image, voice, event, …"),
        Field("text", Kind.TEXT, "the message's readable text, without what it quotes"),
        Field("quote", Kind.TEXT, "the words that the message quotes"),
        Field("state", Kind.TEXT, "how far the turn is", get_args(State)),
        Field("took", Kind.DURATION, "from receipt to the end, or to now"),
        Field("reply", Kind.TEXT, "the text of the answer"),
        Field("reason", Kind.TEXT, "why it was dropped or failed"),
        Field("error", Kind.TEXT, "the kind of error that ended it, e.g. rate_limited"),
        Field("route", Kind.TEXT, "the route it took"),
        Field("runner", Kind.TEXT, "what produced the answer: chat, agent, workflow"),
        Field("workflow", Kind.TEXT, "the workflow that answered, or was chosen to"),
        Field("confidence", Kind.NUMBER, "how sure that choice was, 0 to 1"),
        Field("rule", Kind.TEXT, "the rule of `routes` that decided"),
        Field("provider", Kind.TEXT, "the LLM backend that answered"),
        Field("model", Kind.TEXT, "the model that answered"),
        Field("tokens", Kind.NUMBER, "input and output tokens together"),
        Field("attempt", Kind.NUMBER, "2 and more after a crash"),
        Field("received", Kind.TIME, "when the message arrived"),
        Field("origin", Kind.TEXT, "who brought the message", ("user", "test", "push", "operator", "replay")),
        Field("dry_run", Kind.BOOL, "an operator tried the message; nothing of its answer was sent"),
        Field("delivery", Kind.TEXT, "what became of the answer's deliveries", DELIVERED_STATES[1:]),
        Field("undelivered", Kind.BOOL, "a delivery was given up on, and is neither retried nor discarded"),
        Field(
            "delivery_error",
            Kind.TEXT,
            "why it was given up on, or is tried again, in the platform's words",
        ),
        Field("vars", Kind.MAP, "the turn's variables, e.g. vars.intent"),
    ),
    search="text",
)

_ROUTED_BY = (
    *("platform", "bot", "session", "user", "user_name", "department", "chat", "kind", "text", "quote"),
    *("received", "origin", "vars"),
)
#: What is known of a message when it is routed: what rules of `routes` may name.
ROUTE_FIELDS = FieldSet(tuple(f for f in TURN_FIELDS.fields if f.name in _ROUTED_BY), search="text")

#: Names of fields that hold a list.
MANY = frozenset(field.name for field in TURN_FIELDS.fields if field.many)

_EVENT_STATES = tuple(dict.fromkeys((*get_args(State), *get_args(DeliveryState), *HEALTH)))

#: An event of the stream: everything a turn has, and what happened.
EVENT_FIELDS = TURN_FIELDS.plus(
    Field("type", Kind.TEXT, "what happened, e.g. turn.answered"),
    Field("state", Kind.TEXT, "of the turn, the delivery or the component it is about", _EVENT_STATES),
    Field("topic", Kind.TEXT, "the part of the type before the dot"),
    Field("turn", Kind.TEXT, "the id of the turn it is about"),
    Field("seq", Kind.NUMBER, "the event's place in the stream"),
    Field("ts", Kind.TIME, "when it happened"),
    Field("stage", Kind.TEXT, "the pipeline stage"),
    Field("name", Kind.TEXT, "the span, component or rule it is about"),
    Field("status", Kind.TEXT, "how it went: ok, error, …"),
    Field("component", Kind.TEXT, "the part of the daemon that speaks"),
    Field("delivery", Kind.TEXT, "of a turn: what became of its deliveries; else the id of one"),
    Field("handler", Kind.TEXT, "the handler of events that was too slow"),
    Field("count", Kind.NUMBER, "how many events it lost"),
    Field("alert", Kind.TEXT, "the alert it is about"),
    Field("severity", Kind.TEXT, "the alert's severity"),
    Field("level", Kind.TEXT, "the log level"),
)

#: Any name of any kind: alert conditions over metrics.
ANY_FIELDS = FieldSet((), open=True)
