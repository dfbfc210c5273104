"""A bot: an adapter with what it can do, looked up once when it is built and not for each message."""

from __future__ import annotations

from dataclasses import dataclass

from mindbot.domain import abilities
from mindbot.domain.delivery import Delivery
from mindbot.domain.ports.platform import Platform, Remembers, Webhook


@dataclass(frozen=True, slots=True)
class Bot:
    """One configured instance of a platform. An ability is the adapter itself, or None where it has none."""

    adapter: Platform
    local: bool  # what it is given to send has arrived: the row in the outbox is the delivery
    webhook: Webhook | None
    remembers: Remembers | None
    streams: abilities.Streams | None
    ends_whole: abilities.EndsWhole | None
    repeats: abilities.Repeats | None
    takes_back: abilities.TakesBack | None
    fetches: abilities.Fetches | None
    attended: abilities.Attended | None
    transfers: abilities.Transfers | None
    holds: abilities.Holds | None
    greets: abilities.Greets | None
    answers_in_time: abilities.AnswersInTime | None
    rationed: abilities.Rationed | None
    merges: abilities.Merges | None
    tests: abilities.Tests | None
    describes: abilities.Describes | None
    people: abilities.People | None
    places: abilities.Places | None
    groups: abilities.Groups | None

    @classmethod
    def of(cls, adapter: Platform) -> Bot:
        """Look up what an adapter can do."""
        can = {name: adapter if isinstance(adapter, kind) else None for name, kind in _ABILITIES.items()}
        return cls(adapter, bool(getattr(adapter, "local", False)), **can)  # type: ignore[arg-type]

    @property
    def platform(self) -> str:
        """The name of its platform."""
        return self.adapter.name

    @property
    def name(self) -> str:
        """Its own name among the bots of its platform."""
        return self.adapter.bot

    @property
    def key(self) -> tuple[str, str]:
        """Platform and name, which no other bot has."""
        return self.adapter.name, self.adapter.bot

    @property
    def component(self) -> str:
        """Its name among the components whose health is watched."""
        return f"bot {self.adapter.name}/{self.adapter.bot}"

    def recognises(self, delivery: Delivery) -> bool:
        """Tell whether the platform knows a second send of a delivery again, and shows nothing twice."""
        return self.adapter.idempotent or (self.repeats is not None and self.repeats.repeatable(delivery))


_ABILITIES: dict[str, type] = {
    "webhook": Webhook,
    "remembers": Remembers,
    "streams": abilities.Streams,
    "ends_whole": abilities.EndsWhole,
    "repeats": abilities.Repeats,
    "takes_back": abilities.TakesBack,
    "fetches": abilities.Fetches,
    "attended": abilities.Attended,
    "transfers": abilities.Transfers,
    "holds": abilities.Holds,
    "greets": abilities.Greets,
    "answers_in_time": abilities.AnswersInTime,
    "rationed": abilities.Rationed,
    "merges": abilities.Merges,
    "tests": abilities.Tests,
    "describes": abilities.Describes,
    "people": abilities.People,
    "places": abilities.Places,
    "groups": abilities.Groups,
}
