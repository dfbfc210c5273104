"""A new database in one go: ``schema.sql`` is what all revisions lead to; a first start needs no Alembic.

``python -m mindbot.store.fresh`` (a part of `make docs`) writes the file again after a new revision.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from pathlib import Path

from mindbot.store.database import connect, explain
from mindbot.store.revisions import upgrade

SCHEMA = Path(__file__).with_name("schema.sql")
_HEAD = "-- Made by `make docs` from the revisions in migrations/versions.\n"


def create(path: Path) -> bool:
    """Make all tables of a database that has none; tell whether that was done.

    Raises:
        StoreError: the file cannot be written, or is no database.
    """
    db = connect(path)
    try:
        db.execute("BEGIN IMMEDIATE")
        if db.execute("SELECT 1 FROM sqlite_master").fetchone():
            db.execute("ROLLBACK")
            return False
        for statement in SCHEMA.read_text(encoding="utf-8").split(";\n"):
            db.execute(statement)
        db.execute("COMMIT")
    except sqlite3.Error as error:
        raise explain(error, path) from error
    finally:
        db.close()
    return True


def as_migrated() -> str:
    """Return the schema that the revisions make, as SQL."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mindbot.db"
        upgrade(path, "")
        db = connect(path)
        try:
            made = db.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid").fetchall()
            revision = db.execute("SELECT version_num FROM alembic_version").fetchone()[0]
        finally:
            db.close()
    lines = [row[0].strip() for row in made]
    lines.append(f"INSERT INTO alembic_version (version_num) VALUES ('{revision}')")
    text = ";\n".join(lines) + ";\n"
    return _HEAD + "\n".join(line.rstrip().expandtabs(4) for line in text.split("\n"))


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(as_migrated(), encoding="utf-8")
