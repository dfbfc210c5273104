"""What the local API says, as JSON models.

Readers are lenient: every field has a default and unknown fields are kept but not looked at, so an old
client reads a newer daemon. Inputs (``SendMessage``, ``SecretValue``) are strict. Each is built when it is
used first: a command needs two or three of them.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, RootModel, SecretStr, model_validator

from mindbot.domain.message import Json


class Answer(BaseModel):
    """Anything the daemon answers."""

    model_config = ConfigDict(extra="allow", defer_build=True)

    def to_json(self) -> Json:
        """Return exactly what came over the wire, unknown fields included."""
        return self.model_dump(mode="json", exclude_unset=True)


class Problem(Answer):
    """The body of every error. ``turn`` is set when the error is about one; ``problems`` lists findings.

    For a filter that does not parse, ``column`` and ``length`` say where, ``fields`` what it may name; for
    what another has changed, ``revision`` is the one it has now.
    """

    kind: str = "error"
    message: str = ""
    hint: str = ""
    turn: str = ""
    problems: list[str] = []
    column: int = 0
    length: int = 1
    fields: list[str] = []
    revision: int = 0


class Ping(Answer):
    """The daemon's process answers."""

    ok: bool = True
    pid: int = 0
    phase: str = ""


class Version(Answer):
    version: str = ""
    api: str = "v1"


class TurnCounts(Answer):
    """Turns that are not done, by state."""

    running: int = 0
    queued: int = 0
    parked: int = 0
    waiting: int = 0


class Totals(Answer):
    """Counted since the daemon started."""

    received: int = 0
    answered: int = 0
    dropped: int = 0
    failed: int = 0
    dead: int = 0
    duplicates: int = 0
    recovered: int = 0


class OutboxCounts(Answer):
    """Deliveries: waiting now; sent, tried again and given up since the daemon started."""

    waiting: int = 0
    sent: int = 0
    retried: int = 0
    dead: int = 0


class ConfigView(Answer):
    """The configuration in use; ``generation`` counts the reloads."""

    files: list[str] = []
    generation: int = 0


class Component(Answer):
    """How one component is: ok, starting, degraded, failed or stopped, and why. ``since`` is Unix seconds."""

    component: str = ""
    state: str = ""
    reason: str = ""
    since: float = 0.0


class Failing(Answer):
    """Of the turns that ``ended`` in the last ``window_s`` seconds (no dropped ones), those that failed."""

    window_s: float = 0.0
    ended: int = 0
    failed: int = 0
    share: float = 0.0


class WaitingAnswers(Answer):
    """Answers that wait for 10 seconds and more after an attempt to send that failed, and how long the oldest
    does."""

    answers: int = 0
    oldest_s: float = 0.0


class SlowTurns(Answer):
    """Turns that run for more than 20 seconds and say nothing, and how long ago the oldest was received."""

    turns: int = 0
    oldest_s: float = 0.0


class HealthSummary(Answer):
    """Health in a line; ``words`` say what is wrong, in English.

    ``not_ok`` are the components that are not well, ``waiting`` the answers that wait long to be sent,
    ``slow`` the turns that run for long,
    ``undelivered`` the turns whose answer did not arrive, ``dead_letters`` all that nobody has decided about,
    all of now; not ``counted`` is not known yet.
    """

    ok: bool = False
    not_ok: list[Component] = []
    failing: Failing = Failing()
    waiting: WaitingAnswers = WaitingAnswers()
    slow: SlowTurns = SlowTurns()
    undelivered: int = 0
    dead_letters: int = 0
    counted: bool = False
    words: list[str] = []


class Status(Answer):
    """``started`` is Unix seconds; ``phase`` is starting, running or draining; ``role`` is the caller's.

    ``health`` is None while it is not known: the daemon starts, or is older than this client.
    """

    version: str = ""
    pid: int = 0
    role: str = ""
    started: float = 0.0
    uptime_s: float = 0.0
    ready: bool = False
    phase: str = ""
    turns: TurnCounts = TurnCounts()
    totals: Totals = Totals()
    outbox: OutboxCounts = OutboxCounts()
    store: Json = {}
    loop_lag_ms: float = 0.0
    rss_bytes: int = 0
    tasks: int = 0
    config: ConfigView = ConfigView()
    health: HealthSummary | None = None


class Health(Answer):
    """``ready`` is what load balancers and ``mindbot daemon status`` look at."""

    ready: bool = False
    phase: str = ""
    components: list[Component] = []


class BotMinutes(Answer):
    """What came, what was sent, and attempts to send that failed, by minute: the oldest first, the last one
    under way."""

    received: list[int] = []
    sent: list[int] = []
    failed: list[int] = []


class BotTraffic(Answer):
    """Since the daemon started: messages, and attempts to send; ``waiting`` is not sent yet.

    ``last_message``, ``last_sent`` and ``failed`` are Unix seconds, 0 for never; ``error`` is why the last
    attempt failed, while nothing was sent since; ``last_error`` stays (of ``last_failed``)."""

    received: int = 0
    duplicates: int = 0
    sent: int = 0
    retried: int = 0
    dead: int = 0
    waiting: int = 0
    last_message: float = 0.0
    last_sent: float = 0.0
    failed: float = 0.0
    error: str = ""
    last_failed: float = 0.0
    last_error: str = ""
    minutes: BotMinutes = BotMinutes()


class PlatformView(Answer):
    """One bot; ``callback`` is its path on the public listener ``listen``, both empty when it has none.
    ``abilities`` are test, groups (a push can go to one), transfer, stream and
    take-back; ``details`` is for the
    platform to say."""

    bot: str = ""
    platform: str = ""
    state: str = ""
    reason: str = ""
    since: float = 0.0
    callback: str = ""
    listen: str = ""
    abilities: list[str] = []
    traffic: BotTraffic = BotTraffic()
    details: Json = {}


class PlatformCheck(Answer):
    """One step of a bot's test: ``state`` is ok, failed or skipped; ``mend`` says what to change."""

    name: str = ""
    state: str = ""
    detail: str = ""
    mend: str = ""


class Transferred(Answer):
    """Where a session is now: ``state`` in words, ``servicer`` the person who has it."""

    session: str = ""
    state: str = ""
    servicer: str = ""


class Cleared(Answer):
    """A session whose bot has forgotten what was said in it."""

    session: str = ""


class TakenBack(Answer):
    """What became of a delivery (``id``) that was to be taken back; ``why`` says why it stays."""

    id: str = ""
    taken_back: bool = False
    why: str = ""


class MediaFile(Answer):
    """A file of the media store. ``size`` is bytes, ``type`` its MIME type."""

    id: str = ""
    size: int = 0
    type: str = ""
    name: str = ""


class SpanView(Answer):
    """A timed step. ``start`` is Unix seconds; ``took_ms`` is null while it runs."""

    id: int = 0
    parent: int = 0
    kind: str = ""
    name: str = ""
    start: float = 0.0
    took_ms: float | None = None
    status: str = "ok"
    data: Json = {}


class TurnSummary(Answer):
    """One line of a list. ``took_ms`` runs from receipt to the end, or to now while the turn is open;
    ``received`` is Unix seconds; ``reply`` is readable text. ``workflow``, how sure (``confidence``, 0 to 1)
    and by which ``rule`` it was chosen are known at the end, and empty or null where there is none.
    ``origin`` is who brought the message: user, test, push, operator (in the bot's place) or replay.
    ``delivery`` is what became of the answer: waiting, sent, undelivered, discarded, or empty where there is
    nothing to say of it; ``undelivered``: one delivery at least was given up on; ``delivery_error`` says why,
    and why one is tried again. Of a ``dry_run`` nothing was sent."""

    id: str = ""
    origin: str = "user"
    dry_run: bool = False
    state: str = ""
    platform: str = ""
    bot: str = ""
    session: str = ""
    user: str = ""
    text: str = ""
    reply: str = ""
    reason: str = ""
    received: float = 0.0
    took_ms: float = 0.0
    runner: str = ""
    workflow: str = ""
    provider: str = ""
    confidence: float | None = None
    rule: str = ""
    delivery: str = ""
    undelivered: bool = False
    delivery_error: str = ""


class BehindView(Answer):
    """What a queued turn waits for. ``why``: session (others of its conversation come first: ``turn`` is the
    one that runs, ``ahead`` how many), slots (all are taken), bot (its bot's share is), disk (it is read when
    those before it have run), alone (it may kill the daemon, and runs by itself), stopping, or empty (it
    begins now)."""

    why: str = ""
    turn: str = ""
    ahead: int = 0


class TurnPage(Answer):
    """Turns, newest first, and how far back was looked for them: to ``back_to`` (Unix seconds; null: to the
    first turn there is). ``next`` is the ``before`` to go on with, empty when there is nothing older.
    ``looked`` turns were judged one by one; an index ruled out the others."""

    turns: list[TurnSummary] = []
    next: str = ""
    back_to: float | None = None
    looked: int = 0


class TurnView(TurnSummary):
    """Everything known of a turn. Not waited for, only its id and state are. ``notes`` are what the platform
    said of it later (feedback, a late failure). ``config`` is the configuration it ran with: its number in
    its process, and what tells it from others. While it is open, ``saying`` is what its answer says so far
    and ``behind`` what it waits for."""

    attempt: int = 1
    saying: str = ""
    behind: BehindView | None = None
    config: str = ""
    finished: float | None = None
    message: Json = {}
    route: Json = {}
    vars: Json = {}
    reply_parts: list[Json] = []
    spans: list[SpanView] = []
    deliveries: list[Json] = []
    notes: list[Json] = []


class StreamLine(Answer):
    """One line of a streamed answer: ``accepted`` (turn id), ``chunk`` (text), ``done`` (turn view) or
    ``error`` (problem). ``at`` characters stand before the text; with ``afresh`` it takes the place of all
    that came before it."""

    type: str = ""
    text: str = ""
    at: int = 0
    afresh: bool = False
    turn: TurnView | str | None = None
    problem: Problem | None = None


class DeadLetter(Answer):
    """A delivery (``kind`` is ``message`` or ``stream``) or a turn given up on. ``error`` of the one,
    ``reason`` of the other says why; ``created`` or ``received`` is Unix seconds. ``acted`` is what an
    operator did about it lately (``retry``, ``discard``, ``restore``; empty: nothing), ``acted_at`` when, and
    ``state`` what came of it: ``dead`` again, ``sent``, ``discarded``, …"""

    id: str = ""
    kind: str = ""
    platform: str = ""
    bot: str = ""
    session: str = ""
    text: str = ""
    error: str = ""
    reason: str = ""
    user: str = ""
    turn: str = ""
    state: str = ""
    attempts: int = 0
    created: float = 0.0
    received: float = 0.0
    acted: str = ""
    acted_at: float = 0.0


class SettledLetter(Answer):
    """What came of settling one dead letter; ``why`` it was not done."""

    id: str = ""
    done: bool = False
    why: str = ""


class SettledLetters(Answer):
    """What came of settling several, each in turn; ``more`` than were allowed for may match: ask again
    ``below`` the id ``next``."""

    settled: list[SettledLetter] = []
    more: bool = False
    next: str = ""


class SessionView(Answer):
    """A conversation: how many turns it has had, and its last one (id, state, text). ``active`` is when that
    was received, Unix seconds; ``transfer``: it can be handed to people. ``left`` is how many messages the
    bot may still say until the user writes again; null where there is no such limit or nobody knows.
    ``taken_by`` is the operator who answers in the bot's place, ``taken_since`` since when, and
    ``waiting_since`` since when the user waits for them (Unix seconds); empty and null: nobody does."""

    session: str = ""
    platform: str = ""
    bot: str = ""
    user: str = ""
    transfer: bool = False
    chat: str = ""
    turns: int = 0
    last: str = ""
    active: float = 0.0
    state: str = ""
    text: str = ""
    left: int | None = None
    taken_by: str = ""
    taken_since: float | None = None
    waiting_since: float | None = None


class ConfigValues(Answer):
    """Every effective value by its dotted key, and where it was written (``default`` for defaults)."""

    files: list[str] = []
    values: Json = {}
    origins: dict[str, str] = {}
    warnings: list[str] = []


class Change(Answer):
    """A value that would be another; null where there is none."""

    key: str = ""
    old: Any = None
    new: Any = None


class Checked(Answer):
    """Whether the files make a usable configuration; ``changes`` are those a reload would make, ``restart``
    names settings that wait for a restart, ``secrets`` those that the daemon cannot read, and why."""

    ok: bool = True
    problems: list[str] = []
    warnings: list[str] = []
    changes: list[Change] = []
    restart: list[str] = []
    secrets: list[str] = []


class LogLine(Answer):
    """One line: who says what (``component``, ``text``), of which turn, and the rest as ``fields``."""

    ts: float = 0.0
    level: str = ""
    component: str = ""
    text: str = ""
    turn: str = ""
    fields: Json = {}


class Reloaded(Answer):
    """The generation now in use, what to look at in its files, and which settings wait for a restart."""

    generation: int = 0
    warnings: list[str] = []
    restart: list[str] = []


class Order(BaseModel):
    """Anything a client asks for."""

    model_config = ConfigDict(extra="forbid", strict=True)


PUSH_TEXT, PUSH_TO = 100_000, 256  # characters


class Push(Order):
    """A message of the bot's own accord, to a user or a group. ``files`` are ids of the media store;
    ``timeout`` is how many seconds the answer waits for the platform to take it."""

    text: str = Field(default="", max_length=PUSH_TEXT)
    user: str = Field(default="", max_length=PUSH_TO)
    group: str = Field(default="", max_length=PUSH_TO)
    files: list[str] = Field(default=[], max_length=20)
    timeout: float = Field(default=30.0, gt=0, le=3600, strict=False)


class SettleLetters(Order):
    """Dead letters to settle: those named by ``ids``, or those that a ``filter`` lets through (an empty one:
    all), at most ``limit``, the newest that are older than ``below``, an id. One of the two."""

    ids: list[str] | None = Field(None, max_length=1000)
    filter: str | None = Field(None, max_length=4096)
    limit: int = Field(1000, ge=1, le=1000)
    below: str = Field("", max_length=64)


class Transfer(Order):
    """Where a session goes: ``pool``, ``bot``, ``end``, or a person's user id."""

    to: str = Field(min_length=1, max_length=128)


class SendMessage(Order):
    """A test message, injected as that user through the whole pipeline: a text, or ``files`` by their ids of
    the media store, or both. ``timeout`` is seconds. With ``dry_run`` nothing is sent and nothing kept in the
    user's conversation; with ``stream`` its answer grows on any platform."""

    text: str = Field(default="", max_length=100_000)
    files: list[str] = Field(default=[], max_length=20)
    platform: str = Field(default="console", min_length=1, max_length=64)
    bot: str = Field(default="", max_length=64)
    user: str = Field(default="", max_length=256)
    session: str = Field(default="", max_length=512)
    wait: bool = True
    stream: bool = False
    dry_run: bool = False
    timeout: float = Field(default=60.0, gt=0, le=3600, strict=False)

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.text.strip() and not self.files:
            raise ValueError("text or files must say something")
        return self


class LogLevels(RootModel[dict[str, Literal["debug", "info", "warning", "error", ""]]]):
    """Levels by logger; the root's name is empty, an empty level follows the parent again."""


class SecretValue(Order):
    """A secret on its way in; it never comes back out."""

    value: SecretStr = Field(min_length=1, max_length=65_536)
