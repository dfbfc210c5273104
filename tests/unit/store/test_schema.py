"""The migrations and the tables say the same."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from mindbot.store import fresh
from mindbot.store.journal import STATEMENTS
from mindbot.store.revisions import HEAD, alembic_config, upgrade
from mindbot.store.schema import metadata
from mindbot.store.upgrade import ensure, revision


def test_migrations_make_exactly_the_tables(tmp_path: Path) -> None:
    path = tmp_path / "mindbot.db"
    upgrade(path, "")
    with create_engine(f"sqlite:///{path}").connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_new_database_has_the_schema_that_the_revisions_make() -> None:
    assert fresh.SCHEMA.read_text(encoding="utf-8") == fresh.as_migrated(), "run make docs"


def test_a_database_that_has_tables_already_is_left_to_the_revisions(tmp_path: Path) -> None:
    path = tmp_path / "mindbot.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE notes (text)")
    assert not fresh.create(path)
    ensure(path)
    assert revision(path) == HEAD


def test_only_the_owner_reads_the_database(tmp_path: Path) -> None:
    ensure(tmp_path / "mindbot.db")
    assert (tmp_path / "mindbot.db").stat().st_mode & 0o777 == 0o600


def test_head_is_the_newest_revision(tmp_path: Path) -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_current_head() == HEAD
    ensure(tmp_path / "mindbot.db")
    assert revision(tmp_path / "mindbot.db") == HEAD


def test_hot_statements_find_their_rows_by_key(tmp_path: Path) -> None:
    path = tmp_path / "mindbot.db"
    ensure(path)
    with sqlite3.connect(path) as db:
        for name in ("finish", "deliver"):
            plan = " ".join(row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {STATEMENTS[name]}", ("[]",)))
            assert "SEARCH" in plan and "SCAN turns" not in plan and "SCAN outbox" not in plan, plan
