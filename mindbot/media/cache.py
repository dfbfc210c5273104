"""Local copies of files that live elsewhere: a folder of bounded size, from which the longest unused go."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path

from mindbot.media.folders import own_folder

_GRACE = 60.0  # seconds a copy is left alone after somebody asked for it, to be opened


class Cache:
    """Everything blocks: call it in a thread. Files are named by ids, which name their content."""

    def __init__(self, folder: Path, size: int) -> None:
        """``size`` is bytes. Copies asked for within the last minute stay, also beyond it."""
        self._folder = folder
        self._size = size
        self._lock = threading.Lock()
        self._held: int | None = None  # bytes; None before the folder was looked at

    def get(self, id: str) -> Path | None:
        """Return the copy, which counts as used now; None when there is none. Raises OSError."""
        path = self._folder / id
        try:
            os.utime(path)
        except FileNotFoundError:
            return None
        return path

    def put(self, file: Path, id: str) -> Path:
        """Move a file in; returns where it is now. Raises OSError."""
        own_folder(self._folder)
        path = self._folder / id
        size = file.stat().st_size
        with self._lock:
            known = path.exists()
            file.replace(path)
            os.utime(path)
            if self._held is not None and not known:
                self._held += size
        if self._held is None or self._held > self._size:
            self.shrink()
        return path

    def remove(self, id: str) -> None:
        """Delete a copy, if there is one."""
        with self._lock, contextlib.suppress(FileNotFoundError):
            path = self._folder / id
            size = path.stat().st_size
            path.unlink()
            if self._held is not None:
                self._held -= size

    def shrink(self) -> None:
        """Delete the copies unused for longest until the rest fits. Raises OSError."""
        with self._lock:
            found: list[tuple[float, int, Path]] = []
            for path in self._folder.glob("*"):
                with contextlib.suppress(FileNotFoundError):
                    stat = path.stat()
                    found.append((stat.st_mtime, stat.st_size, path))
            held = sum(size for _, size, _ in found)
            before = time.time() - _GRACE
            for used, size, path in sorted(found):
                if held <= self._size or used > before:
                    break
                path.unlink(missing_ok=True)
                held -= size
            self._held = held
