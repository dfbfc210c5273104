"""What a model is asked, and the pieces in which it answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from mindbot.domain.message import Json


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
    origin: str = ""  # where it is from: the system prompt, the history, the message

    def to_json(self) -> Json:
        out: Json = {"role": self.role, "content": self.content}
        if self.tool_calls:
            out["tool_calls"] = self.tool_calls
        if self.tool_call_id:
            out["tool_call_id"] = self.tool_call_id
        if self.origin:
            out["origin"] = self.origin
        return out

    @classmethod
    def from_json(cls, data: Json) -> ChatMessage:
        """Read `to_json` back."""
        return cls(
            data["role"],
            data["content"],
            data.get("tool_calls", []),
            data.get("tool_call_id", ""),
            data.get("origin", ""),
        )


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
