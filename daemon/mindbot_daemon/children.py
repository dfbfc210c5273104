"""Processes that end when we do, also when nobody could tell them to."""

from __future__ import annotations

import ctypes
import os
import signal
from typing import Any

_SET_SIGNAL_AT_PARENTS_DEATH = 1  # PR_SET_PDEATHSIG, prctl(2)


def with_us() -> dict[str, Any]:
    """Return what `subprocess.Popen` needs for a child that is told to stop when this process is gone.

    It has a session of its own: what the terminal says to us (ctrl-c, that it hangs up) it does not hear, and
    we tell it to stop in our own time. Where we are killed, the kernel sends it SIGTERM. The child is to be
    started in the main thread: the signal comes when the thread ends that started it.
    """
    kernel, parent = ctypes.CDLL(None), os.getpid()

    def begin() -> None:
        kernel.prctl(_SET_SIGNAL_AT_PARENTS_DEATH, signal.SIGTERM)
        if os.getppid() != parent:  # it was too late
            os._exit(128 + signal.SIGTERM)

    return {"start_new_session": True, "preexec_fn": begin}
