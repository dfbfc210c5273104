"""``mindbot db``: look after the database file without a daemon."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Annotated, Any

import typer

from mindbot.domain.errors import MindBotError

db = typer.Typer(
    name="db", help="Upgrade and check the database.", no_args_is_help=True, add_completion=False
)

_FILE = typer.Option("--file", help="The database; default: the configuration's.")


def _path(ctx: typer.Context, file: Path | None) -> Path:
    if file is not None:
        return file
    from mindbot.config.load import load
    from mindbot.config.paths import state_dir

    config = load((ctx.obj or {}).get("config")).config
    return config.store.path(state_dir(config.state_dir))


@db.command()
def upgrade(ctx: typer.Context, file: Annotated[Path | None, _FILE] = None) -> None:
    """Create the database or bring it to this version's schema; the daemon does so by itself at its start."""
    from mindbot.store.upgrade import HEAD, ensure, revision

    path = _path(ctx, file)
    before = revision(path) if path.exists() else ""
    ensure(path)
    typer.echo(
        f"{path}: schema {HEAD}" + (f" (was {before or 'empty'})" if before != HEAD else ", nothing to do")
    )


@db.command()
def check(
    ctx: typer.Context,
    file: Annotated[Path | None, _FILE] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Look for damage and say what is in it; exit 1 when it is damaged, missing or of another version."""
    from mindbot.store.upgrade import HEAD

    path = _path(ctx, file)
    if not path.exists():
        raise MindBotError(
            f"there is no database at {path}", hint="the daemon makes it, or `mindbot db upgrade`"
        )
    found = _inspect(path)
    found |= {"file": str(path), "ok": not found["problems"] and found["schema"] == HEAD}
    if found["schema"] != HEAD and not found["problems"]:
        found["problems"] = [
            f"schema {found['schema'] or 'none'} instead of {HEAD}; run `mindbot db upgrade`"
        ]
    if as_json:
        typer.echo(json.dumps(found))
    else:
        typer.echo(f"{path}: " + ("ok" if found["ok"] else "; ".join(found["problems"])))
        for name, count in found["rows"].items():
            typer.echo(f"  {name:<24}{count:>10,}")
    if not found["ok"]:
        raise typer.Exit(1)


def _inspect(path: Path) -> dict[str, Any]:
    """Read only: a running daemon is not disturbed."""
    rows: dict[str, int] = {}
    schema = ""
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            problems = [row[0] for row in connection.execute("PRAGMA integrity_check(20)") if row[0] != "ok"]
            tables = {
                row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            }
            if "alembic_version" in tables:
                schema = str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])
                for table in ("turns", "outbox"):
                    for state, count in connection.execute(
                        f"SELECT state, count(*) FROM {table} GROUP BY state"
                    ):
                        rows[f"{table} {state}"] = count
    except sqlite3.Error as error:
        problems = [str(error)]
    return {"schema": schema, "problems": problems, "rows": rows}
