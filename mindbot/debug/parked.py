"""A turn under the debugger: the stages it stands in, how it goes on, and where it is parked."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import anyio

from mindbot.domain.errors import Invalid
from mindbot.domain.shapes.debug import FrameJson, ParkedJson
from mindbot.domain.span import Span
from mindbot.domain.turn import STAGE, Snapshot, Turn
from mindbot.telemetry.redaction import redactor

_SHOWN = 300  # characters of a message in a list


class Unwound(BaseException):
    """Leaves what a turn stands in, up to the stage that its operator means; task groups wrap it."""


@dataclass(slots=True, eq=False)
class StageFrame:
    """A stage that a turn stands in. ``before`` is what the turn was when it began (but for its steps),
    ``known`` which results were remembered by then."""

    span: Span
    before: Snapshot
    known: tuple[str, ...]


@dataclass(slots=True, eq=False)
class Parked:
    """A turn that is held: where, why, until when (Unix s). ``go`` lets it go on, as ``action`` says."""

    held: HeldTurn
    span: Span
    on: str
    reason: str
    breakpoint: str
    owner: str
    until: float
    error: str = ""
    since: float = field(default_factory=time.time)
    go: anyio.Event = field(default_factory=anyio.Event)
    action: str = ""
    by: str = ""

    def leave(self, action: str, by: str) -> None:
        """Let it go on."""
        self.action, self.by = action, by
        self.held.parked = None
        self.go.set()

    def to_json(self) -> ParkedJson:
        """Return it as a list shows it, with what is secret in it masked."""
        turn, message = self.held.turn, self.held.turn.message
        text = redactor.registered(message.said)
        person = turn.vars.get("user")
        return {
            "turn": turn.id,
            "platform": message.platform,
            "bot": message.bot,
            "user": message.sender,
            "user_name": str(person.get("name") or "") if isinstance(person, dict) else "",
            "session": message.session,
            "text": text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…",
            "breakpoint": self.breakpoint,
            "reason": self.reason,
            "on": self.on,
            "span": self.span.id,
            "kind": self.span.kind,
            "name": self.span.name,
            "since": self.since,
            "lease_until": self.until,
            "lease_left": round(max(0.0, self.until - time.time()), 3),
            "owner": self.owner,
            "revision": self.held.revision,
            "error": self.error,
            "stack": self.held.stack(self.span, self.on),
        }


@dataclass(slots=True, eq=False)
class HeldTurn:
    """What the debugger knows of a turn that began while breakpoints were set.

    ``frames`` are the stages it stands in, outermost first. ``mode`` is how it was told to go on (a step),
    and ``outside`` the stage at whose end a step-out stops. ``target`` is the stage to which all inside of it
    is left, to be run once more; with ``ending``, which makes of the turn what it ends as, no stage begins.
    """

    turn: Turn
    frames: list[StageFrame] = field(default_factory=list)
    #: Where it is held; of steps side by side one is at a time, the others wait for that.
    parked: Parked | None = None
    revision: int = 0
    mode: str = ""
    by: str = ""
    outside: int = 0
    target: StageFrame | None = None
    ending: Callable[[Turn], None] | None = None
    #: By breakpoint: what its path held last, and the error it stopped at last.
    seen: dict[str, str] = field(default_factory=dict)
    met: dict[str, BaseException] = field(default_factory=dict)

    @property
    def leaving(self) -> bool:
        """Whether it stops nowhere: it ends, or leaves what it stands in."""
        return self.ending is not None or self.target is not None

    def enter(self, span: Span) -> StageFrame:
        """Begin a stage. What has not changed since the one around it began is kept once."""
        turn, outer = self.turn, self.frames[-1] if self.frames else None
        before = outer.before if outer is not None and _is_as(turn, outer.before) else turn.snapshot()
        known = tuple(turn.memo)
        frame = StageFrame(span, before, outer.known if outer is not None and outer.known == known else known)
        self.frames.append(frame)
        return frame

    def arrives(self, frame: StageFrame, error: BaseException) -> bool:
        """Tell whether an error is its leaving what it stands in, and this is where it was to come to.

        Where a stage runs again, the turn is made what it was when that began, and what was remembered since
        is forgotten. What fails on the way is of no more interest.
        """
        if self.target is not frame or not (isinstance(error, Exception) or _unwinds(error)):
            return False
        self.target = None
        if self.ending is None:
            turn, span = self.turn, frame.span
            turn.restore(replace(frame.before, spans=span.id, innermost=span.id))
            turn.state = "running"
            for key in turn.memo.keys() - set(frame.known):
                del turn.memo[key]
            span.data["restarted"] = span.data.get("restarted", 0) + 1
        return True

    def stage_of(self, span: Span) -> str:
        """Return the innermost stage around a step, or itself."""
        if span.kind == STAGE:
            return span.name
        return self.frames[-1].span.name if self.frames else ""

    def stack(self, span: Span, on: str) -> list[FrameJson]:
        """Return the steps around one and itself, outermost first."""
        spans, found = self.turn.spans, [span]
        while (parent := found[-1].parent) > 0:
            found.append(spans[parent - 1])
        return [
            {"span": s.id, "kind": s.kind, "name": s.name, "on": on if s is span else "inside"}
            for s in reversed(found)
        ]

    def steps_to(self, mode: str, span: Span, on: str, by: str) -> None:
        """Go on and stop again where ``mode`` says; empty: at the next breakpoint."""
        self.mode, self.by, self.outside = mode, by, 0
        if mode == "step-out":
            around = [f.span.id for f in self.frames if not (f.span is span and on in ("after", "error"))]
            self.outside = around[-1] if around else 0

    def restart(self, stage: str, span: Span, on: str, by: str) -> None:
        """Have a stage that it stands in run again, the innermost where none is named; it stops before it.

        Raises:
            Invalid: it stands in no such stage.
        """
        found = next((f for f in reversed(self.frames) if stage in ("", f.span.name)), None)
        if found is None:
            inside = ", ".join(f.span.name for f in self.frames)
            raise Invalid(f"it does not stand in a stage {stage!r}", hint=f"it stands in: {inside}")
        self.steps_to("restart-stage", span, on, by)
        self.target = found

    def end_with(self, ending: Callable[[Turn], None]) -> None:
        """Let it end at once as ``ending`` makes it: no stage but the outermost, which writes its end."""
        self.mode, self.ending = "", ending
        if len(self.frames) > 1:
            self.target = self.frames[1]

    def stops_at(self, span: Span, on: str) -> bool:
        """Tell whether a step that was asked for ends here."""
        ends = on in ("after", "error")
        match self.mode:
            case "step" | "restart-stage":
                return span.kind == STAGE
            case "step-in":
                return not ends or span.kind == STAGE
            case "step-out":
                return ends and span.id == self.outside
        return False


def _is_as(turn: Turn, then: Snapshot) -> bool:
    """Tell whether a turn is what it was, but for its steps."""
    return (
        turn.message is then.message
        and turn.vars == then.vars
        and turn.route == then.route
        and (tuple(turn.history), tuple(turn.prompt)) == (then.history, then.prompt)
        and (tuple(turn.reply.parts), turn.reason) == (then.parts, then.reason)
    )


def _unwinds(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return error.subgroup(Unwound) is not None
    return isinstance(error, Unwound)
