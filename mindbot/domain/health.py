"""The daemon's health in a line: what is not well, how much fails, what did not arrive.

The daemon, the command line and the console say it from the same data, each in its own words and language.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mindbot.domain.saying import Say, english
from mindbot.domain.shapes.daemon import ComponentJson, FailingJson

#: Seconds that the share of failures is taken of.
WINDOW = 300.0
#: Seconds after which an answer that still waits to be sent is overdue.
LATE = 30.0
#: The share of the turns that ended lately from which on it is told that turns fail.
MUCH = 0.1

#: What a trouble is about, and so where its cause is shown.
About = Literal["bots", "parts", "providers", "workflows", "failing", "overdue", "undelivered", "dead"]

#: Before the names of components, and what these are.
_KINDS: Mapping[str, About] = {"bot": "bots", "provider": "providers", "workflow": "workflows"}
#: What one component, and what several of a kind are said to be, by state.
_ONE = {
    "failed": "{name} down",
    "degraded": "{name} degraded",
    "stopped": "{name} stopped",
    "starting": "{name} starting",
}
_MANY: Mapping[tuple[About, str], str] = {
    ("bots", "failed"): "{n} bots down",
    ("bots", "degraded"): "{n} bots degraded",
    ("bots", "stopped"): "{n} bots stopped",
    ("bots", "starting"): "{n} bots starting",
    ("providers", "failed"): "{n} providers down",
    ("providers", "degraded"): "{n} providers degraded",
    ("workflows", "failed"): "{n} workflows down",
    ("workflows", "degraded"): "{n} workflows degraded",
    ("parts", "failed"): "{n} parts down",
    ("parts", "degraded"): "{n} parts degraded",
    ("parts", "starting"): "{n} parts starting",
}
_FAILING, _OVERDUE = "{share} % failing", "{n} overdue"
_UNDELIVERED, _DEAD = "{n} undelivered", "{n} dead"
#: Every text that `Trouble.say` says, for whoever says it in another language.
TEXTS = (*_ONE.values(), *_MANY.values(), _FAILING, _OVERDUE, _UNDELIVERED, _DEAD)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong. ``names`` are those of components, without their kind.

    ``state`` is theirs; where it is about counts it is empty.
    """

    about: About
    text: str
    values: Mapping[str, object]
    names: tuple[str, ...] = field(default=())
    state: str = ""

    @property
    def grave(self) -> bool:
        """Whether it is more than a part that starts, or that an operator stopped."""
        return self.state not in ("starting", "stopped")

    def say(self, say: Say = english) -> str:
        """Return it in words."""
        return say(self.text, **self.values)


def troubles(
    not_ok: Sequence[ComponentJson], failing: FailingJson, undelivered: int, dead: int, overdue: int = 0
) -> list[Trouble]:
    """Return what is wrong, what matters most first."""
    parts = sorted(_of_components(not_ok), key=lambda each: each.state != "failed")
    found = [each for each in parts if each.grave]
    if much(failing):
        found.append(Trouble("failing", _FAILING, {"share": round(failing["share"] * 100)}))
    if overdue:
        found.append(Trouble("overdue", _OVERDUE, {"n": overdue}))
    if undelivered:
        found.append(Trouble("undelivered", _UNDELIVERED, {"n": undelivered}))
    if dead:
        found.append(Trouble("dead", _DEAD, {"n": dead}))
    return [*found, *(each for each in parts if not each.grave)]


def much(failing: FailingJson) -> bool:
    """Whether so many turns fail that an operator has to know."""
    return failing["failed"] > 0 and failing["share"] >= MUCH


def kind_of(component: str) -> tuple[About, str]:
    """Return what a component is, and its name among those of its kind."""
    kind, blank, name = component.partition(" ")
    return (_KINDS[kind], name) if blank and kind in _KINDS else ("parts", component)


def _of_components(not_ok: Sequence[ComponentJson]) -> Iterator[Trouble]:
    groups: dict[tuple[About, str], list[str]] = {}
    for each in not_ok:
        about, name = kind_of(each["component"])
        groups.setdefault((about, each["state"]), []).append(name)
    for (about, state), names in groups.items():
        text = _MANY.get((about, state))
        values: dict[str, Any] = {"n": len(names)}
        if len(names) == 1 or text is None:
            text, values = _ONE.get(state, "{name} degraded"), {"name": ", ".join(names)}
        yield Trouble(about, text, values, tuple(names), state)
