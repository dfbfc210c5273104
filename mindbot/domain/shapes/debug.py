"""The shapes of rows about turns that are stopped and looked at; see `turns`. Times are Unix seconds."""

from __future__ import annotations

from typing import Literal, TypeAlias, TypedDict

from mindbot.domain.shapes.turns import Json

#: Where at a step a breakpoint stops a turn.
StopsAt: TypeAlias = Literal["before", "after", "error", "change"]

#: What an operator does with a turn that is parked.
Action: TypeAlias = Literal["resume", "step", "step-in", "step-out", "drop", "restart-stage", "answer"]


class WantedBreakpointJson(TypedDict):
    """What whoever sets a breakpoint says of it; see `mindbot.debug.breakpoints.Breakpoint`."""

    stage: str
    step: str
    name: str
    on: str
    filter: str
    path: str
    errors: list[str]
    hits: int
    log: str
    lease: float
    sticky: bool
    enabled: bool


class BreakpointJson(WantedBreakpointJson):
    """A breakpoint, whose it is, and how often it was met."""

    id: str
    owner: str
    matched: int
    stopped: int
    created: float


class FrameJson(TypedDict):
    """A step that a parked turn stands in."""

    span: int
    kind: str
    name: str
    on: str


class ParkedJson(TypedDict):
    """A turn that is parked: where, why, until when; ``stack`` are the steps around it, outermost first."""

    turn: str
    platform: str
    bot: str
    user: str
    user_name: str
    session: str
    text: str
    breakpoint: str
    reason: str
    on: str
    span: int
    kind: str
    name: str
    since: float
    lease_until: float
    lease_left: float
    owner: str
    revision: int
    error: str
    stack: list[FrameJson]


class ScopesJson(TypedDict):
    """What a turn is at this moment, in parts; ``writable`` are the paths that may be set while parked."""

    turn: str
    parked: bool
    revision: int
    writable: list[str]
    scopes: Json


class FreedJson(TypedDict):
    """The turns that go on."""

    turns: list[str]


class ClearedBreakpointsJson(TypedDict):
    """The breakpoints that are gone."""

    ids: list[str]
