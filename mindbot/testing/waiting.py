"""Waiting in tests: for what must come, as long as a busy machine may take."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import anyio

T = TypeVar("T")

#: Seconds after which what must come is taken for hung. No test asserts a time by it.
PATIENCE = 60.0


async def until(ready: Callable[[], object]) -> None:
    """Return once something is so; raises TimeoutError when it never is."""
    with anyio.fail_after(PATIENCE):
        while not ready():  # noqa: ASYNC110 - nobody tells
            await anyio.sleep(0.01)


def wait_for(ready: Callable[[], T], else_say: Callable[[], object] = lambda: "it never came") -> T:
    """Return what is ready, once it is; blocks its thread.

    Raises:
        TimeoutError: it never was; ``else_say`` tells more.
    """
    end = time.monotonic() + PATIENCE
    while not (found := ready()):
        if time.monotonic() > end:
            raise TimeoutError(else_say())
        time.sleep(0.02)
    return found
