"""The modes of what is in a state directory: what people wrote and sent is nobody else's business.

What the daemon makes is its user's alone. What an older version made, or a copy by hand, may be open to
others; the start closes it.
"""

from __future__ import annotations

import stat
from pathlib import Path

import structlog

log = structlog.get_logger("mindbot.store")

#: What is ours in a state directory; others may keep things beside it.
_OURS = ("mindbot.db*", "media", "backups", "secrets*", "daemon.lock", "up.log")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def tighten(state_dir: Path) -> list[Path]:
    """Take from others what they may do with our files and folders; returns what was open.

    A folder that is closed closes what is in it. The state directory itself may be shared for a reason of the
    operator's: it is only told of.
    """
    closed = [path for pattern in _OURS for path in sorted(state_dir.glob(pattern)) if _close(path)]
    if closed:
        log.warning("what others could open is closed", paths=[str(path) for path in closed])
    if _mode(state_dir) & _OTHERS:
        log.warning(
            "others can look into the state directory",
            path=str(state_dir),
            mode=f"{_mode(state_dir):04o}",
            hint=f"chmod 700 {state_dir}",
        )
    return closed


def _close(path: Path) -> bool:
    """Close one file or folder; false where it is closed, a link, or not ours to change."""
    try:
        found = path.lstat()
        wide = stat.S_IMODE(found.st_mode) & _OTHERS
        if not wide or not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            return False
        path.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS)
    except OSError as error:
        log.warning("others can open what is ours", path=str(path), error=error.strerror)
        return False
    return True


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
