"""Runs the daemon as a process: configuration, logs, exit status, and one clear line when it fails."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import structlog

from mindbot.api.sockets import SYSTEM_SOCKET, user_socket
from mindbot.config.load import Loaded, load
from mindbot.config.paths import state_dir
from mindbot.domain.errors import ConfigError, MindBotError
from mindbot.telemetry.logging import setup
from mindbot.telemetry.redaction import redactor
from mindbot_daemon.daemon import Daemon, Place
from mindbot_daemon.systemd import EX_CONFIG, Notifier, inherited_sockets, is_service

if TYPE_CHECKING:
    from mindbot_daemon.server.backend import Runtime

log = structlog.get_logger("mindbot.daemon")

_FILES = 65_536


def main() -> None:
    """`mindbotd`: the same as ``mindbot daemon run``."""
    from mindbot.cli.main import main as command_line

    options = sys.argv[1:]
    if "--help" in options:
        command_line(["daemon", "run", "--help"])
    else:
        command_line([*options, "daemon", "run"])


def run(files: Sequence[str], socket: str | None) -> int:
    """Run the daemon in this process until a signal; returns the exit status.

    A configuration that cannot be used gives 78 under systemd, whose unit then does not try again, and 1
    elsewhere.
    """
    unusable = EX_CONFIG if is_service(os.environ) else 1
    try:
        return _run(files, socket)
    except BaseExceptionGroup as group:  # what task groups make of an error
        errors = list(_leaves(group))
    except Exception as error:  # noqa: BLE001 - explained below, and the process ends
        errors = [error]
    for each in errors:
        _explain(each)
    return unusable if all(isinstance(each, ConfigError) for each in errors) else 1


def _run(files: Sequence[str], socket: str | None) -> int:
    def read() -> Loaded:
        return load([Path(file) for file in files] or None)

    setup()  # what crashes while the configuration is read is told without its secrets
    loaded = read()
    logs = loaded.config.log
    setup(logs.level, logs.format, levels=logs.levels)
    _raise_file_limit()
    place = place_of(loaded, socket, os.environ)
    daemon = Daemon(read, _open_runtime, place, Notifier(os.environ), inherited_sockets(os.environ))
    return anyio.run(daemon.run, loaded, backend_options={"use_uvloop": True})


def _raise_file_limit() -> None:
    """A thousand platform connections and as many clients do not fit the usual soft limit of 1,024 files.

    Under systemd the unit says it (LimitNOFILE) and its system call filter refuses this; that is fine.
    """
    with suppress(OSError, ValueError):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def place_of(loaded: Loaded, socket: str | None, environ: Mapping[str, str]) -> Place:
    """Return where the daemon lives: its socket is the one named on the command line, in
    ``$MINDBOT_SOCKET`` or in the configuration, else the usual one, which clients find by themselves."""
    config = loaded.config
    state = state_dir(config.state_dir, environ).absolute()
    if named := socket or environ.get("MINDBOT_SOCKET"):
        path = Path(named).absolute()
    elif config.api.socket:
        path = state / Path(config.api.socket).expanduser()
    else:
        path = _usual_socket(environ)
    roles: dict[str, str] = {}
    for role, groups in (
        ("viewer", config.api.viewers),
        ("operator", config.api.operators),
        ("admin", config.api.admins),
    ):
        roles |= dict.fromkeys(groups, role)
    return Place(path, state, config.api.group, roles, config.dispatcher.drain_timeout)


def _usual_socket(environ: Mapping[str, str]) -> Path:
    """In systemd's runtime directory, root's daemon in the system's, else in the user's own."""
    if runtime := environ.get("RUNTIME_DIRECTORY", ""):
        return Path(runtime.partition(":")[0], SYSTEM_SOCKET.name)
    if os.geteuid() == 0 and not environ.get("XDG_RUNTIME_DIR"):
        return SYSTEM_SOCKET
    return user_socket(environ)


def _open_runtime(loaded: Loaded, state_dir: Path) -> AbstractAsyncContextManager[Runtime]:
    from mindbot.runtime.app import Runtime

    return Runtime.open(loaded, state_dir)


def _explain(error: BaseException) -> None:
    """One line for the operator; what nobody expected goes into the log with its trace."""
    if not isinstance(error, MindBotError):
        log.critical("daemon.crashed", exc_info=error)
        text = redactor.registered(f"{type(error).__name__}: {error}")
        print(f"mindbotd: crashed: {text}", file=sys.stderr)
        return
    print(f"mindbotd: {error}", file=sys.stderr)
    if isinstance(error, ConfigError):
        for problem in error.problems:
            print(f"  {problem}", file=sys.stderr)


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
