"""The shapes of what is rolled back of a session; see `mindbot.domain.shapes.turns`."""

from __future__ import annotations

from typing import TypedDict


class ExchangeJson(TypedDict):
    """What a user said and was answered; ``received`` is Unix seconds."""

    turn: str
    user: str
    text: str
    reply: str
    received: float


class AppConversationJson(TypedDict):
    """A conversation that an app keeps at its vendor. ``done``: it is another one from now on; else ``why``
    says why not."""

    workflow: str
    replica: str
    done: bool
    why: str


class RolledBackJson(TypedDict):
    """``exchanges`` are those that are no history any more (or, restored, are again), oldest first. Of a
    ``dry_run`` nothing was done."""

    session: str
    exchanges: list[ExchangeJson]
    conversations: list[AppConversationJson]
    dry_run: bool
