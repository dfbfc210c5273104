"""A console in a terminal of its own while the stream runs: how long a key takes, and what memory it needs.

A source serves the local API's stream in a process of its own and publishes finished turns, each a new one,
at a steady rate. The console is `mindbot tui` in a pseudo-terminal of 160x48. Its screen never rests, so
the keys are characters that occur nowhere else: typed into the filter bar, each is on the screen when its
bytes come out of the terminal.
"""

from __future__ import annotations

import fcntl
import os
import pty
import random
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import anyio

from mindbot.bench.measure import Figures, Result
from mindbot.testing import processes

RATE = 5_000  # events a second
RATES = (1_000, RATE)
_TICK = 0.02  # seconds between two handfuls of events
_PATIENCE = 20.0  # seconds until something must have shown
#: Letters no sample text has: the key, and what appears.
LETTERS = [chr(code) for code in range(0x100, 0x17F) if chr(code).islower()]


async def source(socket: Path, seconds: float, rate: int) -> None:
    """Publish finished turns on a stream at ``socket``; prints when it is there, and how many at the end."""
    from mindbot.bench.console import served
    from mindbot.config.load import load
    from mindbot.domain import ids
    from mindbot.domain.message import Message, text_part
    from mindbot.domain.turn import Turn
    from mindbot.runtime.app import Runtime
    from mindbot.runtime.events import tell_turn
    from mindbot.telemetry import logging

    logging.setup("warning", "json")

    def turn(n: int) -> Turn:
        now, user = time.time(), f"user{n % 200}"
        parts = (text_part(f"question {n}: 我的订单 {n % 977} 到哪里了, please?"),)
        message = Message("wecom", "default", str(n), f"wecom:default:{user}", user, "text", parts, {})
        found = Turn(ids.new_id(), message, state="answered", finished=now)
        found.reply.say(f"answer {n}: it is on its way")
        return found

    loaded = load([], environ={}, overrides={"state_dir": str(socket.parent / "state")})
    async with Runtime.open(loaded, socket.parent / "state") as runtime, served(runtime, socket):
        print("ready", flush=True)
        begun, sent = time.perf_counter(), 0
        while (passed := time.perf_counter() - begun) < seconds:
            due = int(passed * rate)
            for n in range(sent, due):
                tell_turn(runtime.bus, "turn.answered", turn(n))
            sent = due
            await anyio.sleep(_TICK)
        print(sent, flush=True)


@contextmanager
def streaming(folder: Path, seconds: float, rate: int = RATE) -> Iterator[tuple[Path, IO[bytes]]]:
    """Run a source for the length of the block, ``seconds`` at most; yields its socket and what it prints."""
    socket = folder / "api.sock"
    command = [sys.executable, "-m", "mindbot.bench.keys", "source", str(socket), str(seconds), str(rate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        try:
            yield socket, process.stdout
        finally:
            process.kill()


_ASKED, _ANSWER = b"\x1b[6n", "\x1b[1;1R"


class Terminal:
    """`mindbot tui` in a pseudo-terminal, which says when it has drawn a frame, as real ones do, or never."""

    def __init__(self, socket: Path, width: int = 160, height: int = 48, *, answers: bool = True) -> None:
        self._answers = answers
        self._tail = b""
        self._fd, far = pty.openpty()
        fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        names = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", "TZ": "UTC"}
        command = [sys.executable, "-m", "mindbot.cli.main", "--socket", str(socket), "tui"]
        self._process = subprocess.Popen(
            command, stdin=far, stdout=far, stderr=far, env=os.environ | names, start_new_session=True
        )
        os.close(far)
        self.bytes = 0

    def read(self, timeout: float) -> bytes:
        """Return what the console has written, waiting for it so long at most."""
        return self.answered(self.take(timeout, 1 << 20))

    def answered(self, found: bytes) -> bytes:
        """Answer what was asked in what the console has written; returns that."""
        seen = self._tail + found
        for _ in range(seen.count(_ASKED) if self._answers else 0):
            self.press(_ANSWER)
        # what may be the beginning of a question
        self._tail = next((seen[-n:] for n in (3, 2, 1) if _ASKED.startswith(seen[-n:])), b"")
        return found

    def take(self, timeout: float, most: int) -> bytes:
        """Return so many bytes at most of what the console has written."""
        if not select.select([self._fd], [], [], max(timeout, 0))[0]:
            return b""
        found = os.read(self._fd, most)
        self.bytes += len(found)
        return found

    def rest(self, seconds: float) -> None:
        """Let it run."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.read(left)

    def press(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def key(self, key: str, shows: str) -> float:
        """Press a key; returns the seconds until its effect came out of the terminal."""
        begun = time.perf_counter()
        self.press(key)
        return self.sees(shows) - begun

    def sees(self, text: str) -> float:
        """Wait until a text is written; returns when."""
        wanted, tail = text.encode(), b""
        end = time.perf_counter() + _PATIENCE
        while (now := time.perf_counter()) < end:
            tail = tail[-len(wanted) :] + self.read(end - now)
            if wanted in tail:
                return time.perf_counter()
        raise TimeoutError(f"{text!r} did not show")

    @property
    def cpu(self) -> float:
        """Seconds of processor time so far."""
        return processes.cpu_seconds(self._process.pid)

    @property
    def rss(self) -> int:
        """Resident bytes."""
        pages = Path(f"/proc/{self._process.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._fd)


@contextmanager
def watching(socket: Path) -> Iterator[Terminal]:
    """Run a console for the length of the block, once it shows the stream."""
    terminal = Terminal(socket)
    try:
        terminal.sees("answer")
        yield terminal
    finally:
        terminal.close()


def key_times(keys: int = 200, warm_up: float = 12.0, seed: int = 7, rate: int = RATE) -> Figures:
    """Type so many characters at random moments while the stream runs."""
    chance = random.Random(seed)
    times = []
    with (
        tempfile.TemporaryDirectory() as folder,
        streaming(Path(folder), warm_up + 30 + keys, rate) as (socket, _),
        watching(socket) as terminal,
    ):
        paint = terminal.cpu  # from the start of its interpreter until a live turn is on its screen
        terminal.rest(warm_up)
        before, begun = terminal.cpu, time.perf_counter()
        terminal.rest(5)
        steady = (terminal.cpu - before) / (time.perf_counter() - begun)
        terminal.press("/")
        terminal.rest(1)
        cpu, begun = terminal.cpu, time.perf_counter()
        for n in range(keys):
            terminal.rest(chance.uniform(0.05, 0.25))
            letter = LETTERS[n % len(LETTERS)]
            times.append(terminal.key(letter, letter))
            if n % 20 == 19:  # an empty line again: Ctrl+U deletes to its start
                terminal.press("\x15")
        wall = time.perf_counter() - begun
        extra = (terminal.cpu - cpu - steady * wall) / keys
        rss = terminal.rss
    cut = statistics.quantiles(times, n=100)
    return {
        "first_paint_cpu_s": paint,
        "key_p50_ms": cut[49] * 1000,
        "key_p95_ms": cut[94] * 1000,
        "key_cpu_ms": extra * 1000,
        "console_core_pct": steady * 100,
        "rss_mb": rss / 1e6,
    }


def bench(keys: int = 100) -> Result:
    """Measure how long keys take in a console that follows 1,000 events a second, and then 5,000."""
    found = {
        f"{name}_at_{rate}": value for rate in RATES for name, value in key_times(keys, rate=rate).items()
    }
    goals = {
        f"first_paint_cpu_s_at_{RATE}": "< 1.5",
        f"rss_mb_at_{RATE}": "< 250",
        "key_p95_ms_at_1000": "< 60",
        f"key_p95_ms_at_{RATE}": "< 100",
        "console_core_pct_at_1000": "< 20",
        f"console_core_pct_at_{RATE}": "< 35",
    }
    return Result("keys", found, goals=goals, note="so many new turns a second, 160x48")


def soak(seconds: float, every: float = 10.0) -> dict[str, Any]:
    """Follow the stream so long; returns the curve of resident bytes, and how much came in and went out."""
    curve = []
    with (
        tempfile.TemporaryDirectory() as folder,
        streaming(Path(folder), seconds + 2) as (socket, told),
        watching(socket) as terminal,
    ):
        begun = time.perf_counter()
        cpu = terminal.cpu
        while (passed := time.perf_counter() - begun) < seconds:
            curve.append((round(passed), terminal.rss))
            terminal.rest(min(every, seconds - passed))
        curve.append((round(passed), terminal.rss))
        core = (terminal.cpu - cpu) / passed
        events = int(told.readline())
    return {"curve": curve, "written": terminal.bytes, "core_pct": core * 100, "events": events}


def main(arguments: Sequence[str]) -> None:
    """Run the source in this process."""
    anyio.run(
        source,
        Path(arguments[1]),
        float(arguments[2]),
        int(arguments[3]),
        backend_options={"use_uvloop": True},
    )


if __name__ == "__main__":
    main(sys.argv[1:])
