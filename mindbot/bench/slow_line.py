"""A console on a slow line while the stream runs: how long a key takes, and how much is drawn.

The terminal takes so many bytes a second and no more, and answers what it is asked when it has taken what
came before, as a real one behind a slow line does; or it answers nothing, as a dumb one.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from pathlib import Path

from mindbot.bench.keys import LETTERS, Terminal, streaming
from mindbot.bench.measure import Figures, Result

RATE = 150  # turns a second
BYTES = 20 * 1024  # a second
_TICK = 0.02  # seconds' worth of bytes that are taken at once


class SlowTerminal(Terminal):
    """Takes ``BYTES`` a second."""

    def __init__(self, socket: Path, width: int, height: int, *, answers: bool) -> None:
        super().__init__(socket, width, height, answers=answers)
        self._free = time.perf_counter()  # when the line has carried what was read
        self.fast = True

    def read(self, timeout: float) -> bytes:
        """Return what has come through, waiting so long at most."""
        if self.fast:
            return super().read(timeout)
        end = time.perf_counter() + max(timeout, 0)
        while (now := time.perf_counter()) < self._free:
            if now >= end:
                return b""
            time.sleep(min(self._free, end) - now)
        found = self.take(end - time.perf_counter(), max(int(BYTES * _TICK), 1))
        now = time.perf_counter()
        self._free = max(self._free, now) + len(found) / BYTES
        time.sleep(len(found) / BYTES)
        return self.answered(found)


def key_times(
    width: int = 80, height: int = 24, *, answers: bool = True, keys: int = 20, seed: int = 7
) -> Figures:
    """Type characters at random moments on a line that has been full for some seconds."""
    chance = random.Random(seed)
    times = []
    with (
        tempfile.TemporaryDirectory() as folder,
        streaming(Path(folder), 60 + keys, RATE) as (socket, _),
    ):
        terminal = SlowTerminal(socket, width, height, answers=answers)
        try:
            terminal.sees("answer")
            terminal.fast = False
            terminal.rest(6)
            taken, begun = terminal.bytes, time.perf_counter()
            terminal.rest(4)
            rate = (terminal.bytes - taken) / (time.perf_counter() - begun)
            first = terminal.key("/", "leave")  # a hint that only inputs have
            for n in range(keys):
                terminal.rest(chance.uniform(0.2, 0.6))
                letter = LETTERS[n % len(LETTERS)]
                times.append(terminal.key(letter, letter))
                if n % 20 == 19:
                    terminal.press("\x15")
        finally:
            terminal.close()
    return {
        "first_key_ms": first * 1000,
        "key_p50_ms": statistics.median(times) * 1000,
        "key_p95_ms": statistics.quantiles(times, n=20)[-1] * 1000,
        "key_max_ms": max(times) * 1000,
        "line_used_pct": rate / BYTES * 100,
    }


def bench() -> Result:
    """Measure keys at 20 KiB/s and 150 messages a second, on terminals that answer and on a dumb one."""
    figures: Figures = {}
    for name, size, answers in (
        ("", (80, 24), True),
        ("dumb_", (80, 24), False),
        ("large_", (160, 48), True),
    ):
        found = key_times(*size, answers=answers)
        figures |= {f"{name}{key}": value for key, value in found.items()}
    goals = {"first_key_ms": "< 1000", "key_p95_ms": "< 1000"}
    return Result("slow-line", figures, goals=goals, note="20 KiB/s, 150 new turns a second, 80x24")
