"""A process that had much more in memory than it keeps gives the rest back."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

#: Blocks of 8 KB, each tenth of which is kept: no hole reaches the heap's end.
SCRIPT = """
from mindbot.runtime import heap

blocks = [bytes([n % 251]) * 8192 for n in range(16_000)]
full = heap.resident()
kept = blocks[::10] + blocks[-1:]
blocks.clear()
held = heap.resident()
heap.give_back()
print(full >> 20, held >> 20, heap.resident() >> 20, kept[3][0])
"""


def numbers(script: str) -> list[int]:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return [int(each) for each in done.stdout.split()]


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps holes")
def test_holes_between_what_is_kept_go_back_to_the_system() -> None:
    full, held, left, _ = numbers(SCRIPT)
    assert held > full - 20, "the C library gives holes back by itself: this is not needed any more"
    assert left < full - 60
