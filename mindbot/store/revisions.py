"""The schema's revisions, by Alembic, which is imported only when there is something to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from mindbot.domain.errors import StoreError
from mindbot.store.database import explain

if TYPE_CHECKING:
    from alembic.config import Config

#: The newest revision in ``migrations/versions``; a test compares.
HEAD = "0003"


def alembic_config() -> Config:
    """Return Alembic's configuration, without a file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def known(revision: str) -> bool:
    """Tell whether this program knows a schema."""
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(alembic_config())
    return revision in {each.revision for each in script.walk_revisions()}


def upgrade(path: Path, found: str) -> None:
    """Run the missing revisions."""
    from alembic import command
    from sqlalchemy import URL, create_engine
    from sqlalchemy.exc import DBAPIError

    config = alembic_config()
    if found and not known(found):
        raise StoreError(
            f"{path} has schema {found}, which this program does not know",
            hint="run the newer MindBot that made it",
        )
    engine = create_engine(URL.create("sqlite", database=str(path)))
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise explain(error.orig, path) from error
        raise StoreError(f"cannot upgrade {path}: {error}") from error
    finally:
        engine.dispose()
