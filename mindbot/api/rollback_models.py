"""What the local API says of rollbacks; see `mindbot.api.models`."""

from __future__ import annotations

from pydantic import Field

from mindbot.api.models import Answer, Order


class ExchangeView(Answer):
    """What a user said and was answered; ``received`` is Unix seconds."""

    turn: str = ""
    user: str = ""
    text: str = ""
    reply: str = ""
    received: float = 0.0


class AppConversationView(Answer):
    """A conversation that an app keeps at its vendor. ``done``: it is another one from now on; else ``why``
    says why not."""

    workflow: str = ""
    replica: str = ""
    done: bool = False
    why: str = ""


class RolledBackView(Answer):
    """``exchanges`` are those that are no history any more (or, restored, are again), oldest first. Of a
    ``dry_run`` nothing was done."""

    session: str = ""
    exchanges: list[ExchangeView] = Field(default_factory=list)
    conversations: list[AppConversationView] = Field(default_factory=list)
    dry_run: bool = False


class RollBack(Order):
    """How many of the last ``exchanges`` a bot is to forget. ``turns`` are those that somebody was shown
    before: where it would be others by now nothing is done. ``dry_run`` tells, and does nothing."""

    exchanges: int = Field(1, ge=1, le=100)
    turns: list[str] = Field(default_factory=list, max_length=100)
    dry_run: bool = False
