"""A conversation as vendors want it who let only the user and the assistant speak, in turns. Pure.

Anthropic and Gemini put the results of tools into the user's turn. They refuse a request where a call has no
result, a result no call, or where words stand before results; ids have to be unique and plain. A conversation
that another vendor's model began, or that was cut, is none of that.

Sources: Anthropic, "Messages" and "Tool use"; Google AI for Developers, "Function calling".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from mindbot.domain.chat import Attachment, ChatMessage, ChatPart, Reasoning, Text, ToolCall, ToolResult
from mindbot.domain.conversation import WORDLESS, wordless

#: Said of a call that nothing is known to have come of.
NO_RESULT = "no result is known"
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(slots=True)
class _Asked:
    """A call, the id it had in the conversation, and what came of it."""

    call: ToolCall
    id: str
    result: ToolResult | None = None


@dataclass(slots=True)
class _Spoken:
    """One turn. ``answers`` are the calls whose results it begins with."""

    role: Literal["user", "assistant"]
    answers: list[_Asked] = field(default_factory=list)
    parts: list[ChatPart] = field(default_factory=list)

    def say(self, parts: Sequence[ChatPart]) -> None:
        if self.parts:
            self.parts.append(Text("\n"))
        self.parts += parts

    def line(self) -> ChatMessage:
        results = [
            each.result or ToolResult(each.call.id, each.call.name, NO_RESULT, failed=True)
            for each in self.answers
        ]
        return ChatMessage(self.role, (*results, *_joined(self.parts)))


def alternating(messages: Sequence[ChatMessage], vendor: str) -> tuple[str, list[ChatMessage]]:
    """Return the instructions, and the lines of user and assistant in turns, the user first.

    A line of the user that follows calls begins with a result for each, in their order. Thoughts and
    signatures of others than ``vendor`` are left out. Texts that stand together are one. The assistant has
    the last word only where its line is the last: it may be the beginning of the answer that is wanted.
    """
    system = [message.content for message in messages if message.role == "system"]
    turns = _Turns(vendor)
    for message in messages:
        if message.role == "assistant":
            turns.assistant(message.parts)
        elif message.role != "system":
            turns.user(message.parts)
    last = next((message.role for message in reversed(messages) if message.role != "system"), "user")
    lines = turns.lines()
    if lines[-1].role == "assistant" and last != "assistant":  # what came after it says nothing
        lines.append(ChatMessage("user", WORDLESS))
    return "\n\n".join(text for text in system if not wordless(text)), lines


class _Turns:
    """The turns so far."""

    def __init__(self, vendor: str) -> None:
        self._vendor = vendor
        self._turns: list[_Spoken] = []
        self._ids: set[str] = set()
        self._asked: list[_Asked] = []  # by the assistant's last turn

    def assistant(self, parts: Iterable[ChatPart]) -> None:
        said: list[ChatPart] = []
        asked: list[_Asked] = []
        for part in parts:
            match part:
                case ToolCall():
                    asked.append(_Asked(self._own(part), part.id))
                    said.append(asked[-1].call)
                case Reasoning() if part.vendor == self._vendor and (part.signature or part.sealed):
                    said.append(part)
                case Text():
                    said.append(part)
                case Attachment():
                    said.append(Text(f"[{part.kind} {part.name}]".replace(" ]", "]"), part.origin))
        if _tells(said):
            self._turn("assistant").say(said)
            self._asked = asked

    def user(self, parts: Iterable[ChatPart]) -> None:
        said: list[ChatPart] = []
        for part in parts:
            if isinstance(part, ToolResult):
                if not self._answered(part):
                    said.append(Text(f"[{part.name or 'a tool'}: {part.text}]"))
            elif isinstance(part, Text | Attachment):
                said.append(part)
        if _tells(said):
            self._turn("user").say(said)

    def lines(self) -> list[ChatMessage]:
        """Return them all."""
        if self._asked:
            self._turn("user")
        found = [turn.line() for turn in self._turns]
        if not found or found[0].role == "assistant":
            found.insert(0, ChatMessage("user", WORDLESS))
        return found

    def _turn(self, role: Literal["user", "assistant"]) -> _Spoken:
        """Return the turn that goes on, or a new one: calls end their turn, and results begin the next."""
        if role == "assistant" and self._asked:
            self._turn("user")
        if not self._turns or self._turns[-1].role != role:
            self._turns.append(_Spoken(role))
            if role == "user":
                self._turns[-1].answers = self._asked
                self._asked = []
        return self._turns[-1]

    def _own(self, call: ToolCall) -> ToolCall:
        """Return a call with an id that no other has, and with no signature but the vendor's."""
        id_, number = call.id, len(self._ids)
        while id_ in self._ids or not _PLAIN_ID.fullmatch(id_):
            id_, number = f"call_{number}", number + 1
        self._ids.add(id_)
        signed = call.signature if call.vendor == self._vendor else ""
        return replace(call, id=id_, signature=signed, vendor=self._vendor if signed else "")

    def _answered(self, result: ToolResult) -> bool:
        """Note the result of a call; false when no call waits for it."""
        if not self._asked and not (self._turns and self._turns[-1].answers):
            return False
        waiting = (each for each in self._turn("user").answers if each.result is None)
        found = next((each for each in waiting if each.id == result.id), None)
        if found is None:
            return False
        found.result = replace(result, id=found.call.id, name=found.call.name)
        return True


def _tells(parts: Iterable[ChatPart]) -> bool:
    """Tell whether there is anything in it but blanks."""
    return any(not (isinstance(part, Text) and wordless(part.text)) for part in parts)


def _joined(parts: Iterable[ChatPart]) -> list[ChatPart]:
    """Join the texts that stand together; what has no words is left out."""
    out: list[ChatPart] = []
    for part in parts:
        if isinstance(part, Text) and out and isinstance(before := out[-1], Text):
            out[-1] = Text(before.text + part.text, before.origin)
        else:
            out.append(part)
    return [part for part in out if not (isinstance(part, Text) and wordless(part.text))]
