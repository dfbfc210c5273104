"""An answer of one of LangChain's chat models, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from mindbot.domain.chat import Chunk, Reasoning, ToolCall, Usage
from mindbot.domain.errors import Truncated
from mindbot.domain.plain import dumps
from mindbot.providers.shared.answer import AnswerReader
from mindbot.providers.shared.counts import count

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

#: Vendors whose packages end a stream that was cut as if it had been whole: without a reason it was.
_TELL_WHY = frozenset({"openai", "anthropic", "google_genai", "ollama", "mistralai", "groq", "deepseek"})
_REASONS = ("finish_reason", "stop_reason", "done_reason")
_THINKING = frozenset({"thinking", "redacted_thinking", "reasoning"})


class LangChainAnswer(AnswerReader):
    """An answer of a chat model, from its message chunks or its message."""

    what: ClassVar[str] = "a message of LangChain's"

    def __init__(self, vendor: str, *, vendor_kind: str = "", **more: Any) -> None:
        super().__init__(vendor, **more)
        self._kind = vendor_kind
        self._whole: Any = None  # the sum of all pieces: their calls and thoughts are whole in it
        self._streamed = False

    def take(self, doc: Any, *, streamed: bool = False) -> Chunk | None:
        """Take a message or a chunk of one; return what can be shown of it."""
        self._streamed = streamed
        self._whole = doc if self._whole is None else self._whole + doc
        about = doc.response_metadata or {}
        self.ends(
            next((about[k] for k in ("finish_reason", "stop_reason", "done_reason") if about.get(k)), "")
        )
        thought = str(doc.additional_kwargs.get("reasoning_content") or "")
        if not isinstance(doc.content, str):
            blocks = [b for b in doc.content if isinstance(b, dict)]
            thought += "".join(str(b.get("thinking") or b.get("reasoning") or "") for b in blocks)
        return self.say(str(doc.text), thought)

    def close(self) -> None:
        """No more follows: note the calls, the usage, and whether it was cut.

        Raises:
            Truncated: it was.
        """
        if self._whole is None:
            raise Truncated(f"{self.vendor}: the stream ended without an end", code="cut")
        for call in self._calls_of(self._whole):
            self.aside(self.calls.add(call))
        self.usage = _usage_of(self._whole.usage_metadata)
        if not isinstance(self._whole.content, str):
            self.thoughts += [
                Reasoning(sealed=dumps(block).decode(), vendor=self._kind)
                for block in self._whole.content
                if isinstance(block, dict)
                and block.get("type") in ("thinking", "redacted_thinking", "reasoning")
            ]
        if not self.complete:
            provider = str((self._whole.response_metadata or {}).get("model_provider") or "")
            if self._streamed and provider in _TELL_WHY and not self.calls:
                raise Truncated(f"{self.vendor}: the stream ended without an end", code="cut")
            self.ends("stop")

    def _calls_of(self, message: AIMessage) -> tuple[ToolCall, ...]:
        from mindbot.providers.langchain.lines import calls_of

        return calls_of(message)


def _usage_of(usage: Any) -> Usage | None:
    if not usage:
        return None
    asked, told = count(usage.get("input_tokens")), count(usage.get("output_tokens"))
    if asked is None and told is None:
        return None
    return Usage(
        asked or 0,
        told or 0,
        cached_tokens=count((usage.get("input_token_details") or {}).get("cache_read")) or 0,
        reasoning_tokens=count((usage.get("output_token_details") or {}).get("reasoning")) or 0,
    )
