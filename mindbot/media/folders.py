"""Folders for what people sent."""

from __future__ import annotations

from pathlib import Path


def own_folder(folder: Path) -> None:
    """Make a folder, and those above it, that only the daemon's user can open; raises OSError.

    What people sent is nobody else's business. ``Path.mkdir`` gives its mode to the last folder alone.
    """
    if not folder.is_dir():
        if not folder.parent.is_dir():
            own_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
