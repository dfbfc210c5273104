"""The shapes of rows about failures that have one cause; see `turns`."""

from __future__ import annotations

from typing import Literal, TypeAlias, TypedDict

from mindbot.domain.shapes.turns import SettledJson


class BundleJson(TypedDict):
    """Turns that failed, or answers that did not arrive (``undelivered``), for one cause.

    ``cause`` is without what differs from turn to turn, ``sample`` all words of the last one; ``people``
    wrote them, ``waiting`` of these have had no answer since. ``filter`` shows the turns.
    """

    id: str
    kind: Literal["failed", "undelivered"]
    component: str
    error: str
    cause: str
    sample: str
    turns: int
    people: int
    waiting: int
    since: float
    last: float
    filter: str


class SufferingJson(TypedDict):
    """Somebody whose turns are in a bundle, the last words first; ``since`` is the first of them."""

    platform: str
    bot: str
    session: str
    user: str
    user_name: str
    text: str
    since: float
    turns: list[str]
    waiting: bool


class OpenBundleJson(BundleJson):
    """A bundle with its people, those who wait longest first."""

    who: list[SufferingJson]


class FailuresJson(TypedDict):
    """The bundles of the last ``window_s`` seconds, those in which most people wait first.

    ``looked`` is how many turns they were made of; ``more`` were there.
    """

    window_s: float
    looked: int
    more: bool
    bundles: list[BundleJson]


#: What came of trying again: an answer that has arrived, none, or not known yet.
Outcome: TypeAlias = Literal["answered", "failed", "running"]


class RerunJson(TypedDict):
    """A turn, or a delivery of one, that was tried again, with what came of it and, of none, ``why``."""

    id: str
    turn: str
    outcome: Outcome
    why: str
    platform: str
    bot: str
    session: str
    user: str
    user_name: str
    text: str
    received: float


class RerunsJson(TypedDict):
    """What was tried again of a bundle in the last quarter of an hour; ``ended`` when none runs any more."""

    ended: bool
    reruns: list[RerunJson]


class RetriedBundleJson(TypedDict):
    """What came of trying each again; ``left`` are those that nobody waits for."""

    settled: list[SettledJson]
    left: int
