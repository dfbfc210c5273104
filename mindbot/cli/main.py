"""The `mindbot` command: global options, lazily loaded commands, errors and exit codes."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from mindbot.cli.lazy import LazyGroup
from mindbot.cli.look import WIDTH
from mindbot.cli.output import plain
from mindbot.domain.errors import (
    BadFilter,
    ConfigError,
    Forbidden,
    MindBotError,
    TimedOut,
    Unreachable,
)

#: Exit codes beside 0 (ok) and 1 (failed).
USAGE, UNREACHABLE, TIMEOUT, REFUSED = 2, 3, 4, 5

app = typer.Typer(
    cls=LazyGroup,
    help="LLM bots on DingTalk, WeCom and WeCom Customer Service.",
    epilog="Exit codes: 0 ok, 1 failed, 2 usage, 3 no daemon, 4 timeout, 5 refused by policy.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": WIDTH},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from mindbot.domain.distribution import version

        print(f"mindbot {version()}")
        raise typer.Exit


@app.callback()
def options(
    ctx: typer.Context,
    config: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="Configuration file; repeatable, later wins.")
    ] = None,
    socket: Annotated[
        Path | None, typer.Option(metavar="PATH", help="The daemon's socket; else $MINDBOT_SOCKET.")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    ctx.obj = {"config": config or [], "socket": str(socket) if socket else None}


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command line (the process's own by default) and exit."""
    _open_streams()
    try:
        status = _run(argv)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output has seen enough
        status = _mute()
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print(f"mindbot: cannot write the output: {error.strerror}", file=sys.stderr)
        status = _mute()
    sys.exit(status)


def _open_streams() -> None:
    """Give every command an output that takes what it prints.

    A stream the caller closed is None in Python, and a terminal that is not UTF-8 cannot show every name:
    both would end in a traceback where a mark in the text is enough.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - open until the end
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _mute() -> int:
    """Let what is still buffered go nowhere, or Python would complain at exit; returns the exit code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _run(argv: Sequence[str] | None) -> int:
    try:
        app(args=argv, prog_name="mindbot")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except MindBotError as error:
        explain(error)
        return exit_code(error)
    return 0


def explain(error: MindBotError) -> None:
    """Say on stderr what is wrong and how to mend it."""
    print(f"mindbot: {plain(error.message)}", file=sys.stderr)
    if isinstance(error, ConfigError):
        for problem in error.problems:
            print(f"  {plain(problem)}", file=sys.stderr)
    if error.hint:
        print(f"  {plain(error.hint)}", file=sys.stderr)
    if isinstance(error, BadFilter) and error.fields:
        print(f"  fields: {', '.join(error.fields)}", file=sys.stderr)


def exit_code(error: MindBotError) -> int:
    """Return the exit code that an error means."""
    if isinstance(error, Unreachable):
        return UNREACHABLE
    if isinstance(error, TimedOut):
        return TIMEOUT
    if isinstance(error, BadFilter):
        return USAGE
    return REFUSED if isinstance(error, Forbidden) else 1


if __name__ == "__main__":
    main()
