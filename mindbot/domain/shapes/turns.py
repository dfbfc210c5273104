"""The shapes of what operators are shown, as plain data: rows of the local API, and what they are made of.

They are written down here once, for whoever makes such a row (the store, the runtime, the daemon) and whoever
is given one as it is (events in the console and the command line). `mindbot.api.models` reads the same rows
over the wire, with a default for whatever an older daemon does not say; a test keeps the two alike. Times are
Unix seconds where nothing else is said, a ``took_ms`` is milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

from mindbot.domain.shapes.events import ChunkEvent

#: Plain data whose shape is not known here: a platform's, a vendor's, a flow's.
Json: TypeAlias = dict[str, Any]
#: Plain data to be written as it is: a `Json`, or one of a known shape.
Plain: TypeAlias = Mapping[str, Any]


# --- messages and turns


class PartJson(TypedDict):
    kind: str
    text: NotRequired[str]
    data: NotRequired[Json]


class MessageJson(TypedDict):
    """A message as it is on disk; ``reply_to`` is its platform's."""

    platform: str
    bot: str
    key: str
    session: str
    sender: str
    kind: str
    parts: list[PartJson]
    reply_to: Json
    raw: str
    chat: str
    ts: float
    received: float
    aliases: NotRequired[list[str]]
    corp: NotRequired[str]
    origin: NotRequired[str]
    tried_for: NotRequired[str]
    replay: NotRequired[Plain]


class SpanJson(TypedDict):
    """A step; ``took_ms`` is None while it runs."""

    id: int
    parent: int
    kind: str
    name: str
    start: float
    took_ms: float | None
    status: str
    data: NotRequired[Json]


class DeliveryColumns(TypedDict):
    """What is known of any delivery, also of one that cannot be read."""

    id: str
    turn: str
    platform: str
    bot: str
    session: str
    kind: str
    state: str
    again: bool
    error: str
    sent_id: str


class DeliveryJson(DeliveryColumns):
    """A delivery; of one that cannot be read ``error`` says why, and no times are known.

    ``parts`` is empty where they say no more than ``text``: one text and nothing else.
    """

    text: str
    parts: list[PartJson]
    attempts: int
    next_at: float | None
    notes: Json
    created: float
    ended: float | None
    took_ms: float | None


class ChoiceJson(TypedDict):
    """A workflow that might have been chosen; ``score`` is 0 to 1."""

    workflow: str
    score: float


class RouteJson(TypedDict, total=False):
    """Where a turn goes, and ``why``; see *route* in docs/architecture.md.

    ``by`` is who decided: ``stage`` (one outside of `route`), ``runner`` (which takes such messages),
    ``rule``, ``message`` (what it says), ``form`` (which it answers), ``operator`` or ``configuration``.
    ``workflow`` is who is asked and, in the end, who answered. ``provider`` and ``model`` are whom a bare
    model is asked of, where that is not the configuration's. ``out_of_scope``: it belongs to none, and the
    default answers. The others are of `mindbot.domain.routing.Decision`; ``form`` is the one that the message
    answers, with an action's id and inputs.
    """

    runner: str
    workflow: str
    why: str
    by: str
    provider: str
    model: str
    confidence: float
    mode: str
    rule: str
    out_of_scope: bool
    candidates: list[ChoiceJson]
    chain: list[str]
    together: list[str]
    combine: str
    then: list[str]
    on_error: str
    split_from: str
    shadow: list[str]
    form: str
    action: str
    inputs: dict[str, str]


class PersonJson(TypedDict, total=False):
    """What a platform's directory says of somebody; what it does not know is empty, or not there.

    ``department`` is the main one of several, ``unionid`` what the vendor calls a person in all apps of a
    company.
    """

    name: str
    title: str
    departments: list[str]
    department: str
    unionid: str


class OrderJson(TypedDict):
    """That a session is handed over: ``to`` is ``pool`` or a person, ``say`` what the user is told."""

    to: str
    say: str
    why: str


class MessageRecord(TypedDict):
    """The part of a turn's record that never changes; see `mindbot.domain.records`."""

    id: str
    origin: str
    platform: str
    bot: str
    session: str
    user: str
    chat: str
    kind: str
    text: str
    received: float
    quote: NotRequired[str]
    dry_run: NotRequired[bool]


class TimedRecord(MessageRecord):
    """The record of a turn of which no state is told; ``took`` is seconds."""

    took: float
    took_ms: float
    attempt: int


class PassingRecord(TimedRecord):
    """The record of a turn in a state that it passes through."""

    state: str


class DeliveredRecord(TypedDict):
    """What became of a turn's deliveries; see `mindbot.domain.delivered`."""

    delivery: str
    undelivered: bool
    delivery_error: str


class _Told(PassingRecord, DeliveredRecord):
    """What is said in every form, from a turn's end on or as soon as it is known."""

    user_name: NotRequired[str]
    department: NotRequired[list[str]]
    error: NotRequired[str]
    runner: NotRequired[str]
    workflow: NotRequired[str]
    confidence: NotRequired[float]
    rule: NotRequired[str]
    provider: NotRequired[str]
    model: NotRequired[str]
    tokens: NotRequired[int]


class TurnRecord(_Told):
    """A turn as events tell it and filters see it; ``route`` is why it went where it did."""

    reply: NotRequired[str]
    reason: NotRequired[str]
    route: NotRequired[str]
    vars: NotRequired[dict[str, str | int | float]]


class TurnLineJson(_Told):
    """A turn's line in a list: its record, with a reply and a reason in any state."""

    reply: str
    reason: str
    route: NotRequired[str]
    vars: NotRequired[dict[str, str | int | float]]


class BehindJson(TypedDict):
    """What a queued turn waits for; see `models.BehindView`."""

    why: str
    turn: str
    ahead: int


class TurnPageJson(TypedDict):
    """A page of turns, and how far back was looked for it; see `models.TurnPage`."""

    turns: list[TurnLineJson]
    next: str
    back_to: float | None
    looked: int


class TurnJson(_Told):
    """Everything known of a turn; while it is open, what its answer says so far and what it waits for."""

    saying: str
    behind: BehindJson | None

    reply: str
    reason: str
    message: MessageJson
    config: str
    finished: float | None
    route: RouteJson
    vars: Json
    reply_parts: list[PartJson]
    spans: list[SpanJson]
    notes: list[Json]
    deliveries: list[DeliveryJson]


class AcceptedJson(TypedDict):
    """The first line of a streamed answer: its turn's id."""

    type: Literal["accepted"]
    turn: str


class ChunkJson(ChunkEvent):
    """A line of a streamed answer that brings more of it."""

    type: Literal["chunk"]


class DoneJson(TypedDict):
    """The last line of a streamed answer."""

    type: Literal["done"]
    turn: TurnJson


class TakenBackJson(TypedDict):
    id: str
    taken_back: bool
    why: str


class DeadDeliveryJson(DeliveryJson):
    """A delivery that was given up on; ``user`` is who wrote to the turn, empty where nobody did."""

    user: str


#: Given up on.
DeadLetterJson: TypeAlias = DeadDeliveryJson | TurnLineJson


class _Acted(TypedDict):
    """What an operator did lately about what was given up on, and when."""

    acted: NotRequired[str]
    acted_at: NotRequired[float]


class ListedDeliveryJson(DeadDeliveryJson, _Acted):
    """A delivery among the dead letters."""


class ListedTurnJson(TurnLineJson, _Acted):
    """A turn among the dead letters; its ``kind`` is ``turn``."""


#: A dead letter, or what was one until lately.
ListedLetterJson: TypeAlias = ListedDeliveryJson | ListedTurnJson

#: What was done about a dead letter.
Settling: TypeAlias = Literal["retry", "discard", "restore"]


class SettledJson(TypedDict):
    """What came of settling one dead letter; ``why`` it was not done."""

    id: str
    done: bool
    why: str


class SettledLettersJson(TypedDict):
    """What came of settling several; ``more`` than were allowed for at once match, older than ``next``."""

    settled: list[SettledJson]
    more: bool
    next: str


# --- sessions


class _Session(TypedDict):
    session: str
    platform: str
    bot: str
    user: str
    chat: str
    turns: int
    last: str
    active: float
    state: str
    text: str


class SessionRecord(_Session):
    """A session as the store knows it; ``address`` answers its last message."""

    address: Json


class SessionJson(_Session):
    """A session's line in a list; see `models.SessionView`."""

    transfer: bool
    left: int | None
    taken_by: str
    taken_since: float | None
    waiting_since: float | None


class HandedJson(TypedDict):
    """Who has a session now, in the platform's word and by user id; ``said``: whether the user was told."""

    state: str
    servicer: str
    said: NotRequired[bool]


class TransferredJson(HandedJson):
    session: str


class ClearedJson(TypedDict):
    session: str
