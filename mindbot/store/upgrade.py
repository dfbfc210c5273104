"""Brings a database to this program's schema, a new one in one go, an older one with a copy kept aside."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import structlog

from mindbot.config.paths import give_to_owner
from mindbot.domain.errors import StoreError
from mindbot.store import fresh
from mindbot.store.backup import keep_aside
from mindbot.store.database import connect, explain, explain_os
from mindbot.store.restoring import unfinished
from mindbot.store.revisions import HEAD, known, upgrade

log = structlog.get_logger("mindbot.store")


def revision(path: Path) -> str:
    """Return the database's revision, or an empty text for a new one.

    Raises:
        StoreError: the file is damaged or cannot be opened.
    """
    db = connect(path)
    try:
        known = db.execute("SELECT name FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
        row = db.execute("SELECT version_num FROM alembic_version").fetchone() if known else None
    except sqlite3.Error as error:
        raise explain(error, path) from error
    finally:
        db.close()
    return str(row[0]) if row else ""


def ensure(path: Path) -> None:
    """Create or upgrade the schema where needed; hold the database's lock (`mindbot.store.lock`).

    Raises:
        StoreError: damaged, locked, made by a newer program, or gone but for its log.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _ensure(path)
    except OSError as error:
        raise explain_os(error, path, "set state_dir or store.file to a writable folder") from error


def _ensure(path: Path) -> None:
    if left := unfinished(path):
        raise StoreError(
            left, hint="put the database back, restore a backup (mindbot db restore), or move that file away"
        )
    found = revision(path)
    if not found:  # what people wrote is nobody else's business; the files beside it get the same rights
        path.chmod(0o600)
        give_to_owner(path)
    if found != HEAD and not (not found and fresh.create(path)):
        if found and known(found):
            log.info("database kept aside before its upgrade", copy=str(keep_aside(path, found)))
        upgrade(path, found)
