"""One answer being put together from what a vendor sends: what all wire families share of it. Pure.

A family's reader takes documents (`AnswerReader.take`), tells what each says (`AnswerReader.say`), calls
(`calls`), uses (`usage`) and why it ended (`ends`); this holds back half characters and possible tags of
thinking, keeps to the limits, and turns the vendor's words for an end into ours.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from mindbot.domain.chat import Chunk, Finish, Reasoning, Usage
from mindbot.domain.errors import (
    ContentFiltered,
    ContextOverflow,
    HistoryRefused,
    Overloaded,
    Truncated,
    VendorError,
)
from mindbot.domain.message import Json
from mindbot.providers.refusing.quoting import quoted
from mindbot.providers.shared.characters import Joiner
from mindbot.providers.shared.thinking import Thinking
from mindbot.providers.shared.tool_calls import ToolCalls

#: Bytes of UTF-8 that an answer may have, and how many times that everything beside it (thinking, arguments).
ANSWER_BYTES = 256 << 10
_BESIDE = 4
_LONGEST_WORD = 40  # characters of a finish reason nobody knows

#: Why answers end, in the words of all vendors. What is in neither table is ``other``.
_FINISH: Mapping[str, Finish] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "complete": "stop",
    "completed": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",  # Anthropic: a long turn is to be gone on with
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "requires_action": "tool_calls",  # Coze
    "content_filter": "content_filter",
    "sensitive": "content_filter",
    "safety": "content_filter",
    "image_safety": "content_filter",
    "prohibited_content": "content_filter",
    "blocklist": "content_filter",
    "recitation": "content_filter",
    "spii": "content_filter",
    "language": "content_filter",  # Gemini: one that it does not speak
    "image_prohibited_content": "content_filter",
    "image_recitation": "content_filter",
    "jailbreak": "content_filter",
    "model_armor": "content_filter",
    "refusal": "content_filter",
}
#: Finish reasons that mean a failure, whatever was said before.
FAILED: Mapping[str, type[VendorError]] = {
    "error": Overloaded,  # OpenRouter
    "failed": Overloaded,
    "server_error": Overloaded,
    "timeout": Overloaded,
    "insufficient_system_resource": Overloaded,  # DeepSeek
    "network_error": Overloaded,  # GLM
    "load": Overloaded,  # Ollama: the model was only loaded, or taken out of memory
    "unload": Overloaded,
    "malformed_function_call": Overloaded,  # Gemini
    "malformed_response": Overloaded,
    "missing_thought_signature": HistoryRefused,
    "unexpected_tool_call": Overloaded,
    "too_many_tool_calls": Overloaded,
    "abort": Truncated,  # vLLM, SGLang
    "aborted": Truncated,
    "cancelled": Truncated,
    "canceled": Truncated,
}
_NO_REASON = frozenset({"", "null", "none"})


class AnswerReader(ABC):
    """See the module; fed by `take`, then `rest` and `end`.

    ``complete`` is true once it is known why it ended; without that a stream was cut. No more of it should be
    read when it is ``over``, for it came whole, or ``full``: of ``limit`` bytes. ``hide`` is never shown,
    should the vendor echo it. ``hold``: see `Thinking`. ``keeps`` is the kind of vendor that wants its
    thinking back with the calls that it led to, as text; empty for all others.
    """

    #: What the vendor should have sent, for people.
    what: ClassVar[str] = "an answer"
    #: Whether documents come with the names of their events (`NamedDocument`).
    by_name: ClassVar[bool] = False

    def __init__(
        self, vendor: str, *, hide: str = "", limit: int = ANSWER_BYTES, hold: int = 0, keeps: str = ""
    ) -> None:
        self.full = self.over = False
        self.spoke = False
        self.unread = 0  # pieces that could not be read
        self.vendor = vendor
        self.hide = hide
        self.calls = ToolCalls()
        self.usage: Usage | None = None
        self.thoughts: list[Reasoning] = []  # those that have to go back
        self.notes: Json = {}
        #: What the vendor calls that which works on this answer there, until that has ended by itself.
        self.running: dict[str, str] = {}
        self._keeps = keeps
        self._kept: list[str] = []
        self._limit = limit
        self._said = 0  # bytes
        self._beside = 0  # characters of everything else
        self._reason = ""
        self._cut = ""
        self._thinking = Thinking(hold)
        self._text, self._reasoning = Joiner(), Joiner()

    @abstractmethod
    def take(self, doc: Any, *, streamed: bool = False) -> Chunk | None:
        """Take a document, whole or (``streamed``: surely) a piece; return what can be shown of it.

        Raises:
            VendorError: it reports a failure, alone or beside a piece of the answer.
        """

    def is_whole(self, doc: Any) -> bool:
        """Tell whether a document that comes alone is all of an answer, though it does not say so."""
        return False

    @property
    def complete(self) -> bool:
        return bool(self._reason)

    @property
    def failed(self) -> bool:
        """Whether the reason of its end is a failure."""
        return self._reason.lower() in FAILED

    @property
    def closed_unopened(self) -> bool:
        """Whether its thinking was only closed, not opened: the model's template does that."""
        return self._thinking.closed_unopened

    def say(self, text: str, thought: str = "") -> Chunk | None:
        """Add what a piece says and thinks; return what can be shown."""
        room = max(0, self._limit - self._said) + max(0, self._limit * _BESIDE - self._beside)
        over = len(text) + len(thought) > room
        # Where the server tells the two apart, no end tag is to be waited for.
        released = self._thinking.release().said if thought else ""
        piece = self._thinking.feed(self._text.feed(text[:room]))
        thought = piece.thought + self._reasoning.feed(thought[:room])
        chunk = self._shown(released + piece.said, thought, afresh=piece.afresh)
        if over and not self.full:
            self.cut(f"a piece of more than {room} characters")
        return chunk

    def anew(self, text: str) -> Chunk | None:
        """Put a text in the place of all that was said before."""
        self._thinking, self._text = Thinking(), Joiner()
        if not (self.spoke or text):
            return None
        return self._shown(text, "", afresh=True)

    def aside(self, characters: int) -> None:
        """Count what came beside the answer: arguments of calls."""
        self._beside += characters

    def ends(self, reason: Any) -> None:
        """Note why it ended, in the vendor's word, where that is one."""
        if isinstance(reason, str) and reason.lower() not in _NO_REASON:
            self._reason = quoted(reason, longest=_LONGEST_WORD)

    def stopped(self) -> None:
        """The end marker has come, with or without a reason."""
        if self.unread and not (self.spoke or self._beside or self._reason):
            raise self.garbage()
        self._reason = self._reason or "stop"

    def cut(self, why: str) -> None:
        """End it here, as ``length``; ``why`` is for the trace."""
        self.full = True
        self._reason, self._cut = "length", why

    def rest(self) -> Chunk | None:
        """Return what was held back of the text; nothing follows but the end.

        Raises:
            VendorError: the reason of its end is a failure.
        """
        reason = self._reason.lower()
        if failed := FAILED.get(reason):
            raise failed(f"{self.vendor}: gave up while answering ({reason})", code=reason)
        piece = self._thinking.feed(self._text.end())
        last = self._thinking.end(stopped=_FINISH.get(reason) == "stop")
        thought = piece.thought + last.thought + self._reasoning.end()
        return self._shown(piece.said + last.said, thought, afresh=piece.afresh or last.afresh)

    def end(self) -> Chunk:
        """Return the last chunk: finish, usage, the tool calls, and notes.

        Raises:
            ContentFiltered, ContextOverflow: the vendor stopped before it said anything.
        """
        calls = self.calls.whole()
        finish: Finish = _FINISH.get(self._reason.lower(), "other")
        if not (self.spoke or calls):
            if finish == "content_filter":
                raise ContentFiltered(f"{self.vendor}: refused to answer", code=self._reason)
            if self._reason == "model_context_window_exceeded":
                raise ContextOverflow(f"{self.vendor}: the prompt leaves no room", code=self._reason)
        if calls and finish == "stop":
            finish = "tool_calls"
        if calls and self._kept:
            self.thoughts.append(Reasoning("".join(self._kept), vendor=self._keeps))
        notes = {**self.notes, "unread": self.unread} if self.unread else dict(self.notes)
        return Chunk(
            tool_calls=calls,
            thoughts=tuple(self.thoughts),
            finish=finish,
            finish_word="" if self._reason.lower() == finish else self._reason,
            usage=self.usage,
            notes={**notes, "cut": self._cut} if self._cut else notes,
        )

    def garbage(self) -> Overloaded:
        """Return the error for an answer nobody can read."""
        return Overloaded(f"{self.vendor}: answered with something that is not {self.what}", code="garbage")

    @property
    def heard(self) -> bool:
        """Whether anything of an answer has come: text, thinking, or calls."""
        return self.spoke or bool(self._beside)

    def _shown(self, text: str, thought: str, *, afresh: bool) -> Chunk | None:
        """Return a chunk of it, within the limits."""
        if afresh:
            self._said = 0
        size = len(text.encode())
        if self._said + size > self._limit:
            text = text.encode()[: self._limit - self._said].decode(errors="ignore")
            size = self._limit - self._said
            self.cut(f"an answer over {self._limit} bytes")
        self._said += size
        self._beside += len(thought)
        if thought and self._keeps:
            self._kept.append(thought)
        if self._beside > self._limit * _BESIDE:
            self.cut(f"more than {self._limit * _BESIDE} characters beside the answer")
        if not (text or thought or afresh):
            return None
        self.spoke = bool(text) or (self.spoke and not afresh)
        return Chunk(text=text, reasoning=thought, afresh=afresh)
