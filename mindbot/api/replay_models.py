"""What the API says and takes of replays and forks; see `mindbot.api.models`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mindbot.api.models import Answer, Order
from mindbot.domain.message import Json


class ReplayTurn(Order):
    """How a turn is made again. ``from_stage`` is a stage, or a step that was remembered (empty: the top):
    what comes before takes its recorded results. ``edits`` are values by path, put in there: message.text,
    variables.NAME, route.runner, .workflow, .provider, .model. ``workflow`` or ``model`` (PROVIDER,
    PROVIDER/MODEL or MODEL) answers instead. ``mode`` now routes and composes by the configuration of today,
    then goes the way and has the words of then. ``recorded`` takes every step from the record and asks
    nobody. What a person decided is asked for again, unless ``reuse_approvals``. Without ``send`` nothing of
    it leaves the house. ``timeout`` is seconds."""

    from_stage: str = Field(default="", max_length=256)
    edits: Json = Field(default={}, max_length=50)
    workflow: str = Field(default="", max_length=128)
    model: str = Field(default="", max_length=256)
    mode: Literal["now", "then"] = "now"
    recorded: bool = False
    reuse_approvals: bool = False
    send: bool = False
    wait: bool = True
    timeout: float = Field(default=120.0, gt=0, le=3600, strict=False)


class ReplayStep(Answer):
    """A step of a replay; ``outcome`` is recorded (its result was taken), re-run or skipped."""

    kind: str = ""
    name: str = ""
    outcome: str = ""
    why: str = ""


class ReplaySide(Answer):
    """One of the two turns. ``config`` is the configuration it ran with: its number in its process, and what
    tells it from others. ``cost`` is money in ``currency``, null where nobody knows; ``took_ms`` without the
    time it waited for its turn."""

    turn: str = ""
    config: str = ""
    state: str = ""
    reply: str = ""
    reason: str = ""
    runner: str = ""
    workflow: str = ""
    provider: str = ""
    model: str = ""
    tokens: int = 0
    cost: float | None = None
    currency: str = ""
    took_ms: float = 0.0


class ReplayView(Answer):
    """A replay (``turn``) beside the turn that it makes again (``of``). ``same``: state and answer are."""

    turn: str = ""
    of: str = ""
    mode: str = ""
    from_stage: str = ""
    recorded: bool = False
    dry_run: bool = True
    same: bool = False
    steps: list[ReplayStep] = Field(default_factory=list)
    original: ReplaySide = ReplaySide()
    replay: ReplaySide = ReplaySide()


class ForkSession(Order):
    """From where a session is forked: ``at`` is its last turn that counts (empty: the last there is).
    ``conversations`` of workflows at their vendors begin anew (renew), or go on (copy): what the fork says
    is then part of the user's own conversation there."""

    at: str = Field(default="", max_length=64)
    conversations: Literal["renew", "copy"] = "renew"


class Forked(Answer):
    """A sandbox: what is said in ``session`` is answered as in the session ``of`` after the turn ``at``, and
    reaches nobody. ``exchanges`` were copied, and the ids of so many ``conversations``."""

    session: str = ""
    of: str = ""
    at: str = ""
    exchanges: int = 0
    conversations: int = 0
