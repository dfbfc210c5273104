"""Answers of Gemini's generateContent, whole, as events, or as one array. Pure.

Source: Google AI for Developers, API reference, "GenerateContentResponse". Each piece of a stream is a
response with a part of the answer; calls come whole; what is told of tokens grows. A prompt that is blocked
is answered with HTTP 200 and no candidate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from mindbot.domain.chat import Chunk, ToolCall, Usage
from mindbot.domain.errors import ContentFiltered
from mindbot.domain.ports.answering import Embedding
from mindbot.providers.errors import accuses, refusal_in_stream
from mindbot.providers.refusing.quoting import quoted
from mindbot.providers.refusing.refusals import HINTS
from mindbot.providers.shared.answer import AnswerReader
from mindbot.providers.shared.counts import count
from mindbot.providers.shared.embedding import numbers
from mindbot.providers.shared.tool_calls import as_json
from mindbot.providers.wires.gemini_request import VENDOR

_MOST = 10_000  # responses of an array, and parts of one
_COUNTS = (
    "promptTokenCount",
    "toolUsePromptTokenCount",
    "candidatesTokenCount",
    "thoughtsTokenCount",
    "cachedContentTokenCount",
)
_NO_REASON = "FINISH_REASON_UNSPECIFIED"


class GeminiAnswer(AnswerReader):
    """One answer."""

    what: ClassVar[str] = "generated content"

    def __init__(self, vendor: str, **more: Any) -> None:
        super().__init__(vendor, **more)
        self._tokens: dict[str, Any] = {}  # what was told of them last
        self._came = False

    def is_whole(self, doc: Any) -> bool:
        """Tell whether a document holds candidates: the reason may be missing."""
        docs = doc if isinstance(doc, list) else [doc]
        return any(isinstance(each, dict) and _first(each.get("candidates")) is not None for each in docs)

    def take(self, doc: Any, *, streamed: bool = False) -> Chunk | None:
        """Take a response, or an array of them; return what can be shown.

        Raises:
            VendorError: it reports a failure; `ContentFiltered` where the prompt is blocked.
        """
        said: list[str] = []
        thought: list[str] = []
        for each in doc[:_MOST] if isinstance(doc, list) else [doc]:
            if isinstance(each, dict):
                self._take(each, said, thought)
            else:
                self.unread += each is not None
        if not streamed:
            self.over = self.complete
        return self.say("".join(said), "".join(thought))

    def _take(self, doc: Mapping[str, Any], said: list[str], thought: list[str]) -> None:
        if accuses(doc):
            if self.complete and not self.failed and self._came:
                self.unread += 1  # the answer is there: nothing that follows can undo it
                return
            raise refusal_in_stream(self.vendor, doc, hide=self.hide)
        self._use(doc.get("usageMetadata"))
        candidate = _first(doc.get("candidates"))
        if candidate is None:
            self._blocked(doc.get("promptFeedback"))
            self.unread += not ("candidates" in doc or "usageMetadata" in doc)
            return
        content = candidate.get("content")
        parts = content.get("parts") if isinstance(content, dict) else None
        for part in parts[:_MOST] if isinstance(parts, list) else ():
            if isinstance(part, dict):
                self._came = True
                self._part(part, said, thought)
        if (reason := candidate.get("finishReason")) != _NO_REASON:
            self.ends(reason)
        if isinstance(why := candidate.get("finishMessage"), str) and why:
            self.notes["finish_message"] = quoted(why, self.hide)

    def _part(self, part: Mapping[str, Any], said: list[str], thought: list[str]) -> None:
        if isinstance(text := part.get("text"), str):
            (thought if part.get("thought") is True else said).append(text)
        if isinstance(call := part.get("functionCall"), dict):
            signature = part.get("thoughtSignature")
            signature = signature if isinstance(signature, str) else ""
            arguments = as_json(args) if isinstance(args := call.get("args"), dict) else "{}"
            asked = ToolCall(_word(call, "id"), _word(call, "name"), arguments, signature, VENDOR)
            self.aside(self.calls.add(asked) + len(signature))

    def _blocked(self, feedback: Any) -> None:
        reason = feedback.get("blockReason") if isinstance(feedback, dict) else None
        if isinstance(reason, str) and reason:
            code = quoted(reason, self.hide, longest=40)
            hint = HINTS[ContentFiltered]
            raise ContentFiltered(f"{self.vendor}: the prompt is blocked ({code})", hint=hint, code=code)

    def _use(self, usage: Any) -> None:
        """Take what is told of tokens: sums, of which the latest count."""
        if isinstance(usage, dict):
            self._tokens |= {name: told for name in _COUNTS if (told := usage.get(name)) is not None}

    def end(self) -> Chunk:
        """Return the last chunk; see `AnswerReader.end`."""
        found = {name: number for name, told in self._tokens.items() if (number := count(told)) is not None}
        if found:
            asked, tools, told, thoughts, cached = (found.get(name, 0) for name in _COUNTS)
            self.usage = Usage(
                asked + tools, told + thoughts, cached_tokens=cached, reasoning_tokens=thoughts
            )
        return super().end()


def _first(candidates: Any) -> Mapping[str, Any] | None:
    each = candidates if isinstance(candidates, list) else []
    return next((candidate for candidate in each if isinstance(candidate, dict)), None)


def _word(call: Mapping[str, Any], name: str) -> str:
    value = call.get(name)
    return value if isinstance(value, str) else ""


def vectors(doc: Any) -> Embedding:
    """Return the vectors of ``batchEmbedContents``, in the order of the texts; nothing is told of tokens."""
    found = doc.get("embeddings") if isinstance(doc, dict) else None
    each = found if isinstance(found, list) else []
    return Embedding([numbers(one.get("values")) if isinstance(one, dict) else [] for one in each])
