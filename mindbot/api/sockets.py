"""Where the daemon's socket is: shared by the daemon, which binds it, and its clients, which look for it."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

SYSTEM_SOCKET = Path("/run/mindbot/mindbot.sock")
LONGEST_PATH = 107  #: bytes of a Unix socket's path (unix(7): sun_path, with its NUL)


def user_socket(environ: Mapping[str, str]) -> Path:
    """Return the socket of a daemon that a user runs.

    Without ``$XDG_RUNTIME_DIR`` (a container, a cron job) it lives in a private folder of the temporary
    directory, which ``is_private`` must confirm before it is trusted.
    """
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/"):
        return Path(runtime, "mindbot", "mindbot.sock")
    return Path(tempfile.gettempdir(), f"mindbot-{os.getuid()}", "mindbot.sock")


def is_private(folder: Path) -> bool:
    """Whether a folder is ours alone, so that nobody else can have put a socket there."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022


def find_socket(given: str | Path | None, environ: Mapping[str, str]) -> Path:
    """Return the socket to talk to: the given one, ``$MINDBOT_SOCKET``, the user's, then the system's.

    A named socket is returned as it is; of the others the first that exists, else the user's.
    """
    if named := given or environ.get("MINDBOT_SOCKET"):
        return Path(named)
    user = user_socket(environ)
    for path in (user, SYSTEM_SOCKET):
        if path.is_socket() and (path != user or is_private(user.parent)):
            return path
    return user
