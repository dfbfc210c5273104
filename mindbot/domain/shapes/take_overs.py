"""The shapes of sessions that operators have taken over."""

from __future__ import annotations

from typing import Literal, TypedDict

#: What becomes of an answer that is being made while its session is taken.
Running = Literal["draft", "finish", "drop"]


class TakenJson(TypedDict):
    """Who has a session, since when, and (``idle_at``) when it goes back by itself if nothing is said; null:
    never. ``waiting_since``: since when the user waits for the operator; null: not. All are Unix seconds."""

    session: str
    platform: str
    bot: str
    taken_by: str
    console: str
    taken_since: float
    waiting_since: float | None
    idle_at: float | None


class TakingJson(TakenJson):
    """A session was taken: ``running`` are the turns whose answers were being made, and ``on_the_way`` is how
    many messages of the bot go out all the same."""

    running: list[str]
    on_the_way: int


class SaidJson(TypedDict):
    """An operator's words are on disk; ``turn`` says them. ``left``: see `turns.SessionJson`."""

    session: str
    turn: str
    left: int | None


class HandedBackJson(TypedDict):
    """A session is the bot's again, or (``to``) with whom it was given to. ``waiting_since``: since when its
    user waits for words that nobody said."""

    session: str
    taken_by: str
    to: str
    waiting_since: float | None


class SessionEvent(TypedDict, total=False):
    """``session.taken``, ``session.said`` (its turn says what) and ``session.handed_back``, with ``why``."""

    session: str
    platform: str
    bot: str
    by: str
    console: str
    why: str
    waiting_since: float | None
