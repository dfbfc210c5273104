"""Who is on the other end of the Unix socket, and what they may do.

The kernel tells: SO_PEERCRED gives process, user and group of the peer as they were when it connected,
SO_PEERGROUPS (Linux 4.13, socket(7)) its supplementary groups. Nothing is asked of /proc, where a process
id may have been given to somebody else meanwhile.
"""

from __future__ import annotations

import grp
import os
import pwd
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from mindbot.domain.errors import ConfigError

SO_PEERGROUPS = 59  # absent from Python's socket module; the same on x86, ARM and RISC-V
_GID_BYTES = 4
_MOST_GROUPS = 256  # Python reads at most 1,024 bytes of a socket option


class Role(IntEnum):
    """Each may do what the ones before it may."""

    viewer = 1
    operator = 2
    admin = 3


@dataclass(frozen=True, slots=True)
class Peer:
    """The process that connected."""

    pid: int
    uid: int
    groups: frozenset[int]


def peer_of(connection: socket.socket) -> Peer:
    """Return who connected. Works with the socket objects of asyncio and uvloop too."""
    pid, uid, gid = struct.unpack("iII", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    try:
        raw = connection.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, _MOST_GROUPS * _GID_BYTES)
        groups = struct.unpack(f"{len(raw) // _GID_BYTES}I", raw)
    except OSError:  # an older kernel, or a member of more groups than that
        groups = _groups_of(uid, gid)
    return Peer(pid, uid, frozenset((gid, *groups)))


def _groups_of(uid: int, gid: int) -> tuple[int, ...]:
    """The groups the user database knows."""
    try:
        return tuple(os.getgrouplist(pwd.getpwuid(uid).pw_name, gid))
    except KeyError:
        return (gid,)


@dataclass(frozen=True, slots=True)
class Roles:
    """Which role a peer has: root and the daemon's own user are admins, others by their groups."""

    by_group: Mapping[int, Role] = field(default_factory=dict)
    admins: frozenset[int] = field(default_factory=lambda: frozenset((0, os.geteuid())))

    def of(self, peer: Peer) -> Role | None:
        """The highest role a peer's user or groups give it."""
        if peer.uid in self.admins:
            return Role.admin
        return max((role for gid, role in self.by_group.items() if gid in peer.groups), default=None)


def read_roles(by_name: Mapping[str, str], socket_group: str = "") -> Roles:
    """Turn ``{group name: role name}`` into Roles; members of the socket's group are operators at least.

    Raises:
        ConfigError: an unknown group or role.
    """
    wanted = {**({socket_group: "operator"} if socket_group else {}), **by_name}
    roles = {}
    for group, role in wanted.items():
        if role not in Role.__members__:
            raise ConfigError(
                f"api.roles: unknown role {role!r}", hint=f"known: {', '.join(Role.__members__)}"
            )
        roles[group_id(group)] = Role[role]
    # Users and groups that a user namespace does not map all look like this one: it must not give a role.
    roles.pop(_overflow_gid(), None)
    return Roles(roles)


def group_id(name: str) -> int:
    """Return a group's number; raises ConfigError when there is no such group."""
    try:
        return int(name) if name.isdecimal() else grp.getgrnam(name).gr_gid
    except KeyError:
        raise ConfigError(f"no group named {name!r}", hint="see: getent group") from None


def _overflow_gid() -> int:
    try:
        return int(Path("/proc/sys/kernel/overflowgid").read_text())
    except (OSError, ValueError):  # ProcSubset=pid hides /proc/sys
        return 65534
