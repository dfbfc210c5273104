"""`mindbot secret …`: keep secrets out of the configuration.

With a daemon running they go through its API, so that they land where it reads and are used at once;
without one they are kept here. A value comes from a prompt or standard input, never from the command line,
where other users could see it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mindbot.config.running import daemon_of
from mindbot.domain.errors import SecretError
from mindbot.domain.visible import json_line

if TYPE_CHECKING:
    from mindbot.config.load import Loaded
    from mindbot.config.secrets import SecretLookup

secret = typer.Typer(
    help="Keep secrets out of the configuration.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(help="Letters, digits, - _ and .")]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON lines, as when piped.")]

_LONGEST = 65_536  # characters; what the API takes


@secret.command("set")
def set_secret(ctx: typer.Context, name: Name, as_json: JsonOption = False) -> None:
    """Keep a secret, or replace it. Asks for the value, or reads it from standard input."""
    from mindbot.api import calls
    from mindbot.config.lookalikes import unusable

    value = _value(name)
    if why := unusable(value):
        raise SecretError(f"nothing was kept: the value holds {why}", hint="copy it once more, alone")
    if value != value.strip():
        typer.echo("warning: the value begins or ends with blanks, and is kept with them", err=True)
    loaded = _load(ctx)
    if daemon := daemon_of(ctx, loaded):
        daemon.ask(calls.set_secret(name, value))
        where = f"by the daemon on {daemon.socket}"
    else:
        _secrets(loaded).set(name, value)
        where = f"in {_state_dir(loaded)}"
    if as_json:
        _print_json({"name": name, "kept": True, "where": where})
    else:
        print(f'kept {where}; in the configuration write "keyring:{name}"')


@secret.command("get")
def get_secret(
    ctx: typer.Context,
    name: Name,
    reveal: Annotated[bool, typer.Option("--reveal", help="Print the value.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say where a secret is found, and print it with --reveal."""
    from mindbot.api import calls

    loaded = _load(ctx)
    try:
        value, place = _secrets(loaded).lookup(name)
    except SecretError as error:
        daemon = daemon_of(ctx, loaded)
        if daemon is None or name not in daemon.ask(calls.secrets()):
            raise
        raise SecretError(
            f"the daemon that runs keeps a secret named {name!r}, and tells its value to nobody",
            hint="ask as its user, with its configuration and STATE_DIRECTORY",
        ) from error
    shown = value if reveal else "********"
    if as_json:
        _print_json({"name": name, "value": shown, "from": place})
    else:
        print(shown if reveal else f"{shown}  from the {place}")


@secret.command("list")
def list_secrets(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """List the names of secrets; values are not shown."""
    from mindbot.api import calls

    loaded = _load(ctx)
    daemon = daemon_of(ctx, loaded)
    for name in daemon.ask(calls.secrets()) if daemon else _secrets(loaded).list():
        if as_json or not sys.stdout.isatty():
            _print_json({"name": name})
        else:
            print(name)


@secret.command("delete")
def delete_secret(ctx: typer.Context, name: Name, as_json: JsonOption = False) -> None:
    """Remove a secret."""
    from mindbot.api import calls

    loaded = _load(ctx)
    if daemon := daemon_of(ctx, loaded):
        daemon.ask(calls.delete_secret(name))
    else:
        _secrets(loaded).delete(name)
    if as_json:
        _print_json({"name": name, "deleted": True})
    else:
        print(f"deleted {name}")


def _value(name: str) -> str:
    if sys.stdin.isatty():
        from getpass import getpass

        value = getpass(f"{name}: ")
        if value.startswith("-----BEGIN ") and "-----END " not in value:
            hint = f"a prompt reads one line; the whole file: mindbot secret set {name} < FILE"
            raise SecretError("that is the first line of a key; nothing was kept", hint=hint)
        if getpass("again: ") != value:
            raise SecretError("the two differ; nothing was kept")
        if not value:
            raise SecretError("a secret cannot be empty; nothing was kept", hint=f"mindbot secret set {name}")
        return value
    value = sys.stdin.read(_LONGEST + 2).removesuffix("\n").removesuffix("\r")
    if not value:
        raise SecretError("no value on standard input", hint=f"printf %s VALUE | mindbot secret set {name}")
    if len(value) > _LONGEST:
        raise SecretError(f"a secret has at most {_LONGEST} characters")
    return value


def _load(ctx: typer.Context) -> Loaded:
    from mindbot.config.load import load

    return load((ctx.obj or {}).get("config"))


def _state_dir(loaded: Loaded) -> Path:
    from mindbot.config.paths import state_dir

    return state_dir(loaded.config.state_dir)


def _secrets(loaded: Loaded) -> SecretLookup:
    """Return this machine's secrets, where no daemon is asked; raises ConfigError for the wrong ones."""
    from mindbot.config.paths import own_state_dir
    from mindbot.config.secrets import SecretLookup

    return SecretLookup(own_state_dir(loaded.config.state_dir))


def _print_json(value: Any) -> None:
    print(json_line(value), flush=True)
