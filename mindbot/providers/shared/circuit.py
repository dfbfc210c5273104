"""Whether somebody may be asked: the circuit breaker, pure; clocks are Unix seconds.

A circuit is *closed* while its calls go well, *open* until a moment when they do not, and then *half-open*:
one call proves how it is now, and the others wait for what it finds. It opens

- when more than half of the calls of the last minute failed, and there was more than one;
- at once where the vendor said how long (a rate, an account without money), or where a key was refused.

That moment is a time of day and is kept on disk, so that neither a reload nor a restart makes it earlier or
later. What is wrong with a prompt says nothing about who refused it: such a call is given back
(`Circuit.release`).
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import Literal

from mindbot.domain.errors import LONGEST_WAIT
from mindbot.domain.message import Json
from mindbot.domain.turn import Clock

CircuitState = Literal["closed", "open", "half_open"]
#: Why one is open: too many failures, a vendor's rate, an account without money, a refused key.
CoolReason = Literal["failures", "rate", "quota", "auth"]

WINDOW = 60.0  # seconds whose calls are judged
SHARE = 0.5  # of them may fail
FIRST, LONGEST = 10.0, 60.0  # seconds it stays open after failures: doubles with each probe that fails
AUTH = 600.0  # seconds a refused key is left alone, unless somebody mends it before
_CALLS = 200  # of the window that are remembered
_LONGEST_OF: dict[str, float] = {"failures": LONGEST, "rate": LONGEST_WAIT, "auth": AUTH}


class Admission(Enum):
    """What a call is that may be made: one of many, or the one that proves how it is now."""

    CALL = "call"
    PROBE = "probe"


class Circuit:
    """One circuit. Every call that `admit` let through ends in `succeeded`, `failed` or `release`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._calls: deque[tuple[float, bool]] = deque(maxlen=_CALLS)
        self._probing = False
        self._seen = 0.0  # on the clock, latest
        self._opened = 0  # times in a row that failures opened it
        self.until = 0.0
        self.reason: CoolReason | None = None
        self.why = ""

    @property
    def state(self) -> CircuitState:
        """How it is now."""
        if self.reason is None:
            return "closed"
        return "open" if self.waits else "half_open"

    @property
    def waits(self) -> float:
        """Seconds until the next call may be made; 0 when one may, or hangs on the probe under way."""
        return max(0.0, self._ends() - self._clock()) if self.reason is not None else 0.0

    @property
    def probing(self) -> bool:
        """Whether the one call that proves how it is now is under way."""
        return self._probing

    @property
    def free(self) -> bool:
        """Whether `admit` would let a call through."""
        return self.reason is None or (not self._probing and not self.waits)

    def admit(self) -> Admission | None:
        """Let a call through, or say (None) that it must not be made."""
        if self.reason is None:
            return Admission.CALL
        if not self.free:
            return None
        self._probing = True
        return Admission.PROBE

    def release(self, admission: Admission) -> None:
        """Give back a call that says nothing about whom it was made to."""
        if admission is Admission.PROBE:
            self._probing = False

    def succeeded(self, admission: Admission) -> bool:
        """Take note of a call that was answered; true when that closes the circuit."""
        if admission is Admission.PROBE:
            self.close()
            return True
        self._calls.append((self._clock(), True))
        return False

    def failed(self, admission: Admission, why: str, *, opens: bool = True) -> bool:
        """Take note of a call that failed; true when that opens the circuit.

        ``opens`` is false for whom nobody could replace. One that began before it opened stretches nothing.
        """
        now = self._clock()
        if admission is Admission.PROBE:
            self._probing = False
            self._open(now, why)
            return True
        self._calls.append((now, False))
        if self.reason is not None or not opens or not self._mostly_failing(now):
            return False
        self._open(now, why)
        return True

    def cool(self, until: float, reason: CoolReason, why: str) -> None:
        """Leave it alone until a moment that is known; one that is known already and later stays.

        A probe that is under way stays the only one: it ends by itself.
        """
        if self.reason is None or until >= self._ends():
            self._leave_alone(until, reason, why)

    def close(self) -> None:
        """Forget what went wrong."""
        self._probing, self._opened = False, 0
        self.until, self.reason, self.why = 0.0, None, ""
        self._calls.clear()

    def _open(self, now: float, why: str) -> None:
        until = now + min(LONGEST, FIRST * 2**self._opened)
        self._opened += 1
        self._leave_alone(until, "failures", why)

    def _leave_alone(self, until: float, reason: CoolReason, why: str) -> None:
        self.until, self.reason, self.why, self._seen = until, reason, why, self._clock()

    def _ends(self) -> float:
        """Return when the next call may be made. A clock that is set back meanwhile takes the end along:
        those are so many seconds from a failure. An account's money comes at a time of day, which stays.
        """
        now = self._clock()
        if now < self._seen and self.reason in _LONGEST_OF:
            self.until -= self._seen - now
        self._seen = now
        return self.until

    def _mostly_failing(self, now: float) -> bool:
        while self._calls and self._calls[0][0] < now - WINDOW:
            self._calls.popleft()
        failed = sum(not ok for _, ok in self._calls)
        return len(self._calls) > 1 and failed > SHARE * len(self._calls)

    def to_json(self) -> Json | None:
        """Return what is kept on disk of it; None while it is closed."""
        if self.reason is None:
            return None
        return {"until": self.until, "reason": self.reason, "why": self.why, "opened": self._opened}

    def restore(self, data: Json) -> None:
        """Go on where `to_json` was written; a clock that was set back since stretches nothing."""
        self._leave_alone(float(data["until"]), data["reason"], str(data["why"]))
        if (longest := _LONGEST_OF.get(data["reason"])) is not None:
            self.until = min(self.until, self._clock() + longest)
        self._opened = int(data.get("opened", 0))
