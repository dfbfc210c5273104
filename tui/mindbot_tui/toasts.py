"""Tells changes of health wherever the reader is: what comes together is one toast."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, cast

from mindbot_tui.surface import Surface

GATHER = 0.5  # seconds that others are waited for


class Toasts:
    """Call `sync` from the app's timer; ``clock`` returns seconds that only grow."""

    def __init__(self, console: Surface, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._began: float | None = None

    def sync(self) -> None:
        """Tell what is new, once nothing more is waited for."""
        fresh = self._console.state.notices.fresh
        if not fresh:
            return
        if self._began is None:
            self._began = self._clock()
        if self._clock() - self._began < GATHER:
            return
        self._began = None
        words = self._console.words
        text = fresh[-1].said(words)
        if len(fresh) > 1:
            text = words("{n} changes of health (E shows them), the last: {text}", n=len(fresh), text=text)
        worst = next(kind for kind in ("bad", "warn", "ok") if any(each.kind == kind for each in fresh))
        fresh.clear()
        self._console.say(text, cast("Literal['ok', 'warn', 'bad']", worst))
