"""The shapes of replays and forks, as plain data; see `mindbot.domain.shapes.turns`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NotRequired, TypeAlias, TypedDict

from mindbot.domain.shapes.turns import Json, RouteJson

#: By which configuration a turn is made again: today's, or as it went then.
ReplayMode: TypeAlias = Literal["now", "then"]
#: What became of a step in a replay: its recorded result was taken, it ran again, it was left out.
StepOutcome: TypeAlias = Literal["recorded", "re-run", "skipped"]


@dataclass(frozen=True, slots=True)
class ReplayOrder:
    """What an operator wants of a replay; see `mindbot.api.replay_models.ReplayTurn`."""

    from_stage: str = ""
    edits: Json = field(default_factory=dict)
    workflow: str = ""
    model: str = ""
    mode: ReplayMode = "now"
    recorded: bool = False
    reuse_approvals: bool = False
    send: bool = False
    #: Beside a turn that may be under way still, from its beginning; no breakpoint stops it.
    aside: bool = False


class ReplayPlan(TypedDict):
    """What a replay takes over of the turn ``of``, copied before it runs: they share nothing.

    ``memo`` are its recorded steps, in the order in which they were done; ``history`` what had been said
    before it, as lines of a prompt; ``instructions`` the lines that stood before those (None: today's);
    ``route`` where it goes (empty: that is decided anew); ``edits`` values by path, put in where
    ``from_stage`` is reached, a stage or a step (empty: at the top). ``aside``: no breakpoint stops it.
    """

    of: str
    mode: ReplayMode
    from_stage: str
    recorded: bool
    reuse_approvals: bool
    memo: Json
    aside: NotRequired[bool]
    history: list[Json]
    instructions: list[Json] | None
    route: RouteJson
    edits: Json


class StepJson(TypedDict):
    """A step of a replay; ``why`` says more where there is more to say."""

    kind: str
    name: str
    outcome: StepOutcome
    why: str


class SideJson(TypedDict):
    """One of two turns that are compared: ``config`` is the configuration it ran with, ``cost`` money in
    ``currency``, both empty or null where nobody knows."""

    turn: str
    config: str
    state: str
    reply: str
    reason: str
    runner: str
    workflow: str
    provider: str
    model: str
    tokens: int
    cost: float | None
    currency: str
    took_ms: float


class ReplayJson(TypedDict):
    """A replay beside its original; see `mindbot.api.replay_models.ReplayView`."""

    turn: str
    of: str
    mode: ReplayMode
    from_stage: str
    recorded: bool
    dry_run: bool
    same: bool
    steps: list[StepJson]
    original: SideJson
    replay: SideJson


class ForkedJson(TypedDict):
    """A sandbox that goes on from a moment of a session; see `mindbot.api.replay_models.Forked`."""

    session: str
    of: str
    at: str
    exchanges: int
    conversations: int
