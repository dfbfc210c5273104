"""The shapes of what waits or is under way: turns in the inbox, deliveries in the outbox."""

from __future__ import annotations

from typing import Literal, TypedDict

#: Why something waits, or that it does not: a turn runs, a delivery is on the wire or still grows; else for a
#: slot (of all, or of its bot), behind another one of its session, for its next try, because the platform
#: asked its bot to keep quiet, because its bot is stopped or gone, to run alone, for room in memory, because
#: the daemon stops, or for nothing: it is about to begin.
Waits = Literal[
    "runs",
    "wire",
    "grows",
    "slots",
    "bot",
    "session",
    "retry",
    "quiet",
    "stopped",
    "gone",
    "alone",
    "disk",
    "stopping",
    "",
]


class QueuedJson(TypedDict):
    """A turn (``place`` inbox) or a delivery (outbox) that is not done.

    ``why`` it waits (`Waits`), behind which other one (``behind``) and how many are ``ahead``; ``at`` is the
    step that a turn is in; ``since`` when it came, ``next_at`` when it is tried again (Unix seconds).
    """

    id: str
    place: Literal["inbox", "outbox"]
    state: str
    why: Waits
    behind: str
    ahead: int
    at: str
    platform: str
    bot: str
    session: str
    user: str
    text: str
    attempts: int
    since: float
    next_at: float | None
    error: str


class QueueJson(TypedDict):
    """The oldest of what is not done; ``turns`` and ``deliveries`` count all of it that is in memory,
    ``disk`` says whether more turns wait on disk alone."""

    turns: int
    deliveries: int
    disk: bool
    queued: list[QueuedJson]
