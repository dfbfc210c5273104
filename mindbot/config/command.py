"""`mindbot config …`: make, check, show and compare configurations. Needs no daemon."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mindbot.domain.errors import ConfigError, Forbidden, Unreachable
from mindbot.domain.visible import json_line, visible

if TYPE_CHECKING:
    from mindbot.api import models
    from mindbot.config import view
    from mindbot.config.load import Loaded

config = typer.Typer(
    help="Make, check and show the configuration.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Files = Annotated[list[Path] | None, typer.Argument(metavar="FILE", help="Merged; later ones win.")]


@config.command()
def init(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="Where; else where it is looked for.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a commented starter file; never over one that is there."""
    from mindbot.config.paths import config_candidates

    named = _named(ctx)
    target = file or Path(named[0] if named else config_candidates(os.environ)[0])
    text = Path(__file__).with_name("starter.yaml").read_bytes()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as out:
            out.write(text)
    except FileExistsError as error:
        raise ConfigError(f"{target} is there already", hint="name another file, or edit it") from error
    except OSError as error:
        raise ConfigError(f"cannot write {target}: {error.strerror}") from error
    if as_json:
        _print_json({"file": str(target)})
    else:
        print(f"wrote {target}; edit it, then: mindbot config check")


@config.command()
def check(
    ctx: typer.Context,
    files: Files = None,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse plain secrets.")] = False,
    secrets: Annotated[
        bool, typer.Option("--secrets", help="Read every secret too; where a daemon runs, it does.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check the files, or the configuration in use; exits 1 when it cannot be used."""
    from mindbot.config import machine, parts
    from mindbot.config.load import load

    warnings: list[str] = []
    read: list[str] = []
    problems: list[str] = []
    waiting: list[str] = []
    try:
        loaded = load(files or _named(ctx), strict=strict)
    except ConfigError as error:
        problems = error.problems or [str(error)]
        read = [str(file) for file in files or _named(ctx)]
    else:
        warnings = [line for line in loaded.warnings if line not in loaded.broken]
        read = [str(file) for file in loaded.files]
        problems = machine.unusable(loaded) + loaded.broken + parts.left_out()
        found = None if files else _daemons_view(ctx, loaded, must=secrets)
        waiting = found.restart if found else []
        if secrets:
            problems += found.problems + found.secrets if found else _unreadable(loaded)
    if as_json:
        told = {"files": read, "problems": problems, "warnings": warnings, "restart": waiting}
        _print_json({"ok": not problems, **told})
    else:
        for line in warnings:
            print(f"warning: {visible(line)}")
        for line in problems:
            print(f"error: {visible(line)}")
        if waiting:
            print(f"only a restart of the daemon applies: {', '.join(waiting)}")
        print(_verdict(read, problems, warnings))
    raise typer.Exit(1 if problems else 0)


def _daemons_view(ctx: typer.Context, loaded: Loaded, *, must: bool) -> models.Checked | None:
    """Return what the daemon that runs says of its files; None where none runs.

    Unless it ``must`` be asked, one that starts, or that we may not ask, is none.
    """
    from mindbot.api import calls
    from mindbot.config.running import daemon_of

    daemon = daemon_of(ctx, loaded)
    if daemon is None:
        return None
    try:
        return daemon.ask(calls.check_config())
    except (Forbidden, Unreachable):
        if must:
            raise
        return None


def _unreadable(loaded: Loaded) -> list[str]:
    """Return the secrets that this command cannot read; a daemon has an environment of its own."""
    from mindbot.config.paths import state_dir
    from mindbot.config.secret_check import unreadable
    from mindbot.config.secrets import SecretLookup

    return unreadable(loaded, SecretLookup(state_dir(loaded.config.state_dir)))


def _verdict(files: Sequence[str], problems: Sequence[str], warnings: Sequence[str]) -> str:
    if problems:
        return f"{_count(problems, 'problem')}; this configuration cannot be used"
    what = " + ".join(files) or "no file found, the built-in default"
    return f"ok: {what}" + (f" ({_count(warnings, 'warning')})" if warnings else "")


def _count(items: Sequence[str], noun: str) -> str:
    return f"{len(items)} {noun}{'' if len(items) == 1 else 's'}"


@config.command()
def show(
    ctx: typer.Context,
    section: Annotated[str, typer.Argument(help="A key such as wecom or log.level; else everything.")] = "",
    changed: Annotated[bool, typer.Option("--changed", help="Without the defaults.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the configuration in use, each value with its origin; secrets stay hidden.

    A daemon that runs is asked what is in force; with --config, or without a daemon, the files are read.
    """
    from mindbot.config import view

    rows = [
        row for row in _rows(ctx) if _below(row.key, section) and not (changed and row.origin == view.DEFAULT)
    ]
    if section and not rows and not changed:
        raise ConfigError(f"nothing is called {section}", hint="`mindbot config schema` lists every key")
    if _wants_json(as_json):
        values = {row.key: row.value for row in rows}
        _print_json({"values": values, "origins": {row.key: row.origin for row in rows}})
        return
    texts = [(visible(row.key), json_line(row.value), visible(row.origin)) for row in rows]
    keys, values_ = (max((len(t[n]) for t in texts), default=0) for n in (0, 1))
    for key, value, origin in texts:
        print(f"{key:{keys}}  {value:{min(values_, 50)}}  {origin}".rstrip())


def _rows(ctx: typer.Context) -> list[view.Row]:
    from mindbot.api import calls
    from mindbot.config import view
    from mindbot.config.running import daemon_of

    daemon = None if _named(ctx) else daemon_of(ctx, _readable(ctx))
    if daemon is None:
        return view.rows(_load(ctx))
    found = daemon.ask(calls.config())
    return [view.Row(k, v, found.origins.get(k, view.DEFAULT)) for k, v in found.values.items()]


def _readable(ctx: typer.Context) -> Loaded | None:
    """Return the configuration for the socket it may name; whoever may only look cannot read it."""
    try:
        return _load(ctx)
    except ConfigError:
        return None


def _below(key: str, section: str) -> bool:
    return not section or key == section or key.startswith((f"{section}.", f"{section}["))


@config.command()
def schema(as_json: JsonOption = False) -> None:
    """Print the JSON Schema of a configuration file, for editors."""
    from mindbot.config.schema import json_schema

    if as_json:
        _print_json(json_schema())
    else:
        print(json.dumps(json_schema(), ensure_ascii=False, indent=2))


@config.command()
def diff(
    ctx: typer.Context,
    old: Annotated[Path | None, typer.Argument(help="Else the built-in default.")] = None,
    new: Annotated[Path | None, typer.Argument(help="Else the configuration in use.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two configurations, value by value: OLD with NEW, or with the one in use."""
    from mindbot.config import view
    from mindbot.config.load import load
    from mindbot.config.parts import read

    before = load([old]).config if old else read({})
    after = load([new]).config if new else _load(ctx).config
    for key, was, now in view.differences(before, after):
        if _wants_json(as_json):
            _print_json({"key": key, "old": was, "new": now})
        else:
            print(f"{visible(key)}: {json_line(was)} → {json_line(now)}")


def _named(ctx: typer.Context) -> list[Path | str]:
    """Return the files that the command line names before the subcommand."""
    return list((ctx.obj or {}).get("config") or [])


def _load(ctx: typer.Context) -> Loaded:
    from mindbot.config.load import load

    return load(_named(ctx))


def _wants_json(flag: bool) -> bool:
    return flag or not sys.stdout.isatty()


def _print_json(value: Any) -> None:
    print(json_line(value), flush=True)
