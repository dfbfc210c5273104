"""The daemon's health in a line: what is not well, how much fails, what did not arrive.

The daemon, the command line and the console say it from the same data, each in its own words and language.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mindbot.domain.saying import Say, ago, english
from mindbot.domain.shapes.daemon import ComponentJson, FailingJson, SlowJson, WaitingJson

#: Seconds that the share of failures is taken of.
WINDOW = 300.0
#: Seconds after which an answer that no attempt failed of is told to wait: the first may hang.
LATE = 30.0
#: The share of the turns that ended lately from which on it is told that turns fail.
MUCH = 0.1
#: Seconds from which on an answer that could not be sent is told to wait: a user begins to ask again. One
#: retry that helps is over by then.
WAITS = 10.0
#: Seconds that no answer may wait: whoever asked is gone by then.
TOO_LONG = 60.0
#: Seconds from which on a turn that says nothing is told to be slow: models think for so long at most, and
#: calls of them end at 60 seconds.
SLOW = 20.0
#: What is told of a daemon that says nothing of it.
NONE_WAIT: WaitingJson = {"answers": 0, "oldest_s": 0.0}
NONE_SLOW: SlowJson = {"turns": 0, "oldest_s": 0.0}

#: What a trouble is about, and so where its cause is shown.
About = Literal[
    "bots", "parts", "providers", "workflows", "failing", "waiting", "slow", "undelivered", "dead"
]

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
_FAILING, _UNDELIVERED, _DEAD = "{share} % failing", "{n} undelivered", "{n} dead"
_WAITING = "1 answer waits · {oldest}", "{n} answers wait · oldest {oldest}"
_SLOW = "1 turn runs · {oldest}", "{n} turns run · oldest {oldest}"
#: Every text that `Trouble.say` says, for whoever says it in another language.
TEXTS = (*_ONE.values(), *_MANY.values(), _FAILING, *_WAITING, *_SLOW, _UNDELIVERED, _DEAD)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong. ``names`` are those of components, without their kind.

    ``state`` is theirs; where it is about counts it is empty. ``oldest``: seconds of the longest delay.
    """

    about: About
    text: str
    values: Mapping[str, object]
    names: tuple[str, ...] = field(default=())
    state: str = ""
    mild: bool = False
    oldest: float | None = None

    @property
    def grave(self) -> bool:
        """Whether it is more than a delay, a part that starts, or one that an operator stopped."""
        return not self.mild and self.state not in ("starting", "stopped")

    def say(self, say: Say = english) -> str:
        """Return it in words."""
        if self.oldest is None:
            return say(self.text, **self.values)
        return say(self.text, **self.values, oldest=ago(self.oldest, say))


def troubles(
    not_ok: Sequence[ComponentJson],
    failing: FailingJson,
    undelivered: int,
    dead: int,
    *,
    waiting: WaitingJson = NONE_WAIT,
    slow: SlowJson = NONE_SLOW,
) -> list[Trouble]:
    """Return what is wrong, what matters most first."""
    parts = sorted(_of_components(not_ok), key=lambda each: each.state != "failed")
    found = [each for each in parts if each.grave]
    if much(failing):
        found.append(Trouble("failing", _FAILING, {"share": round(failing["share"] * 100)}))
    late: list[Trouble] = []
    if waiting["answers"]:
        mild = waiting["oldest_s"] < TOO_LONG
        (late if mild else found).append(
            _delayed("waiting", _WAITING, waiting["answers"], waiting["oldest_s"], mild=mild)
        )
    if slow["turns"]:
        late.append(_delayed("slow", _SLOW, slow["turns"], slow["oldest_s"], mild=True))
    if undelivered:
        found.append(Trouble("undelivered", _UNDELIVERED, {"n": undelivered}))
    if dead:
        found.append(Trouble("dead", _DEAD, {"n": dead}))
    return [*found, *late, *(each for each in parts if not each.grave)]


def _delayed(about: About, texts: tuple[str, str], n: int, oldest: float, *, mild: bool) -> Trouble:
    text = texts[0] if n == 1 else texts[1]
    return Trouble(about, text, {"n": n}, mild=mild, oldest=oldest)


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
