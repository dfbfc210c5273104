"""What answers cost, and who is charged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from mindbot.domain.message import Message

#: By whom it is counted; ``all`` is everybody together, and ``model`` is a provider's model.
Spender = Literal["user", "group", "bot", "workflow", "provider", "model", "all"]

#: Money is counted in whole billionths, so that sums are exact whatever their order.
BILLION = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Payer:
    """For whom a model is asked; what is empty is not charged."""

    user: str = ""  # platform/sender
    group: str = ""  # platform/chat
    bot: str = ""  # platform/bot
    workflow: str = ""

    @classmethod
    def of(cls, message: Message, workflow: str = "") -> Payer:
        """Return whom an answer to a message is for."""
        m = message
        in_group = m.session.startswith(f"{m.platform}:{m.bot}:{m.chat}:")
        group = f"{m.platform}/{m.chat}" if in_group else ""
        return cls(f"{m.platform}/{m.sender}", group, f"{m.platform}/{m.bot}", workflow)


NOBODY = Payer()


class DaySpent(NamedTuple):
    """What somebody spent on a day (``2026-11-30``); ``money`` is in billionths of the budgets' currency."""

    by: Spender
    who: str
    day: str
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    money: int = 0

    def plus(self, other: DaySpent) -> DaySpent:
        """Return this sum with another's numbers added."""
        return DaySpent(
            self.by,
            self.who,
            self.day,
            self.calls + other.calls,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            self.money + other.money,
        )

    @property
    def tokens(self) -> int:
        """All of them, sent and answered."""
        return self.input_tokens + self.output_tokens
