"""A real terminal for the console: tmux."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mindbot.testing.waiting import PATIENCE

needs_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


class Terminal:
    """A tmux server of our own with one pane."""

    def __init__(self, folder: Path, command: list[str], width: int = 80, height: int = 24) -> None:
        self._socket = folder / "tmux"
        size = ["-x", str(width), "-y", str(height)]
        environ = ["-e", "LANG=C.UTF-8", "-e", "LC_ALL=C.UTF-8", "-e", "TZ=UTC", "-e", "COLORTERM=truecolor"]
        # The pane outlives the command, so that its last words can be read.
        self._tmux("-f", "/dev/null", "new-session", "-d", *size, *environ, "sh")
        self._tmux("set-option", "-g", "escape-time", "0")
        self.keys(" ".join(command), "Enter")

    def _tmux(self, *words: str) -> str:
        command = ["tmux", "-u", "-S", str(self._socket), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=20).stdout

    def keys(self, *keys: str) -> None:
        for key in keys:
            self._tmux("send-keys", key)

    def text(self, text: str) -> None:
        self._tmux("send-keys", "-l", text)

    def resize(self, width: int, height: int) -> None:
        self._tmux("resize-window", "-x", str(width), "-y", str(height))

    @property
    def screen(self) -> str:
        return self._tmux("capture-pane", "-p")

    def sees(self, *texts: str) -> None:
        """Wait until all of these are on the screen."""
        self._until(lambda screen: all(text in screen for text in texts), f"{texts} did not show")

    def sees_no(self, text: str) -> None:
        self._until(lambda screen: text not in screen, f"{text} stayed")

    def _until(self, so: Callable[[str], object], otherwise: str) -> None:
        end = time.monotonic() + PATIENCE
        while not so(screen := self.screen):
            assert time.monotonic() < end, f"{otherwise}:\n{screen}"
            time.sleep(0.05)

    def close(self) -> None:
        subprocess.run(["tmux", "-S", str(self._socket), "kill-server"], check=False, timeout=20)
