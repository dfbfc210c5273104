"""What the local API says of sessions that operators have taken over; see `mindbot.api.models`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from mindbot.api.models import Answer, Order


class TakenSessionView(Answer):
    """Who answers in the bot's place, since when, and (``idle_at``) when the session goes back to the bot if
    they say nothing until then; null: never. ``console`` is where they sit; ``waiting_since``: since when the
    user waits for them; null: not. All times are Unix seconds."""

    session: str = ""
    platform: str = ""
    bot: str = ""
    taken_by: str = ""
    console: str = ""
    taken_since: float = 0.0
    waiting_since: float | None = None
    idle_at: float | None = None


class TakingOver(TakenSessionView):
    """A session was taken: ``running`` are the turns whose answers were being made, and ``on_the_way`` is how
    many messages of the bot go out all the same, before the operator's words."""

    running: list[str] = Field(default=[])
    on_the_way: int = 0


class OperatorsWords(Answer):
    """An operator's words are on disk; ``turn`` says them, and its deliveries tell how they fare. ``left`` is
    how many more may be said until the user writes again; null where there is no such limit."""

    session: str = ""
    turn: str = ""
    left: int | None = None


class HandedBack(Answer):
    """A session is the bot's again, or (``to``) with whom it was given to. ``waiting_since``: since when its
    user waits for words that nobody said."""

    session: str = ""
    taken_by: str = ""
    to: str = ""
    waiting_since: float | None = None


class TakeSession(Order):
    """Takes a session. An answer that is being made becomes a ``draft`` that the operator alone sees, is said
    after all (``finish``), or ended (``drop``). With ``force`` also from another operator."""

    running: Literal["draft", "finish", "drop"] = "draft"
    force: bool = False


class SayWords(Order):
    """What the bot is to say: a text, or ``files`` by their ids of the media store, or both. A second order
    with the same ``key`` says nothing."""

    text: str = Field(default="", max_length=100_000)
    files: list[str] = Field(default=[], max_length=20)
    key: str = Field(default="", max_length=64)

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.text.strip() and not self.files:
            raise ValueError("text or files must say something")
        return self


class HandBack(Order):
    """Whom a session goes to: the ``bot``, or where the platform has people, ``pool``, ``end`` or a person's
    user id. With ``force`` also one that another operator has."""

    to: str = Field("bot", min_length=1, max_length=128)
    force: bool = False
