"""One process per state directory, and per database: a daemon, or a command that replaces its database.

A database may lie outside of the state directory, where two daemons with a directory each would both use it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mindbot.config.paths import give_to_owner
from mindbot.domain.errors import ConfigError, Conflict
from mindbot.store.database import explain_os


@contextmanager
def only_one(state_dir: Path) -> Iterator[None]:
    """Hold the state directory's lock; the kernel lets go of it however the process ends.

    Raises:
        Conflict: another process holds it; the message names it.
        ConfigError: the directory cannot be used.
        StoreError: there is no room, or no lock, just now, or its file system has no locks.
    """
    path = state_dir / "daemon.lock"
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = _opened(path)
    except OSError as error:
        mend = ConfigError(
            f"state_dir: cannot use {state_dir}: {error.strerror or error}",
            hint="set state_dir to a writable folder",
        )
        passing = explain_os(error, path)
        raise (passing if passing.passes else mend) from error
    with _held(held, path, f"a daemon is running already with {state_dir}"):
        yield


@contextmanager
def one_user(database: Path) -> Iterator[None]:
    """Hold a database's own lock, ``….lock`` beside it, whichever name led to it.

    Raises:
        Conflict: another process uses the database; the message names it.
        StoreError: its folder cannot be used, or its file system has no locks; what passes is told apart.
    """
    path = database.resolve()
    path = path.with_name(path.name + ".lock")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = _opened(path)
    except OSError as error:
        raise explain_os(error, path, "set state_dir or store.file to a writable folder") from error
    with _held(held, path, f"{database} is used by another process"):
        yield


def _opened(path: Path) -> int:
    held = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    give_to_owner(path)
    return held


@contextmanager
def _held(held: int, path: Path, who: str) -> Iterator[None]:
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(held, 20).decode("ascii", "replace").strip() or "unknown"
            raise Conflict(f"{who} (pid {pid})", hint="stop it with: mindbot daemon stop") from None
        except OSError as error:
            raise explain_os(error, path) from error
        with suppress(OSError):  # on a full or failing disk it is held all the same, without a name
            os.ftruncate(held, 0)
            os.pwrite(held, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(held)
