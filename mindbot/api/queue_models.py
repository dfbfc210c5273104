"""What the local API says of what is not done, as JSON models."""

from __future__ import annotations

from pydantic import Field

from mindbot.api.models import Answer


class QueuedView(Answer):
    """A turn (``place`` inbox) or a delivery (outbox) that is not done.

    ``why``: runs, wire (on its way to the platform), grows (its turn writes it still), or what it waits for:
    slots, bot (its bot has its share), session (``behind`` which, how many are ``ahead``), retry and quiet
    (till ``next_at``), stopped (its bot), gone (its bot), alone, disk, stopping. ``at`` is the step a turn is
    in. Times are Unix seconds.
    """

    id: str = ""
    place: str = ""
    state: str = ""
    why: str = ""
    behind: str = ""
    ahead: int = 0
    at: str = ""
    platform: str = ""
    bot: str = ""
    session: str = ""
    user: str = ""
    text: str = ""
    attempts: int = 0
    since: float = 0.0
    next_at: float | None = None
    error: str = ""


class QueueView(Answer):
    """The oldest turns and deliveries that are not done; ``turns`` and ``deliveries`` count all of them in
    memory, ``disk`` says whether more turns wait on disk alone."""

    turns: int = 0
    deliveries: int = 0
    disk: bool = False
    queued: list[QueuedView] = Field(default_factory=list)
