"""One process per state directory: a daemon, or a command that replaces its database."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mindbot.config.paths import give_to_owner
from mindbot.domain.errors import ConfigError, Conflict, StoreFull


@contextmanager
def only_one(state_dir: Path) -> Iterator[None]:
    """Hold the state directory's lock; the kernel lets go of it however the process ends.

    Raises:
        Conflict: another process holds it; the message names it.
        ConfigError: the directory cannot be used.
        StoreFull: there is no room to make it just now.
    """
    path = state_dir / "daemon.lock"
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        give_to_owner(path)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFull(
                f"no space left for {path}", hint="free some disk space; the start goes on by itself"
            ) from error
        raise ConfigError(
            f"state_dir: cannot use {state_dir}: {error.strerror or error}",
            hint="set state_dir to a writable folder",
        ) from error
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(held, 20).decode("ascii", "replace").strip() or "unknown"
            raise Conflict(
                f"a daemon is running already with {state_dir} (pid {pid})",
                hint="stop it with: mindbot daemon stop",
            ) from None
        with suppress(OSError):  # on a full or failing disk it is held all the same, without a name
            os.ftruncate(held, 0)
            os.pwrite(held, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(held)
