"""OpenAI's chat completions, as data: request bodies out, answers and stream chunks in. Pure.

Source: OpenAI API reference, "Chat completions" and "Streaming". Servers that speak it with an accent are
understood: GLM (usage with the finish reason, ``sensitive``), vLLM (``reasoning``, usage on every chunk),
Ollama (argument objects, no call ids), Mistral (thinking as parts of the content), llama.cpp. What has a
shape nobody documented is left out and counted; it never costs the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from mindbot.domain.chat import Chunk
from mindbot.providers.errors import accuses, refusal_in_stream
from mindbot.providers.shared.answer import AnswerReader
from mindbot.providers.wires.openai_parts import (
    OF_THE_ANSWER,
    choice_of,
    has_message,
    is_piece,
    usage_of,
    words,
)


class OpenAIAnswer(AnswerReader):
    """An answer of chat completions, from stream chunks (`feed`) or whole (`whole`)."""

    what: ClassVar[str] = "a chat completion"

    def __init__(self, vendor: str, **more: Any) -> None:
        super().__init__(vendor, **more)
        self._in_pieces = False
        self._by_delta: set[str] = set()  # what of the answer has come piece by piece

    @property
    def _answered(self) -> bool:
        """Whether there is an answer that has come to a good end: nothing that follows can undo it."""
        good = self.complete and not self.failed
        return good and ("text" in self._by_delta or bool(self.calls))

    def is_whole(self, doc: Any) -> bool:
        """Tell whether a document holds a ``message``: its reason may be missing."""
        return has_message(doc)

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
            raise refusal_in_stream(self.vendor, doc, hide=self.hide)
        if usage := usage_of(doc.get("usage")):
            self.usage = usage
        choice = choice_of(doc)
        if choice and (usage := usage_of(choice.get("usage"))):  # Moonshot
            self.usage = usage
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
        if not self.complete:
            self.ends("stop")
        self.over = True
        return chunk

    def _take(self, choice: Mapping[str, Any]) -> Chunk | None:
        self.ends(choice.get("finish_reason"))
        said = self._fields(choice)
        if calls := said.get("tool_calls") or said.get("function_call"):
            self.aside(self.calls.feed(calls))
        told = words(said.get("content") or said.get("refusal"))
        more = words(said.get("reasoning_content") or said.get("reasoning") or said.get("thinking"))
        self.unread += told.left_out or more.left_out
        return self.say(told.said, told.thought + more.said + more.thought)

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
