"""Are the files that are open still those that a next start will find?

SQLite goes on writing into a file that was deleted or moved: nothing fails, and all of it is gone with the
process. Three looks at inodes cost microseconds beside an fsync.
"""

from __future__ import annotations

import os
from pathlib import Path

from mindbot.domain.errors import StoreGone

#: The database, its log, and the index of that; without the log, what was committed last is lost.
_ENDINGS = ("", "-wal", "-shm")


class Files:
    """The inodes of a database's files, as they were when it was opened."""

    def __init__(self, path: Path) -> None:
        """Look at the files that are there; the database must be open."""
        self._path = path
        found = {ending: _look(f"{path}{ending}") for ending in _ENDINGS}
        self._known = {ending: seen[0] for ending, seen in found.items() if seen is not None}
        self._longest = 0  # of the log, which SQLite never cuts while it is open

    def check(self) -> None:
        """Raises StoreGone when one of them is not there any more, is another one, or the log was cut."""
        for ending, inode in self._known.items():
            now = _look(f"{self._path}{ending}")
            if now is None:
                raise self._gone(ending, "was deleted or moved")
            if now[0] != inode:
                raise self._gone(ending, "was replaced by another file")
            if ending == "-wal":
                if now[1] < self._longest:
                    raise self._gone(ending, "was cut")
                self._longest = now[1]

    def _gone(self, ending: str, what: str) -> StoreGone:
        return StoreGone(
            f"{self._path}{ending} {what} while it is open",
            hint="put it back as it was; or save what is in it before the daemon ends, with "
            "`mindbot db backup FILE`, and restore that",
        )


def _look(path: str) -> tuple[tuple[int, int], int] | None:
    """Return device and inode, and the size in bytes."""
    try:
        found = os.stat(path)  # noqa: PTH116 - three a commit: a Path costs more than the call
    except OSError:
        return None
    return (found.st_dev, found.st_ino), found.st_size
