"""From options and environment to a running console."""

from __future__ import annotations

import os
import socket as network
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mindbot.domain.errors import ConfigError, Invalid, NotFound
from mindbot_tui.words import LANGUAGES, language_of

if TYPE_CHECKING:
    from mindbot_tui.keymap import Keymap
    from mindbot_tui.state.own import OwnCommand


def start(
    socket: str | None = None,
    *,
    readonly: bool = False,
    language: str = "",
    theme: str = "",
    production: bool = False,
    fps: float = 10,
    keymap: str = "",
    commands: str = "",
    at: str = "",
    filter: str = "",
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Run a console until it is left.

    Raises:
        NotFound: there is no such language or theme.
        Invalid: there is no terminal, or ``at`` is no time.
        BadFilter: of ``filter``.
        SystemExit: it ended otherwise than by being left: its terminal went, or it failed.
    """
    # A browser's console has a driver of its own.
    if not (on_terminal() or "TEXTUAL_DRIVER" in environ):
        raise Invalid(
            "the console needs a terminal", hint="in a pipe, mindbot tail follows turns as JSON lines"
        )
    os.environ.setdefault("TEXTUAL_FPS", "30")
    from mindbot_tui.app import Console
    from mindbot_tui.remote import Remote

    if language and language not in LANGUAGES:
        raise NotFound(f"no language {language!r}", hint=", ".join(LANGUAGES))
    if filter:
        from mindbot.filters.fields import TURN_FIELDS
        from mindbot.filters.language import parse

        parse(filter, TURN_FIELDS)
    if at:
        from mindbot_tui.state.times import moment_of

        moment_of(at, time.time())
    keys, own = brought(keymap, commands, environ)
    name, environment, loud = look_of(theme, production, environ)
    console = Console(
        Remote(socket),
        language=language or language_of(environ),
        environment=environment,
        loud=loud,
        host=network.gethostname().partition(".")[0],
        readonly=readonly,
        fps=fps,
        keymap=keys,
        keymap_path=keymap or own_file("keymap.yaml", environ),
        begins=[*([f"filter {filter}"] if filter else []), *([f"jump {at}"] if at else [])],
    )
    console.state.own = own
    console.use_theme(name)
    console.run()
    if console.return_code:
        raise SystemExit(console.return_code)


def own_file(name: str, environ: Mapping[str, str]) -> str:
    """Return where a reader's own file is looked for; empty for one without a home."""
    from mindbot.config.paths import user_config_dir

    folder = user_config_dir(environ)
    return str(folder / name) if folder else ""


def keymap_of(named: str, environ: Mapping[str, str]) -> Keymap:
    """Return the keys that a file changes: the one that is named, or the reader's own where there is one.

    Raises:
        ConfigError: it is named and cannot be read.
    """
    from mindbot_tui.keymap import Keymap

    path = named or own_file("keymap.yaml", environ)
    if not path or not (named or Path(path).exists()):
        return Keymap()
    from mindbot_tui.keyfile import read_keymap
    from mindbot_tui.screens.catalog import contexts

    try:
        return read_keymap(Path(path), contexts().values())
    except ConfigError as error:
        if named:
            raise
        return Keymap(path=path, problems=error.problems or [str(error)])


def brought(
    keymap: str, commands: str, environ: Mapping[str, str]
) -> tuple[Keymap, Mapping[str, OwnCommand]]:
    """Return the keys and the commands that a reader brings, from files that are named or that are there.

    Commands run as whoever started the console: a browser's has none unless their file is named.

    Raises:
        ConfigError: a file is named and cannot be read.
    """
    keys = keymap_of(keymap, environ)
    path = commands or ("" if "TEXTUAL_DRIVER" in environ else own_file("commands.yaml", environ))
    if not path or not (commands or Path(path).exists()):
        return keys, {}
    from mindbot_tui.ownfile import read_commands, with_own
    from mindbot_tui.screens.catalog import contexts

    views = contexts()
    try:
        own, problems = read_commands(Path(path), views)
    except ConfigError as error:
        if commands:
            raise
        own, problems = {}, error.problems or [str(error)]
    keys = with_own(keys, own, views)
    keys.problems += problems
    return keys, own


def on_terminal() -> bool:
    """Whether a console can be shown and typed into: Textual reads from stdin and draws on stderr."""
    return all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


def look_of(theme: str, production: bool, environ: Mapping[str, str]) -> tuple[str, str, str]:
    """Return the theme to use, the word that the frame shouts, and the colour it shouts in.

    A colour alone shouts its own name; ``$MINDBOT_CONSOLE_COLOR`` is a colour, or ``colour:word``.
    Raises NotFound.
    """
    from mindbot_tui import themes

    colour, _, word = environ.get("MINDBOT_CONSOLE_COLOR", "").partition(":")
    if colour and colour not in themes.LOUD:
        raise NotFound(f"no colour {colour!r} in $MINDBOT_CONSOLE_COLOR", hint=", ".join(themes.LOUD))
    if production:
        return theme or themes.DARK, word or "production", colour or "red"
    return theme or themes.DARK, word or colour, colour
