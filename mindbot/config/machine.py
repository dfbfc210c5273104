"""What a configuration names on this machine, and cannot be used here: files, folders, the socket, groups.

The program that starts looks, and `mindbot config check`; whoever only reads a setting does not: another user
may see less of the machine than the daemon does.
"""

from __future__ import annotations

import grp
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from mindbot.api.sockets import LONGEST_PATH
from mindbot.config.load import Loaded
from mindbot.config.paths import state_dir
from mindbot.domain.errors import ConfigError

_FOLDER = "Name a folder, or what can become one"


def unusable(loaded: Loaded, *, socket: bool = True) -> list[str]:
    """Return a line with place, reason and mend for each that cannot be used. May block.

    Without ``socket`` the API's is not looked at: the command line has named another.
    """
    found = []
    for key, what in _findings(loaded, socket):
        place = loaded.origins.get(key) or next(
            (origin for name, origin in loaded.origins.items() if name.startswith(f"{key}[")), ""
        )
        found.append(f"{place}: {what}" if place else what)
    return found


def _findings(loaded: Loaded, socket: bool) -> Iterator[tuple[str, str]]:
    config = loaded.config
    state = state_dir(config.state_dir).absolute()
    if way := _in_the_way(state):
        yield "state_dir", f"state_dir: {way} is no folder. {_FOLDER}"
    file = config.store.path(state)
    if way := _in_the_way(file.parent):
        yield "store.file", f"store.file: {way} is no folder. {_FOLDER}"
    elif stat.S_ISDIR(_mode(file) or 0):
        yield "store.file", f"store.file: {file} is a folder. Name a file in it"
    if config.http.ca_file:
        from mindbot.http.tls import context

        try:
            context(config.http.ca_file)
        except ConfigError as error:
            yield "http.ca_file", str(error)
    if config.api.socket and socket:
        path = state / Path(config.api.socket).expanduser()
        if (length := len(os.fsencode(path))) > LONGEST_PATH:
            much = f"{length} bytes, and a socket's path has {LONGEST_PATH} at most"
            yield "api.socket", f"api.socket: {path} has {much}. Name a shorter one"
        elif way := _in_the_way(path.parent):
            yield "api.socket", f"api.socket: {way} is no folder. {_FOLDER}"
    for key in ("group", "viewers", "operators", "admins"):
        named = getattr(config.api, key)
        for name in [named] if isinstance(named, str) else named:
            if name and not name.isdecimal() and not _is_group(name):
                yield f"api.{key}", f"api.{key}: no group is named {name}. `getent group` lists them"


def _in_the_way(folder: Path) -> Path | None:
    """Return what is no folder where this one is, or would be made; None where nobody can tell."""
    for each in (folder, *folder.parents):
        if (mode := _mode(each)) != 0:
            return each if mode and not stat.S_ISDIR(mode) else None
    return None


def _mode(path: Path) -> int | None:
    """Return what a path names, as its mode: 0 where nothing is there, None where this user cannot tell."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError:
        return None


def _is_group(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True
