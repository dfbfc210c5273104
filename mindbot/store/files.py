"""Are the files that are open still those that a next start will find?

SQLite goes on writing into a file that was deleted or moved: nothing fails, and all of it is gone with the
process. Three looks at inodes cost microseconds beside an fsync.

Any other client may fold the log into the database and cut it (``PRAGMA wal_checkpoint(TRUNCATE)``: a backup
tool, the sqlite3 shell). The log's index says how much of it there has to be.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

from mindbot.domain.errors import StoreGone

#: The database, its log, and the index of that; without the log, what was committed last is lost.
_ENDINGS = ("", "-wal", "-shm")

# The log's index begins with two copies of one head: at byte 14 the page's size, at 16 how many frames the
# log has (sqlite.org/walformat.html, "WAL-Index Header"). The log: a head, then frames, of a head and a page.
_HEAD, _LOG_HEAD, _FRAME_HEAD = 48, 32, 24  # bytes
_PAGE_AND_FRAMES = struct.Struct("=HI")
_LOOKS = 5


class Files:
    """The inodes of a database's files, as they were when it was opened. Close it after the database."""

    def __init__(self, path: Path) -> None:
        """Look at the files that are there; the database must be open."""
        self._path = path.resolve()  # through links: the log lies beside what they lead to
        found = {ending: _look(f"{self._path}{ending}") for ending in _ENDINGS}
        self._known = {ending: seen[0] for ending, seen in found.items() if seen is not None}
        self._longest = 0  # bytes of the log
        # Open until the database is closed: to close any descriptor of it takes SQLite's locks away.
        self._index = (
            os.open(f"{self._path}-shm", os.O_RDONLY | os.O_CLOEXEC) if "-shm" in self._known else -1
        )

    def close(self) -> None:
        """Let go of the log's index."""
        if self._index >= 0:
            os.close(self._index)
            self._index = -1

    def check(self) -> None:
        """Raises StoreGone when one of them is not there any more, is another one, or the log was cut."""
        for ending, inode in self._known.items():
            now = _look(f"{self._path}{ending}")
            if now is None:
                raise self._gone(ending, "was deleted or moved")
            if now[0] != inode:
                raise self._gone(ending, "was replaced by another file")
            if ending == "-wal":
                if now[1] < self._longest and now[1] < self._needed():
                    raise self._gone(ending, "was cut")
                self._longest = now[1]

    def _needed(self) -> int:
        """Return how many bytes the log must have by its index; none once all of it is in the database."""
        if self._index < 0:
            return self._longest
        for _ in range(_LOOKS):
            head, copy = os.pread(self._index, _HEAD, 0), os.pread(self._index, _HEAD, _HEAD)
            if head == copy and len(head) == _HEAD:
                page, frames = _PAGE_AND_FRAMES.unpack_from(head, 14)
                # 65,536 does not fit into two bytes, and is written as 1
                size = (page & 0xFE00) + ((page & 1) << 16)
                return _LOG_HEAD + frames * (_FRAME_HEAD + size) if frames else 0
        return 0  # somebody writes it all the time: the next look tells

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
