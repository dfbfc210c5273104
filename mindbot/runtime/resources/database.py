"""The database as an operator keeps it safe."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from uuid import uuid4

import anyio.to_thread
import structlog

from mindbot.domain.ports.store import Store
from mindbot.domain.shapes.instruments import SqlAnswerJson

audit = structlog.get_logger("mindbot.audit")

_SENDING = 3600.0  # seconds after which a copy is nobody's any more


class DatabaseResource:
    """Answers ``/v1/database``."""

    def __init__(self, store: Store, state_dir: Path) -> None:
        self._store = store
        self._folder = state_dir / "backups"

    async def query(self, sql: str, limit: int, timeout: float, who: str = "") -> SqlAnswerJson:
        """Return what a question in SQL finds; it can only read. Raises Invalid, TimedOut, StoreError."""
        answer = await self._store.query(sql, limit, timeout)
        audit.info("database asked", who=who, characters=len(sql), rows=len(answer["rows"]))
        return answer

    async def backup(self) -> Path:
        """Copy the database, also one whose file is gone; the caller deletes the copy. Raises StoreError."""
        await anyio.to_thread.run_sync(partial(_emptied, self._folder))
        copy = self._folder / f"{uuid4().hex}.db"
        await self._store.backup(copy)
        return copy


def _emptied(folder: Path) -> None:
    """Make a folder for copies that are being sent, without those of a process before this one."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for left in folder.glob("*.db*"):
        if left.stat().st_mtime < time.time() - _SENDING:
            left.unlink(missing_ok=True)
