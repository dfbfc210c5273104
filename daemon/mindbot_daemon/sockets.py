"""Binding: the local API's Unix socket, and TCP ports."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import struct
from pathlib import Path

from mindbot.api.sockets import LONGEST_PATH
from mindbot.domain.errors import ConfigError, Conflict, StoreFull

BACKLOG = 2048


def bind_unix(path: Path, gid: int | None = None) -> socket.socket:
    """Bind and listen on a Unix socket, mode 0660 and of that group; clients wait in its backlog.

    A socket left behind by a dead daemon is replaced. Missing folders are made: open to others only when
    a group is meant to come in.

    Raises:
        Conflict: a process answers on it.
        ConfigError: the path cannot be used.
        StoreFull: there is no room for it just now.
    """
    if len(os.fsencode(path)) > LONGEST_PATH:
        most = f"at most {LONGEST_PATH} bytes"
        raise ConfigError(f"api.socket: {path} is too long", hint=f"{most}; use --socket")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.parent.mkdir(mode=0o700 if gid is None else 0o755, parents=True, exist_ok=True)
        _remove_stale(path)
        mask = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(mask)
        if gid is not None and path.stat().st_gid != gid:
            os.chown(path, -1, gid)
        path.chmod(0o660)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFull(f"no space left for {path}", hint="free some disk space") from error
        raise ConfigError(
            f"api.socket: cannot bind {path}: {error.strerror or error}", hint="another path: --socket PATH"
        ) from error
    except BaseException:
        listener.close()
        raise
    return listener


def _remove_stale(path: Path) -> None:
    """Remove a socket that nobody answers on; anything else that is there is not ours to remove."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConfigError(f"api.socket: {path} exists and is no socket", hint="another path: --socket PATH")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except (BlockingIOError, TimeoutError):
            pass  # its backlog is full: somebody is there, if busy
        else:
            pid = struct.unpack("3i", probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
            raise Conflict(
                f"a daemon answers on {path} already (pid {pid})", hint="see: mindbot daemon status"
            )
    raise Conflict(f"a daemon answers on {path} already", hint="see: mindbot daemon status")


def remove_unix(path: Path, inode: int) -> None:
    """Remove our socket, unless somebody has put another in its place."""
    with contextlib.suppress(FileNotFoundError):
        if path.lstat().st_ino == inode:
            path.unlink()


def ephemeral() -> tuple[int, int]:
    """Return the first and last port that the kernel lends to clients (ip(7), ip_local_port_range)."""
    try:
        first, last = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
        return int(first), int(last)
    except (OSError, ValueError):
        return 32768, 60999


def bind_tcp(host: str, port: int) -> socket.socket:
    """Bind and listen on a TCP port; raises OSError. Look-ups may block: call it in a thread."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener
