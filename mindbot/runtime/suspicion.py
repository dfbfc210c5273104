"""Which message kills the daemon: found by running suspects alone, so that no innocent one goes with it.

A crash is held against every turn that was running. That says little: one message that kills the process
takes hundreds with it, and an operator's ``kill -9`` is nobody's fault. So the first crashes only make a turn
suspect. From then on suspects run one at a time, those with the fewest crashes first, beside all the others:
a crash counts against one of them at most, the others end meanwhile, and the culprit is left. Each time it
has to wait longer after the start; what kills the process from outside then finds it waiting.
"""

from __future__ import annotations

from mindbot.domain.turn import Turn

_BESIDE_OTHERS = 3  # attempts, at most
_LONGEST_WAIT = 30.0  # seconds


def alone(turn: Turn, max_attempts: int) -> float | None:
    """Return the seconds after the start until a suspect may run; None for a turn that is none.

    ``turn.attempt`` is one more than the crashes that found it running. It is given up past ``max_attempts``.
    """
    beside_others = max(1, min(_BESIDE_OTHERS, max_attempts // 2))
    if turn.attempt <= beside_others or buried(turn, max_attempts):
        return None
    crashes_alone = turn.attempt - beside_others - 1
    return min(_LONGEST_WAIT, 2.0 ** (crashes_alone - 1)) if crashes_alone else 0.0


def buried(turn: Turn, max_attempts: int) -> bool:
    """Tell whether a turn has been running in so many crashes that it is given up."""
    return turn.attempt > max_attempts
