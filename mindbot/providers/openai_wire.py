"""OpenAI's chat completions, as data: request bodies out, answers and stream chunks in. Pure.

Source: OpenAI API reference, "Chat completions" and "Streaming". Servers that speak it with an accent are
understood: GLM (usage with the finish reason, ``sensitive``), vLLM (``reasoning``, usage on every chunk),
Ollama (argument objects, no call ids), Mistral (thinking as parts of the content), llama.cpp. What has a
shape nobody documented is left out and counted; it never costs the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mindbot.domain.chat import ChatMessage, ChatRequest, Chunk
from mindbot.domain.errors import ContentFiltered, ContextOverflow, Overloaded, Truncated, VendorError
from mindbot.domain.message import Json
from mindbot.providers.characters import Joiner
from mindbot.providers.errors import accuses, refusal_in_stream
from mindbot.providers.openai_parts import OF_THE_ANSWER, choice_of, is_piece, usage_of, words
from mindbot.providers.quoting import quoted
from mindbot.providers.thinking import Thinking
from mindbot.providers.tool_calls import ToolCalls

#: Bytes of UTF-8 that an answer may have, and how many times that everything beside it (thinking, arguments).
ANSWER_BYTES = 256 << 10
_BESIDE = 4
_LONGEST_WORD = 40  # characters of a finish reason nobody knows

_FINISH = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "complete": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "sensitive": "content_filter",
    "safety": "content_filter",
    "prohibited_content": "content_filter",
    "blocklist": "content_filter",
    "recitation": "content_filter",
    "spii": "content_filter",
    "refusal": "content_filter",
}
#: Finish reasons that mean a failure, whatever was said before.
_FAILED: dict[str, type[VendorError]] = {
    "error": Overloaded,  # OpenRouter
    "failed": Overloaded,
    "server_error": Overloaded,
    "timeout": Overloaded,
    "insufficient_system_resource": Overloaded,  # DeepSeek
    "network_error": Overloaded,  # GLM
    "malformed_function_call": Overloaded,  # Gemini
    "abort": Truncated,  # vLLM, SGLang
    "aborted": Truncated,
    "cancelled": Truncated,
    "canceled": Truncated,
}
_NO_REASON = frozenset({"", "null", "none"})


def request_body(request: ChatRequest, max_tokens_field: str) -> Json:
    """Return the body of a call; ``max_tokens_field`` is the name of the output limit."""
    body: Json = {"model": request.model, "messages": [_message(m) for m in request.messages]}
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.max_tokens is not None:
        body[max_tokens_field] = request.max_tokens
    if request.tools:
        body["tools"] = [{"type": "function", "function": tool} for tool in request.tools]
    if request.user:
        body["user"] = request.user
    if request.stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    return body


def _message(message: ChatMessage) -> Json:
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.content}
    if not message.tool_calls:
        return {"role": message.role, "content": message.content}
    calls = [
        {"type": "function", "id": c["id"], "function": {"name": c["name"], "arguments": c["arguments"]}}
        for c in message.tool_calls
    ]
    return {"role": message.role, "content": message.content or None, "tool_calls": calls}


class AnswerReader:
    """One answer being put together, from stream chunks (`feed`) or whole (`whole`), then `rest` and `end`.

    ``complete`` is true once it is known why it ended; without that a stream was cut. No more of it should be
    read when it is ``over``, for it came whole, or ``full``: of ``limit`` bytes. ``hold``: see `Thinking`.
    """

    def __init__(self, vendor: str, *, hide: str = "", limit: int = ANSWER_BYTES, hold: int = 0) -> None:
        self.full = self.over = False
        self._in_pieces = False
        self.spoke = False
        self.unread = 0  # pieces that could not be read
        self._vendor = vendor
        self._hide = hide  # never shown, should the vendor echo it
        self._limit = limit
        self._said = 0  # bytes
        self._beside = 0  # characters of everything else
        self._reason = ""
        self._cut = ""
        self._usage: Json = {}
        self._calls = ToolCalls()
        self._thinking = Thinking(hold)
        self._text, self._reasoning = Joiner(), Joiner()
        self._by_delta: set[str] = set()  # what of the answer has come piece by piece

    @property
    def complete(self) -> bool:
        return bool(self._reason)

    @property
    def _answered(self) -> bool:
        """Whether there is an answer that has come to a good end: nothing that follows can undo it."""
        good = self.complete and self._reason.lower() not in _FAILED
        return good and ("text" in self._by_delta or bool(self._calls))

    @property
    def closed_unopened(self) -> bool:
        """Whether its thinking was only closed, not opened: the model's template does that."""
        return self._thinking.closed_unopened

    def take(self, doc: Any, *, streamed: bool = False) -> Chunk | None:
        """Take a document, whole or (some servers write each on a line, without events) a piece.

        Raises like `feed`.
        """
        self._in_pieces = self._in_pieces or streamed or is_piece(doc)
        return self.feed(doc) if self._in_pieces else self.whole(doc)

    def feed(self, doc: Any) -> Chunk | None:
        """Take one stream chunk; return what can be shown of it.

        Raises:
            VendorError: it reports a failure, alone or beside a piece of the answer.
        """
        if not isinstance(doc, dict):
            self.unread += doc is not None  # null is some gateways' keep-alive
            return None
        if accuses(doc):
            if self._answered:  # a gateway's trouble with its own books costs nobody the answer
                self.unread += 1
                return None
            raise refusal_in_stream(self._vendor, doc, hide=self._hide)
        if usage := usage_of(doc.get("usage")):
            self._usage = usage
        choice = choice_of(doc)
        if choice is None:
            self.unread += bool(doc.get("choices"))
            return None
        return self._take(choice)

    def whole(self, doc: Any) -> Chunk | None:
        """Take an answer that came in one piece; return its text. Raises like `feed`."""
        if isinstance(doc, list) and doc:
            doc = doc[0]
        if not isinstance(doc, dict) or (choice_of(doc) is None and not accuses(doc)):
            raise self.garbage()
        chunk = self.feed(doc)
        self._reason = self._reason or "stop"
        self.over = True
        return chunk

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
        if failed := _FAILED.get(self._reason.lower()):
            reason = self._reason.lower()
            raise failed(f"{self._vendor}: gave up while answering ({reason})", code=reason)
        piece = self._thinking.feed(self._text.end())
        stopped = _FINISH.get(self._reason.lower()) == "stop"
        last = self._thinking.end(stopped=stopped)
        thought = piece.thought + last.thought + self._reasoning.end()
        return self._shown(piece.said + last.said, thought, afresh=piece.afresh or last.afresh)

    def end(self) -> Chunk:
        """Return the last chunk: finish, usage, the tool calls, and notes.

        Raises:
            ContentFiltered, ContextOverflow: the vendor stopped before it said anything.
        """
        calls = self._calls.whole()
        finish = _FINISH.get(self._reason.lower(), self._reason)
        if not (self.spoke or calls):
            if finish == "content_filter":
                raise ContentFiltered(f"{self._vendor}: refused to answer", code=self._reason)
            if self._reason == "model_context_window_exceeded":
                raise ContextOverflow(f"{self._vendor}: the prompt leaves no room", code=self._reason)
        if calls and finish == "stop":
            finish = "tool_calls"
        notes = {"unread": self.unread} if self.unread else {}
        return Chunk(
            tool_calls=calls,
            finish=finish,
            usage=self._usage,
            notes={**notes, "cut": self._cut} if self._cut else notes,
        )

    def garbage(self) -> Overloaded:
        """Return the error for an answer nobody can read."""
        return Overloaded(
            f"{self._vendor}: answered with something that is not a chat completion", code="garbage"
        )

    def _take(self, choice: Mapping[str, Any]) -> Chunk | None:
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason.lower() not in _NO_REASON:
            self._reason = quoted(reason, longest=_LONGEST_WORD)
        said = self._fields(choice)
        if calls := said.get("tool_calls") or said.get("function_call"):
            self._beside += self._calls.feed(calls)
        told = words(said.get("content") or said.get("refusal"))
        more = words(said.get("reasoning_content") or said.get("reasoning") or said.get("thinking"))
        self.unread += told.left_out or more.left_out
        text, thought = told.said, told.thought + more.said + more.thought
        room = self._room
        over = len(text) + len(thought) > room
        # Where the server tells the two apart, no end tag is to be waited for.
        released = self._thinking.release().said if thought else ""
        piece = self._thinking.feed(self._text.feed(text[:room]))
        thought = piece.thought + self._reasoning.feed(thought[:room])
        chunk = self._shown(released + piece.said, thought, afresh=piece.afresh)
        if over and not self.full:
            self.cut(f"a piece of more than {room} characters")
        return chunk

    def _fields(self, choice: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what a choice says now.

        A ``message``, or the ``text`` of older completions, is all of it: MiniMax ends its streams with one,
        and who has read the deltas has read it.
        """
        delta = choice.get("delta")
        if isinstance(delta, dict) and any(map(delta.get, OF_THE_ANSWER)):
            self._by_delta.update(kind for name, kind in OF_THE_ANSWER.items() if delta.get(name))
            return delta
        message = choice.get("message")
        if not isinstance(message, dict):
            message = {"content": choice.get("text")}
        return {name: message.get(name) for name, kind in OF_THE_ANSWER.items() if kind not in self._by_delta}

    @property
    def _room(self) -> int:
        """How many characters more, said or thought, an answer within its limits can have."""
        return max(0, self._limit - self._said) + max(0, self._limit * _BESIDE - self._beside)

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
        if self._beside > self._limit * _BESIDE:
            self.cut(f"more than {self._limit * _BESIDE} characters beside the answer")
        if not (text or thought or afresh):
            return None
        self.spoke = bool(text) or (self.spoke and not afresh)
        return Chunk(text=text, reasoning=thought, afresh=afresh)
