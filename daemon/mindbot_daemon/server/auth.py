"""Lets a request through, or not, by the role of the peer that made it."""

from __future__ import annotations

import pwd
from collections.abc import Awaitable, Callable

from starlette.requests import HTTPConnection

from mindbot.domain.errors import Forbidden
from mindbot.domain.operators import Operator
from mindbot_daemon.server.roles import Role, Roles

_CONSOLE = 64  # characters of what a console calls itself


def role_of(connection: HTTPConnection) -> Role | None:
    """Return the role of the peer that made a request."""
    roles: Roles = connection.app.state.roles
    return roles.of(connection.state.peer)


def user_of(connection: HTTPConnection) -> str:
    """Return the local user who made a request, by the kernel's word: a name, or a number that has none.

    Blocks: users may be in a directory far away. As a dependency it runs in a thread.
    """
    uid: int = connection.state.peer.uid
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def console_named(text: str) -> str:
    """Return what a console calls itself, as it is kept."""
    return text[:_CONSOLE]


def operator_of(connection: HTTPConnection) -> Operator:
    """Return who asks, and the console that they say they sit at. Blocks, as `user_of` does."""
    console = console_named(connection.headers.get("mindbot-console", ""))
    return Operator(user_of(connection), console, (role_of(connection) or 0) >= Role.admin)


def require(role: Role) -> Callable[[HTTPConnection], Awaitable[None]]:
    """Return a dependency that lets only peers of that role, or a higher one, through."""

    async def check(connection: HTTPConnection) -> None:
        found = role_of(connection)
        if found is None or found < role:
            raise Forbidden(
                f"this needs the role {role.name}, you are {found.name if found else 'none'}",
                hint="roles come from groups: api.viewers, api.operators, api.admins in the configuration",
            )

    return check
