"""What a vendor refused of a conversation: how to ask it again with less, and not to begin so next time."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mindbot.domain import conversation
from mindbot.domain.chat import ChatMessage, ChatRequest
from mindbot.domain.errors import ContextOverflow, HistoryRefused, MindBotError
from mindbot.domain.message import Json
from mindbot.domain.turn import Clock

OF_THE_HISTORY = (ContextOverflow, HistoryRefused)

_KEPT = 5_000  # conversations whose refusals are remembered
_FOR = 3600.0  # seconds; then the whole is tried again: models change behind their names
_SMALLEST = 4  # a history that is too long at this part of itself is left out


@dataclass(frozen=True, slots=True)
class Ask:
    """A conversation as one provider is asked it: ``whole``, or less of it because of ``why``."""

    whole: ChatRequest
    history: int | None = None  # characters of history, at most
    system: bool = True  # whether the instructions have a line of their own
    why: str = ""
    too_long: int = 0  # characters of the shortest request that was refused for its length

    @property
    def request(self) -> ChatRequest:
        """What is sent: shaped last, so that whatever is history could be left out before."""
        messages = conversation.shaped(self.lines())
        if not self.system:
            messages = conversation.without_system(messages)
        return self.whole if messages is self.whole.messages else replace(self.whole, messages=messages)

    def lines(self) -> Sequence[ChatMessage]:
        """Return what is left of the whole, as it was said."""
        messages = self.whole.messages
        if self.history is None:
            return messages
        fixed = conversation.size(messages) - conversation.size(conversation.past(messages))
        return conversation.within(messages, fixed + self.history)

    def left_out(self) -> Json | None:
        """Return what the trace says of it; None when it is the whole."""
        if not self.why:
            return None
        before, after = conversation.past(self.whole.messages), conversation.past(self.lines())
        found: Json = {"why": self.why, "lines": len(before) - len(after)}
        found["characters"] = conversation.size(before) - conversation.size(after)
        if not self.system:
            found["system"] = "put before the first line of the user"
        return found

    def after(self, failure: MindBotError) -> Ask | None:
        """Return what to ask instead once this was refused; None when there is nothing to leave out.

        A history that is too long is tried at half, at a quarter, and left out; one whose roles are refused
        is left out; where there is none, or the vendor names it, the system line goes. Five calls at most.
        """
        lines = self.lines()
        past = conversation.size(conversation.past(lines))
        why = f"{failure.kind}: {failure.message}"
        if isinstance(failure, ContextOverflow):
            if not past:
                return None
            whole = conversation.size(conversation.past(self.whole.messages))
            less = past // 2 if past * _SMALLEST > whole else 0
            return replace(self, history=less, why=why, too_long=conversation.size(lines))
        system = self.system and any(m.role == "system" for m in lines)
        if system and (not past or "system" in failure.message.lower()):
            return replace(self, system=False, why=why)
        return replace(self, history=0, why=why) if past else None


@dataclass(slots=True)
class _Known:
    most: int | None  # characters of all lines; None for any number
    system: bool
    why: str
    until: float


class Refusals:
    """What helped after a refusal, known for an hour for each provider, model and conversation."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[tuple[str, str, str], _Known] = OrderedDict()

    def first(self, whole: ChatRequest, provider: str, model: str) -> Ask:
        """Return how to ask: the whole, or what this provider took of the conversation last."""
        key = provider, model, whole.conversation
        known = self._known.get(key)
        if known is None:
            return Ask(whole)
        if known.until < self._clock():
            del self._known[key]
            return Ask(whole)
        if known.most is None:
            return Ask(whole, None, known.system, known.why)
        past = conversation.size(conversation.past(whole.messages))
        room = known.most - (conversation.size(whole.messages) - past)
        if past <= room and known.system:
            return Ask(whole)
        return Ask(whole, max(0, room), known.system, known.why)

    def learn(self, took: Ask, provider: str, model: str) -> None:
        """Remember what a provider took after it had refused more."""
        most = None
        if took.too_long:
            # Somewhere between the two lies the limit: a short question must not make it a short history.
            most = max(conversation.size(took.lines()), took.too_long // 2)
        elif took.history is not None:
            most = 0
        key = provider, model, took.whole.conversation
        self._known[key] = _Known(most, took.system, took.why, self._clock() + _FOR)
        self._known.move_to_end(key)
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
