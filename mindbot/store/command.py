"""``mindbot db``: look after the database, with a daemon or without."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mindbot.domain.errors import ConfigError, Conflict, MindBotError, Unreachable

if TYPE_CHECKING:
    from mindbot.api.client import Client
    from mindbot.api.instrument_models import SqlAnswer
    from mindbot.config.load import Loaded

db = typer.Typer(
    name="db",
    help="Check, copy, restore and upgrade the database.",
    no_args_is_help=True,
    add_completion=False,
)

_FILE = typer.Option("--file", help="The database; default: the daemon's, else the configuration's.")
_BACKUP = typer.Argument(metavar="FILE", help="The backup's file.")


def _path(ctx: typer.Context, file: Path | None) -> Path:
    """Return the database that is meant; raises ConfigError where it is another one than it seems."""
    if file is not None:
        return file
    from mindbot.api import calls

    if (daemon := _daemon(ctx)) is not None and (used := daemon.ask(calls.status()).store.get("path")):
        return Path(used)
    from mindbot.config.paths import own_state_dir

    config = _loaded(ctx).config
    return config.store.path(own_state_dir(config.state_dir))


def _loaded(ctx: typer.Context) -> Loaded:
    from mindbot.config.load import load

    return load((ctx.obj or {}).get("config"))


def _daemon(ctx: typer.Context) -> Client | None:
    """Return a client of the daemon that runs, or None."""
    from mindbot.api import calls
    from mindbot.api.client import Client
    from mindbot.config.paths import state_dir

    socket, config = (ctx.obj or {}).get("socket"), _loaded(ctx).config
    if not socket and config.api.socket:
        socket = state_dir(config.state_dir) / Path(config.api.socket).expanduser()
    client = Client(socket)
    try:
        client.ask(calls.ping())
    except Unreachable:
        return None
    return client


@contextmanager
def _alone(ctx: typer.Context, path: Path, file: Path | None) -> Iterator[None]:
    """See that nobody uses a database, and no daemon starts with it, while the block changes it.

    Raises:
        Conflict: somebody does.
    """
    from mindbot.config.paths import state_dir
    from mindbot.store.lock import one_user, only_one

    path = path.resolve()
    folders = {path.parent} if (path.parent / "daemon.lock").exists() else set()
    try:
        config = _loaded(ctx).config
        state = state_dir(config.state_dir)
        if file is None or path == config.store.path(state).resolve():
            folders.add(state.resolve())  # the daemon's own, wherever its database lies
    except ConfigError:
        if file is None:
            raise
    with ExitStack() as held:
        for folder in sorted(folders):
            if folder.is_dir():
                held.enter_context(only_one(folder))
        held.enter_context(one_user(path))
        yield


@db.command()
def upgrade(ctx: typer.Context, file: Annotated[Path | None, _FILE] = None) -> None:
    """Create the database or bring it to this version's schema; the daemon does so by itself at its start."""
    from mindbot.store.revisions import HEAD
    from mindbot.store.upgrade import ensure, revision

    path = _path(ctx, file)
    with _alone(ctx, path, file):
        before = revision(path) if path.exists() else ""
        ensure(path)
    typer.echo(
        f"{path}: schema {HEAD}" + (f" (was {before or 'empty'})" if before != HEAD else ", nothing to do")
    )


@db.command()
def backup(
    ctx: typer.Context,
    target: Annotated[Path, _BACKUP],
    file: Annotated[Path | None, _FILE] = None,
) -> None:
    """Copy the database to FILE, also while the daemon runs, and prove the copy."""
    from mindbot.store.backup import copy

    daemon = _daemon(ctx) if file is None else None
    if daemon is not None:
        _fetch(daemon, target)
        source = f"the daemon on {daemon.socket}"
    else:
        path = _path(ctx, file)
        copy(path, target)
        source = str(path)
    typer.echo(f"{target}: {target.stat().st_size:,} bytes, proved, from {source}")


def _fetch(daemon: Client, target: Path) -> None:
    from mindbot.api import calls
    from mindbot.store.backup import arriving

    with arriving(target) as part, part.open("wb") as out:
        daemon.save(calls.backup(), out)


@db.command()
def restore(
    ctx: typer.Context,
    source: Annotated[Path, _BACKUP],
    file: Annotated[Path | None, _FILE] = None,
) -> None:
    """Put a backup in the database's place, with the daemon stopped; what was there is kept aside.

    The next start answers nobody again: what the backup has open becomes dead letters (store.restored).
    """
    from mindbot.store.restoring import restore as put_back

    if file is None and (daemon := _daemon(ctx)) is not None:
        raise Conflict(
            f"a daemon runs (it answers on {daemon.socket})",
            hint="stop it first: mindbot daemon stop, or systemctl stop mindbot.socket mindbot",
        )
    path = _path(ctx, file)
    with _alone(ctx, path, file):
        aside = put_back(source, path)
    typer.echo(f"{path}: restored from {source}" + (f"; what was there is {aside}" if aside else ""))


@db.command()
def check(
    ctx: typer.Context,
    file: Annotated[Path | None, _FILE] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Look for damage and say what is in it; exit 1 when it is damaged, missing or of another version."""
    from mindbot.store.revisions import HEAD

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
    from mindbot.store.backup import reading
    from mindbot.store.indexes import problems as damage

    rows: dict[str, int] = {}
    schema = ""
    try:
        with closing(reading(path)) as connection:
            problems = damage(connection, 20)
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


@db.command()
def query(
    ctx: typer.Context,
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT; - reads it from the input.")],
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many rows.")] = 200,
    timeout: Annotated[float, typer.Option(min=0.1, max=60, help="Seconds it may take.")] = 5.0,
    file: Annotated[Path | None, _FILE] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines, as when piped.")] = False,
) -> None:
    """Ask the database in SQL, for reading alone; what looks like a secret is masked."""
    from mindbot.api import instrument_calls
    from mindbot.api.instrument_models import SqlAnswer

    text = sys.stdin.read() if sql == "-" else sql
    daemon = _daemon(ctx) if file is None else None
    if daemon is not None:
        found = daemon.ask(instrument_calls.query_database(text, limit, timeout))
    else:
        from mindbot.store.sql import ask

        found = SqlAnswer.model_validate(ask(_path(ctx, file), text, limit, timeout))
    if as_json or not sys.stdout.isatty():
        for row in found.rows:
            typer.echo(json.dumps(dict(zip(found.columns, row, strict=True)), ensure_ascii=False))
    else:
        _table(found)
    if found.full:
        typer.echo(
            f"the first {len(found.rows):,} rows: an answer holds no more; name fewer columns", err=True
        )
    elif found.more:
        typer.echo(f"the first {limit:,} rows; there are more: --limit shows them", err=True)


def _table(found: SqlAnswer) -> None:
    from mindbot.domain.visible import visible_lines

    cells = [found.columns, *(["null" if c is None else str(c) for c in row] for row in found.rows)]
    shown = [[" ".join(visible_lines(cell).split())[:60] for cell in row] for row in cells]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for line in shown:
        typer.echo("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip())
