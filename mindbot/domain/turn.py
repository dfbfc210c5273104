"""A turn: one message and everything done to answer it. Plain JSON data, the unit of debugging."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from mindbot.domain import ids
from mindbot.domain.message import Json, Message, Part

State = Literal["queued", "running", "parked", "waiting", "answered", "dropped", "failed", "dead"]
OPEN_STATES: tuple[State, ...] = ("queued", "running", "parked", "waiting")
DONE_STATES: tuple[State, ...] = ("answered", "dropped", "failed", "dead")

#: In the memo of a turn that an operator wants run again, however old it is by now.
RETRIED = "retried"


@dataclass(slots=True)
class Span:
    """A timed step inside a turn. ``start`` is Unix seconds, ``took`` seconds (-1 while it runs)."""

    id: int
    parent: int
    kind: str  # stage, model, tool, rule, retrieval, delivery, …
    name: str
    start: float
    took: float = -1.0
    status: str = "ok"  # ok, error, memo (taken from the memo instead of run again)
    data: Json = field(default_factory=dict)

    def to_json(self) -> Json:
        out: Json = {
            "id": self.id,
            "parent": self.parent,
            "kind": self.kind,
            "name": self.name,
            "start": self.start,
            "took_ms": round(self.took * 1000, 3) if self.took >= 0 else None,
            "status": self.status,
        }
        if self.data:
            out["data"] = self.data
        return out


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


@dataclass(slots=True)
class Turn:
    """See the module. ``number`` is the id as stored; ``id`` its public form."""

    number: int
    message: Message
    state: State = "queued"
    vars: Json = field(default_factory=dict)
    route: Json = field(default_factory=dict)
    reply: Reply = field(default_factory=Reply)
    spans: list[Span] = field(default_factory=list)
    reason: str = ""  # why it was dropped or failed
    attempt: int = 1  # 2 and more after a crash
    memo: Json = field(default_factory=dict)  # results of steps marked `once`
    together: list[Turn] = field(default_factory=list)  # later ones that it answers as well (not stored)
    generation: Any = None  # the configuration it began with (not stored)
    running: int = 0  # id of the innermost open span
    shown: Any = None  # what events say of its message (not stored)
    on_disk: bool = False  # what its message says is on disk alone (not stored)
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

    def put_down(self) -> None:
        """Hold no longer what the message says, only whose it is: it is on disk, and read again in time."""
        self.message = replace(self.message, parts=(), raw="")
        self.on_disk = True

    def hand_over(self, to: str = "pool", *, say: str = "", why: str = "") -> None:
        """Ask that the session goes to people once the answer is said; for runners and their tools.

        ``to`` is ``pool`` or a person's user id, ``say`` what the user is told. Platforms without people
        say that alone.
        """
        self.vars["transfer"] = {"to": to, "say": say, "why": why}

    def open_span(self, kind: str, name: str) -> Span:
        """Begin a span inside the innermost open one."""
        span = Span(len(self.spans) + 1, self.running, kind, name, time.time())
        self.spans.append(span)
        self.running = span.id
        return span

    def close_span(self, span: Span, status: str = "ok") -> None:
        """End a span; its parent becomes the innermost again."""
        span.took = time.time() - span.start
        if status != "ok":
            span.status = status
        self.running = span.parent


@dataclass(slots=True)
class Chunk:
    """A piece of a runner's or provider's stream. ``finish``, ``usage`` and ``notes`` come with the last one.

    ``afresh`` says that the text of all earlier pieces had been thinking: the answer begins here.
    """

    text: str = ""
    reasoning: str = ""
    tool_calls: list[Json] = field(default_factory=list)
    finish: str = ""  # stop, length, tool_calls, content_filter, or the vendor's word where it is another
    usage: Json = field(default_factory=dict)  # input_tokens, output_tokens
    notes: Json = field(default_factory=dict)  # for the trace: what was left out or cut, and why
    afresh: bool = False


@dataclass(slots=True)
class ChatMessage:
    """One line of a prompt: role is system, user, assistant or tool."""

    role: str
    content: str
    tool_calls: list[Json] = field(default_factory=list)
    tool_call_id: str = ""


@dataclass(slots=True)
class ChatRequest:
    """What a provider is asked. ``deadline`` is a time of ``anyio.current_time()``; 0 means the default."""

    messages: list[ChatMessage]
    model: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    stream: bool = False
    tools: list[Json] = field(default_factory=list)
    user: str = ""
    deadline: float = 0.0
    conversation: str = ""  # whose lines these are; what a vendor refused of it is remembered under this name


#: Who leaves it before its end closes it (`contextlib.aclosing`), so that the call behind it ends too.
Chunks = AsyncGenerator[Chunk, None]
Clock = Callable[[], float]
