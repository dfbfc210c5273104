"""Answers of Anthropic's Messages, whole and as events. Pure.

Source: Anthropic API reference, "Messages" and "Streaming Messages". What an event is, its ``type`` says;
types that nobody knows are passed over, as the reference asks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from mindbot.domain.chat import Chunk, Reasoning, Usage
from mindbot.domain.message import Json
from mindbot.providers.errors import accuses, refusal_in_stream
from mindbot.providers.refusing.quoting import quoted
from mindbot.providers.shared.answer import AnswerReader
from mindbot.providers.shared.characters import joined
from mindbot.providers.shared.counts import count
from mindbot.providers.shared.tool_calls import as_json
from mindbot.providers.wires.anthropic_request import VENDOR

_MOST_BLOCKS = 10_000
_INPUT = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


@dataclass(slots=True)
class _Thought:
    """A block of thinking; ``sealed`` where the thinking itself is not shown."""

    text: list[str] = field(default_factory=list)
    signature: str = ""
    sealed: str = ""


class AnthropicAnswer(AnswerReader):
    """One message, from events or whole."""

    what: ClassVar[str] = "a message"

    def __init__(self, vendor: str, **more: Any) -> None:
        super().__init__(vendor, **more)
        self._in_pieces = False
        self._tokens: dict[str, int] = {}
        self._own: dict[int, _Thought] = {}  # by the number of the block
        #: Calls by the number of the block: the arguments they began with, until a piece of some comes.
        self._asked: dict[int, Json | None] = {}

    @property
    def _answered(self) -> bool:
        """Whether there is an answer that has come to a good end: nothing that follows can undo it."""
        return self.complete and not self.failed and (self._in_pieces or self.heard)

    def is_whole(self, doc: Any) -> bool:
        """Tell whether a document holds the content of a message."""
        return isinstance(doc, dict) and isinstance(doc.get("content"), list)

    def take(self, doc: Any, *, streamed: bool = False) -> Chunk | None:
        """Take an event or a whole message; return what can be shown of it.

        Raises:
            VendorError: it reports a failure.
        """
        if not isinstance(doc, dict):
            self.unread += doc is not None
            return None
        if accuses(doc):
            if self._answered:
                self.unread += 1
                return None
            raise refusal_in_stream(self.vendor, doc, hide=self.hide)
        match doc.get("type"):
            case "content_block_delta":
                return self._delta(_number(doc), _object(doc.get("delta")))
            case "content_block_start":
                return self._block(_number(doc), _object(doc.get("content_block")))
            case "message_start":
                self._use(_object(doc.get("message")).get("usage"))
            case "message_delta":
                self._use(doc.get("usage"))
                self._ends(_object(doc.get("delta")))
            case "message_stop":
                self._settle()
                self.stopped()
                self.over = True
            case _ if self.is_whole(doc):
                return self._whole(doc)
            case str():
                pass  # ping, content_block_stop, and what is yet to come
            case _:
                self.unread += 1
        return None

    def _whole(self, doc: Mapping[str, Any]) -> Chunk | None:
        """Take a message. Who has read its pieces has read it: it tells how it ends and what it took."""
        said: list[str] = []
        thought: list[str] = []
        for number, each in enumerate([] if self._in_pieces else doc["content"][:_MOST_BLOCKS]):
            block = _object(each)
            self._begin(number, block)
            said.append(_text(block, "text"))
            thought.append(_text(block, "thinking"))
        chunk = self.say("".join(said), "".join(thought))
        self._use(doc.get("usage"))
        self._ends(doc)
        if not self.complete:
            self.ends("end_turn")
        self.over = True
        return chunk

    def _block(self, number: int, block: Mapping[str, Any]) -> Chunk | None:
        self._in_pieces = True
        self._begin(number, block)
        return self.say(_text(block, "text"), _text(block, "thinking"))

    def _begin(self, number: int, block: Mapping[str, Any]) -> None:
        """Take the head of a block: all but its text and its thinking, which are said."""
        match block.get("type"):
            case "tool_use" if _text(block, "name") and len(self._asked) < _MOST_BLOCKS:
                self._asked[number] = _object(block.get("input"))
                call = {"index": number, "id": block.get("id"), "function": {"name": block.get("name")}}
                self.calls.feed(call)
            case "thinking" if len(self._own) < _MOST_BLOCKS:
                thought = [_text(block, "thinking")]
                self._own[number] = _Thought(thought, signature=_text(block, "signature"))
                self.aside(len(self._own[number].signature))
            case "redacted_thinking" if len(self._own) < _MOST_BLOCKS:
                self._own[number] = _Thought(sealed=_text(block, "data"))
                self.aside(len(self._own[number].sealed))

    def _delta(self, number: int, delta: Mapping[str, Any]) -> Chunk | None:
        said = thought = ""
        self._in_pieces = True
        match delta.get("type"):
            case "text_delta":
                said = _text(delta, "text")
            case "thinking_delta":
                thought = _text(delta, "thinking")
                if number in self._own:
                    self._own[number].text.append(thought)
            case "signature_delta":
                if number in self._own:
                    self._own[number].signature += _text(delta, "signature")
                    self.aside(len(_text(delta, "signature")))
            case "input_json_delta":
                piece = _text(delta, "partial_json")
                if piece and number in self._asked:
                    self._asked[number] = None
                    self.aside(self.calls.feed({"index": number, "function": {"arguments": piece}}))
        return self.say(said, thought)

    def _ends(self, doc: Mapping[str, Any]) -> None:
        self.ends(doc.get("stop_reason"))
        details = _object(doc.get("stop_details"))
        if why := details.get("explanation") or details.get("category"):
            self.notes["refusal"] = quoted(str(why), self.hide)
        self._settle()

    def _settle(self) -> None:
        """Give calls without a piece of arguments those they began with, and keep the signed thoughts."""
        for number, begun in self._asked.items():
            if begun is not None:
                self.aside(self.calls.feed({"index": number, "function": {"arguments": as_json(begun)}}))
                self._asked[number] = None
        self.thoughts = [
            Reasoning(joined("".join(each.text)), joined(each.signature), joined(each.sealed), VENDOR)
            for each in self._own.values()
            if each.signature or each.sealed
        ]

    def _use(self, usage: Any) -> None:
        """Take what is told of tokens: sums, of which the latest count; a number that is missing stands."""
        told = _object(usage)
        details = _object(told.get("output_tokens_details"))
        found = {name: count(told.get(name)) for name in (*_INPUT, "output_tokens")}
        found["thinking_tokens"] = count(details.get("thinking_tokens"))
        self._tokens |= {name: number for name, number in found.items() if number is not None}
        if self._tokens:
            self.usage = Usage(
                sum(self._tokens.get(name, 0) for name in _INPUT),
                self._tokens.get("output_tokens", 0),
                cached_tokens=self._tokens.get("cache_read_input_tokens", 0),
                reasoning_tokens=self._tokens.get("thinking_tokens", 0),
            )


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _text(block: Mapping[str, Any], name: str) -> str:
    value = block.get(name)
    return value if isinstance(value, str) else ""


def _number(doc: Mapping[str, Any]) -> int:
    number = doc.get("index")
    return number if isinstance(number, int) else 0
