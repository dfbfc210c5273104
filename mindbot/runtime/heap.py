"""Memory that a peak has left behind goes back to the system.

glibc keeps what was freed between blocks that are still in use: after a backlog of large messages most of the
process is such holes. Where another C library runs, nothing is done.
"""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from pathlib import Path

import anyio
import anyio.to_thread
import structlog

log = structlog.get_logger("mindbot.heap")

LOOK_EVERY = 30.0  # seconds between two looks at how much the process has
GROWTH = 32 << 20  # bytes above what was left by the last look that are worth it


def resident() -> int:
    """Return the bytes of this process that are in memory; 0 where /proc does not tell."""
    try:
        pages = Path("/proc/self/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0


def give_back() -> None:
    """Return free pages to the system, from the midst of the heap too (malloc_trim(3)).

    It takes some 20 ms for each 100 MB, in which large blocks are waited for; call it in a thread.
    """
    with suppress(OSError, AttributeError):  # not glibc
        ctypes.CDLL(None).malloc_trim(0)


async def keep_small() -> None:
    """Give memory back every now and then when the process has grown."""
    least = resident()
    while True:
        await anyio.sleep(LOOK_EVERY)
        before = resident()
        least = min(least, before)
        if before - least < GROWTH:
            continue
        await anyio.to_thread.run_sync(give_back)
        least = resident()
        log.debug("heap.given_back", megabytes=(before - least) >> 20, left=least >> 20)
