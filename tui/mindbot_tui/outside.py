"""Texts that leave the console: into a file, or into a program of the reader's."""

from __future__ import annotations

import io
import os
import shlex
import shutil
import signal
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
from textual.app import App, SuspendNotSupported

from mindbot.api import calls
from mindbot.api.saved import new_file
from mindbot.domain.errors import Invalid, NotFound
from mindbot_tui.daemon import Daemon
from mindbot_tui.state.files import TurnFile

#: Bytes that terminals take from OSC 52: xterm and hterm drop what is more than 100,000 in base64.
MOST_COPIED = 74_994


def write(text: str, path: Path) -> Path:
    """Write a text to a new file, of which nobody else may read; raises Invalid where that cannot be."""
    path = path.expanduser().absolute()
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(text.encode(errors="backslashreplace"))
    except FileExistsError as error:
        raise Invalid(f"{path} exists already", hint="give another name: write-text FILE") from error
    except OSError as error:
        raise Invalid(f"cannot write {path}: {error.strerror}", hint="give another name") from error
    return path


async def save(app: App[Any], text: str, name: str, *, given: bool) -> Path:
    """Write a text to a new file, with a number where there is one of that name and it was not ``given``, or
    hand it to the browser; returns what it is called. Raises Invalid."""
    if app.is_web:
        app.deliver_text(io.StringIO(text), save_filename=Path(name).name)
        return Path(Path(name).name)
    return await anyio.to_thread.run_sync(write, text, Path(name) if given else unused(Path(name)))


async def save_file(app: App[Any], daemon: Daemon, file: TurnFile) -> Path:
    """Fetch a file of the media store into a new one in this directory, or hand it to the browser; returns
    what it is called. Raises MindBotError."""
    call = calls.media_content(file.id)
    if app.is_web:
        with TemporaryDirectory(prefix="mindbot-") as folder:
            path = Path(folder, "file")
            with new_file(path, file.id) as out:
                await daemon.save(call, out)
            app.deliver_binary(path, save_filename=file.name)  # opened at once, it outlives its name
        return Path(file.name)
    path = unused(Path.cwd() / file.name)
    with new_file(path, file.id) as out:
        await daemon.save(call, out)
    return path


def unused(path: Path) -> Path:
    """Return the path, with a number where there is a file already."""
    named = (path if n == 1 else path.with_stem(f"{path.stem}-{n}") for n in count(1))
    return next(each for each in named if not os.path.lexists(each.expanduser()))


def program(environ: Mapping[str, str]) -> list[str]:
    """Return the command that opens a file; raises NotFound where there is none."""
    for name in ("VISUAL", "EDITOR", "PAGER"):
        if words := shlex.split(environ.get(name, "")):
            return words
    for name in ("less", "more"):
        if path := shutil.which(name):
            return [path]
    raise NotFound("there is no program to open a text with", hint="set $VISUAL, $EDITOR or $PAGER")


async def show(app: App[Any], text: str, name: str) -> None:
    """Give the terminal to a program that shows a text, and take it back when it ends.

    The app goes on meanwhile but for drawing; the file is private, and gone afterwards. Raises Invalid where
    there is no terminal to give away, NotFound without a program.
    """
    await edit(app, text, name)


async def edit(app: App[Any], text: str, name: str) -> str:
    """The same, and return what the program has made of the text. Raises Invalid where that is no text."""
    command = program(os.environ)
    with TemporaryDirectory(prefix="mindbot-") as folder:
        path = await anyio.to_thread.run_sync(write, text, Path(folder, name))
        try:
            with app.batch_update(), app.suspend():
                await _run([*command, str(path)])
        except SuspendNotSupported as error:
            raise Invalid("this console has no terminal to give to a program", hint="W saves it") from error
        except OSError as error:
            raise NotFound(f"cannot run {command[0]}: {error.strerror}") from error
        made = await anyio.to_thread.run_sync(_read, path)
    app.refresh(layout=True)
    return made


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"what the program left cannot be read: {error}", hint="save it as UTF-8") from error


async def _run(command: list[str]) -> None:
    # A Ctrl-C is the program's: it is sent to all processes in front of the terminal.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        async with await anyio.open_process(command, stdin=None, stdout=None, stderr=None) as process:
            await process.wait()
    finally:
        signal.signal(signal.SIGINT, before)
