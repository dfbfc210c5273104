"""The shapes of rows about the daemon: its state, log and configuration, its bots, files; see `turns`."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from mindbot.domain.message import Json


class ProblemJson(TypedDict):
    """The body of every error; of a filter that does not parse also where, and what it may name; of what
    another has changed its revision now."""

    kind: str
    message: str
    hint: str
    turn: str
    problems: NotRequired[list[str]]
    column: NotRequired[int]
    length: NotRequired[int]
    fields: NotRequired[list[str]]
    revision: NotRequired[int]


class FailedJson(TypedDict):
    """The last line of a streamed answer that could not be told to its end."""

    type: Literal["error"]
    problem: ProblemJson


class PingJson(TypedDict):
    ok: bool
    pid: int
    phase: str


class VersionJson(TypedDict):
    version: str
    api: str


class TurnCountsJson(TypedDict):
    running: int
    queued: int
    parked: int
    waiting: int


class TotalsJson(TypedDict):
    received: int
    answered: int
    dropped: int
    failed: int
    dead: int
    duplicates: int
    recovered: int


class OutboxCountsJson(TypedDict):
    waiting: int
    sent: int
    retried: int
    dead: int


class StoreJson(TypedDict):
    """Where it is, and its transactions since the start; how far back its finder leads (Unix seconds, 0: to
    the first turn, null: nowhere yet)."""

    path: str
    batches: int
    found_back_to: float | None


class InForceJson(TypedDict):
    """The configuration in force: its files, and the count of reloads."""

    files: list[str]
    generation: int


class KnownJson(TypedDict):
    """What is known of a daemon that still starts; ``role`` is the caller's."""

    version: str
    pid: int
    phase: str
    role: str
    ready: bool


class ComponentJson(TypedDict):
    component: str
    state: str
    reason: str
    since: float


class FailingJson(TypedDict):
    """Of the turns that ``ended`` in the last ``window_s`` seconds (no dropped ones), those that failed."""

    window_s: float
    ended: int
    failed: int
    share: float


class WaitingJson(TypedDict):
    """Answers that wait after an attempt to send that failed, and the seconds the oldest does."""

    answers: int
    oldest_s: float


class SlowJson(TypedDict):
    """Turns that run for long and say nothing, and the seconds since the oldest was received."""

    turns: int
    oldest_s: float


class HealthSummaryJson(TypedDict):
    """Health in a line: ``words`` say it in English, and are empty where it is ``ok``.

    ``not_ok`` are the components that are not well, ``waiting`` the answers that wait long to be sent,
    ``slow`` the turns that run for long,
    ``undelivered`` the turns whose answer did not arrive, ``dead_letters`` all that nobody has decided about,
    all of now; not ``counted`` is not known yet.
    """

    ok: bool
    not_ok: list[ComponentJson]
    failing: FailingJson
    waiting: WaitingJson
    slow: SlowJson
    undelivered: int
    dead_letters: int
    counted: bool
    words: list[str]


class StatusJson(TypedDict):
    """A running daemon in numbers; ``version`` and ``role`` are said by whoever is asked for it."""

    version: NotRequired[str]
    pid: int
    started: float
    uptime_s: float
    ready: bool
    phase: str
    role: NotRequired[str]
    turns: TurnCountsJson
    totals: TotalsJson
    outbox: OutboxCountsJson
    store: StoreJson
    loop_lag_ms: float
    rss_bytes: int
    tasks: int
    config: InForceJson
    health: HealthSummaryJson


class HealthJson(TypedDict):
    ready: bool
    phase: str
    components: list[ComponentJson]


class LogLineJson(TypedDict):
    ts: float
    level: str
    component: str
    text: str
    turn: str
    fields: Json


# --- the configuration


class ConfigValuesJson(TypedDict):
    """Every effective value by its dotted key, and where each was written."""

    files: list[str]
    values: Json
    origins: dict[str, str]
    warnings: list[str]


class ChangeJson(TypedDict):
    key: str
    old: Any
    new: Any


class CheckedJson(TypedDict, total=False):
    """What a configuration is worth: its ``problems``, or what a reload would do."""

    ok: bool
    problems: list[str]
    warnings: list[str]
    changes: list[ChangeJson]
    restart: list[str]
    secrets: list[str]


class ReloadedJson(TypedDict):
    generation: int
    warnings: list[str]
    restart: list[str]


# --- bots


class MinutesJson(TypedDict):
    """What came, what was sent, and attempts to send that failed, by minute: the oldest first, the last one
    under way."""

    received: list[int]
    sent: list[int]
    failed: list[int]


class TrafficJson(TypedDict):
    """A bot's counters since the start; ``waiting`` is not sent yet."""

    received: int
    duplicates: int
    sent: int
    retried: int
    dead: int
    last_message: float
    last_sent: float
    failed: float
    error: str
    waiting: int
    last_failed: float
    last_error: str
    minutes: MinutesJson


class BotJson(TypedDict):
    """A bot's state; where it is called back, and what its platform has to add, only where there is such."""

    platform: str
    bot: str
    state: str
    reason: str
    since: float
    traffic: TrafficJson
    abilities: list[str]
    callback: NotRequired[str]
    listen: NotRequired[str]
    details: NotRequired[Json]


class CheckJson(TypedDict):
    name: str
    state: str
    detail: str
    mend: str


class FileJson(TypedDict):
    """A file of the media store; ``size`` is bytes."""

    id: str
    size: int
    type: str
    name: str
