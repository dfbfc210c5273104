"""The verbs of simulators: what can be asked of one under ``/_sim/``.

A verb is a function of the simulator and its parameters. It stands beside the simulator, which does not know
it: `mindbot.sim.catalog` brings them together.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from pydantic import TypeAdapter

from mindbot.domain.message import Json
from mindbot.sim.phones import ShownMessage
from mindbot.sim.server import Control, need
from mindbot.sim.traffic import Sending, TrafficPlan, run

S = TypeVar("S")
R = TypeVar("R")

#: Carries out one verb on a simulator.
Verb = Callable[[S, Json], Awaitable[Json]]


class Verbs(Generic[S]):
    """The verbs of one kind of simulator, by method and path."""

    def __init__(self, *also: Verbs[Any]) -> None:
        """``also`` are verbs it has besides; its own come before them."""
        self._verbs: dict[str, Verb[Any]] = {}
        for each in also:
            self._verbs |= each._verbs

    def __call__(self, method: str, name: str) -> Callable[[Verb[S]], Verb[S]]:
        """Take the decorated function as ``METHOD /_sim/NAME``."""

        def take(verb: Verb[S]) -> Verb[S]:
            self._verbs[f"{method} /_sim/{name}"] = verb
            return verb

        return take

    def of(self, simulator: S) -> Mapping[str, Control]:
        """Return the verbs of one simulator."""
        return {route: partial(verb, simulator) for route, verb in self._verbs.items()}


class Peopled(Sending, Protocol):
    """A simulator whose users write, and see what is written to them."""

    def inbox(self, user: str, /) -> list[ShownMessage]: ...


#: What all simulators of platforms can be asked.
PEOPLE = Verbs[Peopled]()


@PEOPLE("GET", "inbox")
async def _inbox(sim: Peopled, params: Json) -> Json:
    shown = sim.inbox(need(params, "user"))
    return {"messages": [message.to_json() for message in shown[int(params.get("since", 0)) :]]}


@PEOPLE("GET", "users")
async def _users(sim: Peopled, params: Json) -> Json:
    return {"users": sim.phones.users()}


@PEOPLE("POST", "traffic")
async def _traffic(sim: Peopled, params: Json) -> Json:
    return (await run(TrafficPlan.model_validate(params), sim)).to_json()


#: What simulators can be asked that call a URL.
CALLING = Verbs[Peopled](PEOPLE)


@CALLING("POST", "callback")
async def _callback(sim: Peopled, params: Json) -> Json:
    sim.callback_url = need(params, "url")
    return {"url": sim.callback_url}


def changed(rules: R, changes: Json) -> R:
    """Return a dataclass of rules with some of them changed; raises TypeError, ValueError."""
    found: R = TypeAdapter(type(rules)).validate_python(asdict(replace(rules, **changes)))  # type: ignore[call-overload, type-var]
    return found


def shown(rules: object) -> Json:
    """Return a dataclass of rules as JSON."""
    found: Json = TypeAdapter(type(rules)).dump_python(rules, mode="json")
    return found
