"""What a model is asked, and the pieces in which it answers: one form for every vendor."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, TypeAlias

from mindbot.domain.message import Json

Role = Literal["system", "user", "assistant", "tool"]

#: Why an answer ended. ``other`` is a word of the vendor's that nobody knows: `Chunk.finish_word` holds it.
#: ``stopped`` is our own doing: a user or an operator asked for it. Empty: it has not ended.
Finish = Literal["", "stop", "length", "tool_calls", "content_filter", "stopped", "other"]


# --- what lines are made of


@dataclass(frozen=True, slots=True)
class Text:
    """Text, and where it is from: the instructions, the history, the message, a document, a plugin."""

    kind: ClassVar[Literal["text"]] = "text"
    text: str
    origin: str = ""

    def to_json(self) -> Json:
        out: Json = {"kind": self.kind, "text": self.text}
        return {**out, "origin": self.origin} if self.origin else out


@dataclass(frozen=True, slots=True)
class Attachment:
    """A picture, a file or a sound beside the words.

    Where it is: the bytes themselves (``data``), a file of ours (``path``), or an address that the vendor may
    fetch from (``url``); one of them is set. ``type`` is its MIME type. ``alt`` stands for it in the words
    where a model cannot be shown it; None: its kind and name do.
    """

    kind: Literal["image", "file", "audio"]
    type: str
    name: str = ""
    data: bytes = field(default=b"", repr=False)
    path: str = ""
    url: str = ""
    origin: str = ""
    alt: str | None = None

    def to_json(self) -> Json:
        out: Json = {"kind": self.kind, "type": self.type}
        if self.alt is not None:
            out["alt"] = self.alt
        if self.data:
            out["data"] = base64.b64encode(self.data).decode()
        told = {"name": self.name, "path": self.path, "url": self.url, "origin": self.origin}
        return out | {key: value for key, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class Reasoning:
    """What a model thought before it spoke.

    A vendor that signs its thinking (``signature``, or ``sealed`` where the thinking itself is not shown)
    wants it back unchanged before the calls that it led to; another than ``vendor`` may not see it.
    """

    kind: ClassVar[Literal["reasoning"]] = "reasoning"
    text: str = ""
    signature: str = ""
    sealed: str = ""
    vendor: str = ""

    def to_json(self) -> Json:
        told = {"text": self.text, "signature": self.signature, "sealed": self.sealed, "vendor": self.vendor}
        return {"kind": self.kind} | {key: value for key, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that a model asks for. ``arguments`` is JSON as the model wrote it: it may be none.

    ``signature`` goes back with the call where the vendor (``vendor``) signs calls.
    """

    kind: ClassVar[Literal["tool_call"]] = "tool_call"
    id: str
    name: str
    arguments: str = "{}"
    signature: str = ""
    vendor: str = ""

    def to_json(self) -> Json:
        out: Json = {"kind": self.kind, "id": self.id, "name": self.name, "arguments": self.arguments}
        told = {"signature": self.signature, "vendor": self.vendor}
        return out | {key: value for key, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What came of a call. ``failed`` tells the model that ``text`` is the failure."""

    kind: ClassVar[Literal["tool_result"]] = "tool_result"
    id: str
    name: str
    text: str
    failed: bool = False

    def to_json(self) -> Json:
        out: Json = {"kind": self.kind, "id": self.id, "name": self.name, "text": self.text}
        return {**out, "failed": True} if self.failed else out


ChatPart: TypeAlias = Text | Attachment | Reasoning | ToolCall | ToolResult


def part_from_json(data: Json) -> ChatPart:
    """Read a part's `to_json` back.

    Raises:
        LookupError, TypeError, ValueError: it is not of that form.
    """
    kind, rest = data["kind"], {key: value for key, value in data.items() if key != "kind"}
    match kind:
        case "text":
            return Text(**rest)
        case "reasoning":
            return Reasoning(**rest)
        case "tool_call":
            return ToolCall(**rest)
        case "tool_result":
            return ToolResult(**rest)
        case "image" | "file" | "audio":
            return Attachment(kind, **(rest | {"data": base64.b64decode(rest.get("data", ""))}))
    raise ValueError(f"no part of a prompt: {kind!r}")


# --- lines


@dataclass(slots=True, init=False)
class ChatMessage:
    """One line of a prompt. A text alone is given as it is, with its ``origin``."""

    role: Role
    parts: tuple[ChatPart, ...]

    def __init__(self, role: Role, parts: str | Iterable[ChatPart] = (), *, origin: str = "") -> None:
        self.role = role
        self.parts = (Text(parts, origin),) if isinstance(parts, str) else tuple(parts)

    @property
    def content(self) -> str:
        """All that can be read of it: its words and the results of tools."""
        parts = self.parts
        if len(parts) == 1 and isinstance(parts[0], Text):
            return parts[0].text
        return "".join(part.text for part in parts if isinstance(part, Text | ToolResult))

    @property
    def origin(self) -> str:
        """Where its first words are from."""
        return next((part.origin for part in self.parts if isinstance(part, Text)), "")

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        if self._words:
            return ()
        return tuple(part for part in self.parts if isinstance(part, ToolCall))

    @property
    def results(self) -> tuple[ToolResult, ...]:
        if self._words:
            return ()
        return tuple(part for part in self.parts if isinstance(part, ToolResult))

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        if self._words:
            return ()
        return tuple(part for part in self.parts if isinstance(part, Attachment))

    @property
    def plain(self) -> bool:
        """Whether it is words and nothing else."""
        return self._words or all(isinstance(part, Text) for part in self.parts)

    @property
    def _words(self) -> bool:
        """Whether it is one text, as nearly always: each line of a history is asked what it has besides."""
        parts = self.parts
        return len(parts) == 1 and type(parts[0]) is Text

    def to_json(self) -> Json:
        """Return it as data: its words as one text where it has one origin and nothing else."""
        out: Json = {"role": self.role}
        if len(self.parts) == 1 and isinstance(self.parts[0], Text):
            out["content"] = self.parts[0].text
            if origin := self.parts[0].origin:
                out["origin"] = origin
        else:
            out["content"] = [part.to_json() for part in self.parts]
        return out

    @classmethod
    def from_json(cls, data: Json) -> ChatMessage:
        """Read `to_json` back."""
        content = data["content"]
        if isinstance(content, str):
            return cls(data["role"], content, origin=data.get("origin", ""))
        return cls(data["role"], map(part_from_json, content))


def unloaded(line: ChatMessage) -> ChatMessage:
    """Return a line whose attachments are named, and hold no bytes: as a record keeps it."""
    if not any(part.data for part in line.attachments):
        return line
    parts = (replace(part, data=b"") if isinstance(part, Attachment) else part for part in line.parts)
    return ChatMessage(line.role, parts)


# --- calls and answers


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call. ``cached_tokens`` are a part of the input, ``reasoning_tokens`` of the output.

    ``cost`` is what the vendor itself says that it takes, in ``currency``; None where it says nothing.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost: float | None = None
    currency: str = ""

    def to_json(self) -> Json:
        out: Json = {"input_tokens": self.input_tokens, "output_tokens": self.output_tokens}
        told: dict[str, Any] = {
            "cached_tokens": self.cached_tokens,
            "reasoning_tokens": self.reasoning_tokens,
            "currency": self.currency,
        }
        out |= {key: value for key, value in told.items() if value}
        return out if self.cost is None else {**out, "cost": self.cost}


@dataclass(slots=True)
class Chunk:
    """A piece of a runner's or provider's stream.

    The last one has ``finish``, and with it ``usage``, the whole ``tool_calls``, the ``thoughts`` that have
    to go back with them, and ``notes`` for the trace: what was left out or cut, and why. ``afresh`` says that
    what all earlier pieces said was not the answer (thinking, or another provider's that broke off): it
    begins here.
    """

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    thoughts: tuple[Reasoning, ...] = ()
    finish: Finish = ""
    finish_word: str = ""  # the vendor's own, where it is another
    usage: Usage | None = None
    notes: Json = field(default_factory=dict)
    afresh: bool = False


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that a model may call; ``parameters`` is a JSON schema of an object."""

    name: str
    description: str = ""
    parameters: Json = field(default_factory=lambda: {"type": "object", "properties": {}})

    def to_json(self) -> Json:
        out: Json = {"name": self.name, "parameters": self.parameters}
        return {**out, "description": self.description} if self.description else out


@dataclass(slots=True)
class ChatRequest:
    """What a provider is asked. ``deadline`` is a time of ``anyio.current_time()``; 0 means the default."""

    messages: list[ChatMessage]
    model: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    stream: bool = False
    tools: tuple[Tool, ...] = ()
    tool_choice: str = ""  # auto (empty), none, required, or the name of a tool
    user: str = ""
    deadline: float = 0.0
    conversation: str = ""  # whose lines these are; what a vendor refused of it is remembered under this name
    #: Learns of each call before it leaves: where it goes, its body as JSON, the lines that it was made of.
    sending: Callable[[str, Json, Sequence[ChatMessage]], None] | None = field(
        default=None, compare=False, repr=False
    )

    def tell(self, url: str, body: Json) -> None:
        """Say that a call with this body leaves now."""
        if self.sending is not None:
            self.sending(url, body, self.messages)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a model can do. Sizes are tokens; 0 where nobody knows."""

    tools: bool = True
    images: bool = False
    files: bool = False
    audio: bool = False
    streaming: bool = True
    system_role: bool = True
    max_context: int = 0
    max_output: int = 0


#: Who leaves it before its end closes it (`contextlib.aclosing`), so that the call behind it ends too.
Chunks = AsyncGenerator[Chunk, None]
