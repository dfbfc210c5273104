"""A turn: one message and everything done to answer it. Plain JSON data, the unit of debugging."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Literal, Protocol

from mindbot.domain import ids
from mindbot.domain.chat import ChatMessage

# Providers and runners of other packages know these under this module's name too.
from mindbot.domain.chat import ChatRequest as ChatRequest
from mindbot.domain.chat import Chunk as Chunk
from mindbot.domain.chat import Chunks as Chunks
from mindbot.domain.delivered import Delivered, delivered_of
from mindbot.domain.delivery import Delivery
from mindbot.domain.message import Json, Message, Part
from mindbot.domain.replaying import Replaying
from mindbot.domain.shapes.turns import OrderJson, RouteJson
from mindbot.domain.span import CANCELLED, Span

State = Literal["queued", "running", "parked", "waiting", "answered", "dropped", "failed", "dead"]
OPEN_STATES: tuple[State, ...] = ("queued", "running", "parked", "waiting")
DONE_STATES: tuple[State, ...] = ("answered", "dropped", "failed", "dead")

Clock = Callable[[], float]
#: The stages inside of one, and a stage as it is called.
Inwards = Callable[["Turn"], Awaitable[None]]
StageCall = Callable[["Turn", Inwards], Awaitable[None]]

#: The kind of steps that the pipeline is made of; `Tracer.around` holds a turn at these.
STAGE = "stage"

#: In the memo of a turn that an operator wants run again, however old it is by now.
RETRIED = "retried"


@dataclass(slots=True)
class Reply:
    """What will be said. Stages add parts; ``deliver`` turns them into deliveries."""

    parts: list[Part] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Add a text part; an empty text adds nothing."""
        if text:
            self.parts.append(Part("text", text))

    @property
    def text(self) -> str:
        return "\n".join(p.text for p in self.parts if p.text)


class Tracer(Protocol):
    """Who watches a turn's steps, and may hold it at one. ``active`` is false when nobody is looking."""

    active: bool

    def around(self, turn: Turn, span: Span, stage: StageCall, inner: Inwards) -> Awaitable[None]:
        """Run a stage: hold the turn before and after it while a breakpoint matches, run it again or leave it
        out where an operator says so."""

    async def gate(self, turn: Turn, span: Span) -> None:
        """Hold the turn before a step inside a stage while a breakpoint matches."""

    async def left(self, turn: Turn, span: Span, error: Exception | None) -> None:
        """Hold the turn after a step inside a stage, or at its error."""

    def opened(self, turn: Turn, span: Span) -> None:
        """Tell observers that a step begins."""

    def closed(self, turn: Turn, span: Span) -> None:
        """Tell observers that a step ended."""

    def words(self, error: BaseException) -> str:
        """Return what a trace says of a failure: without secrets."""


class Unwatched:
    """The tracer of a turn that nobody runs."""

    active = False

    def around(self, turn: Turn, span: Span, stage: StageCall, inner: Inwards) -> Awaitable[None]:
        """Run it."""
        return stage(turn, inner)

    async def gate(self, turn: Turn, span: Span) -> None:
        """Never holds a turn."""

    async def left(self, turn: Turn, span: Span, error: Exception | None) -> None:
        """Never holds a turn."""

    def opened(self, turn: Turn, span: Span) -> None:
        """Tell nobody."""

    def closed(self, turn: Turn, span: Span) -> None:
        """Tell nobody."""

    def words(self, error: BaseException) -> str:
        """Name the kind of failure, and nothing that could hold a secret."""
        return type(error).__name__


_UNWATCHED = Unwatched()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a turn was at one moment (`Turn.snapshot`), but for its memo, which never goes back."""

    message: Message
    vars: Json = field(default_factory=dict)
    route: RouteJson = field(default_factory=RouteJson)
    history: tuple[ChatMessage, ...] = ()
    prompt: tuple[ChatMessage, ...] = ()
    parts: tuple[Part, ...] = ()
    reason: str = ""
    spans: int = 0  # how many there were: later ones go, those that were open are not opened again
    innermost: int = 0


@dataclass(slots=True)
class Turn:
    """See the module. ``number`` is the id as stored; ``id`` its public form."""

    number: int
    message: Message
    state: State = "queued"
    vars: Json = field(default_factory=dict)
    route: RouteJson = field(default_factory=RouteJson)
    #: What was said in the session so far, as far as this turn is shown it; not stored but in `prompt`.
    history: list[ChatMessage] = field(default_factory=list)
    #: What a model is asked: made once; the provider gives it the shape that its vendor takes.
    prompt: list[ChatMessage] = field(default_factory=list)
    reply: Reply = field(default_factory=Reply)
    spans: list[Span] = field(default_factory=list)
    reason: str = ""  # why it was dropped or failed
    attempt: int = 1  # 2 and more after a crash
    memo: Json = field(default_factory=dict)  # results of steps marked `once`
    together: list[Turn] = field(default_factory=list)  # later ones that it answers as well (not stored)
    outgoing: Sequence[Delivery] = ()  # what it says, from its end on (not stored)
    generation: Any = None  # the configuration it began with (not stored)
    config: str = ""  # which one that was: its number in its process, and what tells it from others
    tracer: Tracer = _UNWATCHED  # (not stored)
    replaying: Replaying | None = None  # what it takes over of the turn that it makes again (not stored)
    innermost: int = 0  # id of the innermost open span
    shown: Any = None  # what events say of its message (not stored)
    #: The pieces of its answer while that is made, masked as they are told (not stored).
    saying: list[str] | None = None
    said_at: float = 0.0  # when the latest of them came, Unix seconds (not stored)
    on_disk: bool = False  # what its message says is on disk alone (not stored)
    until: float = math.inf  # when whoever makes its answer gives it up, on the loop's clock (not stored)
    started: float = 0.0
    finished: float = 0.0

    @property
    def id(self) -> str:
        return ids.show(self.number)

    @property
    def session(self) -> str:
        return self.message.session

    @property
    def took(self) -> float:
        """Seconds from receipt to the end, or to now while the turn is open."""
        return (self.finished or time.time()) - self.message.received

    @property
    def delivered(self) -> Delivered:
        """What has become of what it says by now, as far as this process knows."""
        return delivered_of((d.n, d.state, d.error) for d in self.outgoing)

    def put_down(self) -> None:
        """Hold no longer what the message says, only whose it is: it is on disk, and read again in time."""
        self.message = replace(self.message, parts=(), raw="")
        self.on_disk = True

    def hand_over(self, to: str = "pool", *, say: str = "", why: str = "") -> None:
        """Ask that the session goes to people once the answer is said; for runners and their tools.

        ``to`` is ``pool`` or a person's user id, ``say`` what the user is told. Platforms without people
        say that alone.
        """
        order: OrderJson = {"to": to, "say": say, "why": why}
        self.vars["transfer"] = order

    def span(self, kind: str, name: str, *, parent: Span | None = None) -> Step:
        """Return a step to be taken with ``async with``: timed, told to whoever looks, stopped at by a gate.

        It stands inside the innermost open one. Of steps that run side by side each names its ``parent``, and
        so do the steps inside it: the innermost one is then not theirs to move.
        """
        return Step(self, kind, name, parent)

    # --- as it was before

    def snapshot(self) -> Snapshot:
        """Keep what the turn is now; `restore` makes it so again."""
        return Snapshot(
            self.message,
            deepcopy(self.vars) if self.vars else {},
            deepcopy(self.route) if self.route else {},
            tuple(self.history),
            tuple(self.prompt),
            tuple(self.reply.parts),
            self.reason,
            len(self.spans),
            self.innermost,
        )

    def restore(self, then: Snapshot) -> None:
        """Go back to a moment before; steps taken since are gone, what was remembered of them is not."""
        self.message = then.message
        self.vars, self.route = deepcopy(then.vars), deepcopy(then.route)
        self.reply.parts[:] = then.parts
        self.history, self.prompt = list(then.history), list(then.prompt)
        del self.spans[then.spans :]
        self.innermost, self.reason, self.finished = then.innermost, then.reason, 0.0
        self.saying, self.until = None, math.inf

    def reset(self) -> None:
        """Forget all that its stages made of it: what is left is the message and its memo."""
        self.restore(Snapshot(self.message))

    # --- as plain data

    def to_json(self) -> Json:
        """Return all that is known of it, as `from_json` reads it; beside it stand those it answered too."""
        return {
            "number": self.number,
            "message": self.message.to_json(),
            "state": self.state,
            "vars": {k: v for k, v in self.vars.items() if not k.startswith("_")},
            "route": self.route,
            "prompt": [line.to_json() for line in self.prompt],
            "history": [line.to_json() for line in self.history],
            "reply": [part.to_json() for part in self.reply.parts],
            "spans": [span.to_json() for span in self.spans],
            "reason": self.reason,
            "attempt": self.attempt,
            "memo": self.memo,
            "config": self.config,
            "started": self.started,
            "finished": self.finished,
        }

    @classmethod
    def from_json(cls, data: Json) -> Turn:
        """Read `to_json` back."""
        return cls(
            number=data["number"],
            message=Message.from_json(data["message"]),
            state=data["state"],
            vars=data["vars"],
            route=data["route"],
            prompt=[ChatMessage.from_json(line) for line in data["prompt"]],
            history=[ChatMessage.from_json(line) for line in data["history"]],
            reply=Reply([Part.from_json(part) for part in data["reply"]]),
            spans=[Span.from_json(span) for span in data["spans"]],
            reason=data["reason"],
            attempt=data["attempt"],
            memo=data["memo"],
            config=data.get("config", ""),
            started=data["started"],
            finished=data["finished"],
        )


class Step:
    """A span for the length of a block; see `Turn.span`. What leaves the block as an error is its failure;
    one that is stopped is cancelled."""

    __slots__ = ("_kind", "_name", "_parent", "_span", "_turn")

    def __init__(self, turn: Turn, kind: str, name: str, parent: Span | None) -> None:
        self._turn = turn
        self._kind = kind
        self._name = name
        self._parent = parent

    async def __aenter__(self) -> Span:
        turn, parent = self._turn, self._parent
        number, inside = len(turn.spans) + 1, turn.innermost if parent is None else parent.id
        span = self._span = Span(number, inside, self._kind, self._name, time.time())
        turn.spans.append(span)
        if parent is None:
            turn.innermost = number
        if turn.tracer.active:
            turn.tracer.opened(turn, span)
            if self._kind != STAGE:
                try:
                    await turn.tracer.gate(turn, span)
                except BaseException as error:
                    self._close(error)
                    raise
        return span

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tracer = self._turn.tracer
        if tracer.active and self._kind != STAGE and (error is None or isinstance(error, Exception)):
            try:
                await tracer.left(self._turn, self._span, error)
            except BaseException as stopped:
                self._close(stopped)
                raise
        self._close(error)

    def _close(self, error: BaseException | None) -> None:
        turn, span = self._turn, self._span
        span.end()
        if isinstance(error, Exception):
            span.status = "error"
            span.data.setdefault("error", turn.tracer.words(error))
        elif error is not None:  # it was stopped, or its reader went away
            span.status = CANCELLED
        if self._parent is None:
            turn.innermost = span.parent
        if turn.tracer.active:
            turn.tracer.closed(turn, span)
