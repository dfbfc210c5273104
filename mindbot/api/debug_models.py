"""What the local API says of breakpoints and parked turns, and takes, as JSON models."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from mindbot.api.models import Answer, Order
from mindbot.domain.message import Json

Place = Literal["before", "after", "error", "change"]
_FILTER = 4096  # characters


class BreakpointView(Answer):
    """Where turns stop. ``stage`` names a stage; with ``step`` (model, tool, node, workflow, …) or ``name`` a
    step inside of it. It stops ``on`` before or after it, at its error (of the kinds ``errors``; none: of
    any), or where what ``path`` names has changed; turns that ``filter`` lets through, from the ``hits``-th
    match on. With ``log`` it stops none and tells those words. ``lease`` is seconds, 0 for the setting.
    ``matched`` and ``stopped`` count. ``owner`` is the console that set it, ``cli``, or nobody."""

    id: str = ""
    stage: str = ""
    step: str = ""
    name: str = ""
    on: str = "before"
    filter: str = ""
    path: str = ""
    errors: list[str] = Field(default_factory=list)
    hits: int = 1
    log: str = ""
    lease: float = 0.0
    sticky: bool = False
    enabled: bool = True
    owner: str = ""
    matched: int = 0
    stopped: int = 0
    created: float = 0.0


class SetBreakpoint(Order):
    """A breakpoint to be set; see `BreakpointView`."""

    stage: str = Field("", max_length=100)
    step: str = Field("", max_length=100)
    name: str = Field("", max_length=200)
    on: Place = "before"
    filter: str = Field("", max_length=_FILTER)
    path: str = Field("", max_length=200)
    errors: list[str] = Field([], max_length=50)
    hits: int = Field(1, ge=1)
    log: str = Field("", max_length=2000)
    lease: float = Field(0.0, ge=0, le=86_400)
    sticky: bool = False
    enabled: bool = True


class ChangeBreakpoint(Order):
    """What is to change of a breakpoint; what is not said stays. Its counts begin anew."""

    stage: str | None = Field(None, max_length=100)
    step: str | None = Field(None, max_length=100)
    name: str | None = Field(None, max_length=200)
    on: Place | None = None
    filter: str | None = Field(None, max_length=_FILTER)
    path: str | None = Field(None, max_length=200)
    errors: list[str] | None = Field(None, max_length=50)
    hits: int | None = Field(None, ge=1)
    log: str | None = Field(None, max_length=2000)
    lease: float | None = Field(None, ge=0, le=86_400)
    sticky: bool | None = None
    enabled: bool | None = None


class ClearedBreakpoints(Answer):
    """The breakpoints that are gone."""

    ids: list[str] = Field(default_factory=list)


class FrameView(Answer):
    """A step that a parked turn stands in; ``on`` is inside, but for the last: before, after or error."""

    span: int = 0
    kind: str = ""
    name: str = ""
    on: str = ""


class ParkedView(Answer):
    """A turn that is held at a step: at a ``breakpoint``, or for the ``reason`` that it was to stop there
    (step, step-in, step-out, restart-stage). It goes on by itself at ``lease_until`` (Unix seconds), in
    ``lease_left`` seconds. ``revision`` counts what was changed of it. ``stack`` has the steps it stands in,
    outermost first."""

    turn: str = ""
    platform: str = ""
    bot: str = ""
    user: str = ""
    user_name: str = ""
    session: str = ""
    text: str = ""
    breakpoint: str = ""
    reason: str = ""
    on: str = ""
    span: int = 0
    kind: str = ""
    name: str = ""
    since: float = 0.0
    lease_until: float = 0.0
    lease_left: float = 0.0
    owner: str = ""
    revision: int = 0
    error: str = ""
    stack: list[FrameView] = Field(default_factory=list)


class FreedTurns(Answer):
    """The turns that go on."""

    turns: list[str] = Field(default_factory=list)


class ScopesView(Answer):
    """What a turn is at this moment, by scope: message, route, context, prompt, answer, reply, variables.
    ``writable`` are the paths that may be set while it is parked; ``revision`` counts the changes."""

    turn: str = ""
    parked: bool = False
    revision: int = 0
    writable: list[str] = Field(default_factory=list)
    scopes: Json = Field(default_factory=dict)


class EditScope(Order):
    """A value to be put at a path of a parked turn; of an old ``revision`` it is refused (409)."""

    path: str = Field(max_length=200)
    value: Any = None
    revision: int | None = None


class DebugAct(Order):
    """What is done with a parked turn; ``stage`` is for restart-stage: the innermost where it is empty."""

    revision: int | None = None
    stage: str = Field("", max_length=100)


class DebugAnswer(Order):
    """The operator's words, which the user gets in place of an answer."""

    text: str = Field(min_length=1, max_length=100_000)
    revision: int | None = None
