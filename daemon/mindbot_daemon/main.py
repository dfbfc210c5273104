"""Runs the daemon as a process: configuration, logs, exit status, and one clear line when it fails."""

from __future__ import annotations

import faulthandler
import os
import resource
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import structlog

from mindbot.api.sockets import SYSTEM_SOCKET, user_socket
from mindbot.config import machine
from mindbot.config.load import Loaded, load
from mindbot.config.paths import state_dir
from mindbot.domain.errors import ConfigError, MindBotError
from mindbot.telemetry.logging import setup, to_journal
from mindbot.telemetry.redaction import redactor
from mindbot_daemon.daemon import Daemon, Place
from mindbot_daemon.refusing import refuse
from mindbot_daemon.systemd import EX_CONFIG, Inherited, Notifier, inherited_sockets, is_service

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
        ours = [option for option in options if option == "--from-now"]
        command_line([*(option for option in options if option not in ours), "daemon", "run", *ours])


def run(files: Sequence[str], socket: str | None, *, from_now: bool = False) -> int:
    """Run the daemon in this process until a signal; returns the exit status.

    With ``from_now`` nothing that was said before this start is answered, and nothing open goes on.

    A configuration that cannot be used gives 78 under systemd, whose unit then does not try again, and 1
    elsewhere.
    """
    _dump_stacks_when_aborted()
    unusable = EX_CONFIG if is_service(os.environ) else 1
    inherited = inherited_sockets(os.environ)
    waiting = inherited.api.dup() if inherited.api is not None else None  # the daemon closes its own
    try:
        return _run(files, socket, inherited, from_now)
    except BaseExceptionGroup as group:  # what task groups make of an error
        errors = list(_leaves(group))
    except Exception as error:  # noqa: BLE001 - explained below, and the process ends
        errors = [error]
    for each in errors:
        _explain(each)
    unmended = [each for each in errors if isinstance(each, ConfigError)]
    if len(unmended) < len(errors):
        return 1  # the service manager tries again; who waits on its socket goes on waiting
    if waiting is not None:
        refuse(waiting, unmended[0])
    return unusable


def _run(files: Sequence[str], socket: str | None, inherited: Inherited, from_now: bool) -> int:
    def read() -> Loaded:
        found = load([Path(file) for file in files] or None)
        named = bool(socket or os.environ.get("MINDBOT_SOCKET"))
        if problems := machine.unusable(found, socket=not named):
            raise ConfigError("the configuration names what cannot be used here", problems=problems)
        return found

    setup()  # what crashes while the configuration is read is told without its secrets
    loaded = read()
    logs = loaded.config.log
    setup(logs.level, logs.format, levels=logs.levels)
    _raise_file_limit()
    place = place_of(loaded, socket, os.environ)
    notifier = Notifier(os.environ)
    opener = partial(_open_runtime, from_now=from_now, on_wait=notifier.waits)
    daemon = Daemon(read, opener, place, notifier, inherited)
    return anyio.run(daemon.run, loaded, backend_options={"use_uvloop": True})


def _dump_stacks_when_aborted() -> None:
    """The watchdog's SIGABRT, and crashes in C, leave all stacks on stderr: files and lines, no values."""
    with suppress(OSError, ValueError):  # no stderr to write on
        faulthandler.enable(sys.stderr)


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


def _open_runtime(
    loaded: Loaded, state_dir: Path, *, from_now: bool, on_wait: Callable[[str], None]
) -> AbstractAsyncContextManager[Runtime]:
    from mindbot.runtime.app import Runtime

    return Runtime.open(loaded, state_dir, from_now=from_now, on_wait=on_wait)


def _explain(error: BaseException) -> None:
    """One line for the operator; what nobody expected goes into the log with its trace."""
    if not isinstance(error, MindBotError):
        log.critical("daemon.crashed", exc_info=error)
        text = redactor.registered(f"{type(error).__name__}: {error}")
        _say(f"mindbotd: crashed: {text}")
        return
    _say(f"mindbotd: {error}")
    if isinstance(error, ConfigError):
        for problem in error.problems:
            _say(f"  {problem}")


def _say(text: str) -> None:
    """Print on stderr; in the journal at priority err (sd-daemon(3)), where operators look first."""
    mark = "<3>" if to_journal(sys.stderr, os.environ) else ""
    for line in text.splitlines():
        print(mark + line, file=sys.stderr)


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
