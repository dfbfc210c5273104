"""What the local API says of failures by their cause, as JSON models."""

from __future__ import annotations

from pydantic import Field

from mindbot.api.models import Answer, SettledLetter


class BundleView(Answer):
    """Turns that failed, or answers that did not arrive (``kind``: failed, undelivered), for one cause.

    ``cause`` is without what differs from turn to turn, ``sample`` all words of the last one; ``people``
    wrote them, ``waiting`` of these have had no answer since. ``filter`` shows the turns. Times are Unix
    seconds.
    """

    id: str = ""
    kind: str = ""
    component: str = ""
    error: str = ""
    cause: str = ""
    sample: str = ""
    turns: int = 0
    people: int = 0
    waiting: int = 0
    since: float = 0.0
    last: float = 0.0
    filter: str = ""


class SufferingView(Answer):
    """Somebody whose ``turns`` are in a bundle; ``text`` is of the last of them, ``since`` the first."""

    platform: str = ""
    bot: str = ""
    session: str = ""
    user: str = ""
    user_name: str = ""
    text: str = ""
    since: float = 0.0
    turns: list[str] = Field(default_factory=list)
    waiting: bool = False


class OpenBundleView(BundleView):
    """A bundle with its people, those who wait longest first."""

    who: list[SufferingView] = Field(default_factory=list)


class FailuresView(Answer):
    """The bundles of the last ``window_s`` seconds, those in which most people wait first.

    ``looked`` is how many turns they were made of; ``more`` were there.
    """

    window_s: float = 0.0
    looked: int = 0
    more: bool = False
    bundles: list[BundleView] = Field(default_factory=list)


class RerunView(Answer):
    """A turn, or a delivery of one, that was tried again: its ``outcome`` is answered (it has arrived),
    failed (``why`` says it) or running."""

    id: str = ""
    turn: str = ""
    outcome: str = ""
    why: str = ""
    platform: str = ""
    bot: str = ""
    session: str = ""
    user: str = ""
    user_name: str = ""
    text: str = ""
    received: float = 0.0


class RerunsView(Answer):
    """What was tried again of a bundle in the last quarter of an hour; ``ended`` when none runs any more."""

    ended: bool = True
    reruns: list[RerunView] = Field(default_factory=list)


class RetriedBundle(Answer):
    """What came of trying each again; ``left`` are those that nobody waits for."""

    settled: list[SettledLetter] = Field(default_factory=list)
    left: int = 0
