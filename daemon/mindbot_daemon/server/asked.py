"""Work that nobody waits for any more is ended: an asker has gone away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from anyio import create_task_group
from fastapi import Request

from mindbot.domain.errors import MindBotError, Unreachable

T = TypeVar("T")


async def while_asked(request: Request, work: Callable[[], Awaitable[T]]) -> T:
    """Return what ``work`` returns; it is cancelled when whoever asked hangs up.

    Raises:
        Unreachable: so it was, and nobody reads this.
        MindBotError: what ``work`` raises.
    """
    found: list[T] = []
    failed: MindBotError = Unreachable("whoever asked has gone")

    async def hung_up() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        tasks.cancel_scope.cancel()

    async with create_task_group() as tasks:
        tasks.start_soon(hung_up)
        try:
            found.append(await work())
        except MindBotError as error:
            failed = error
        tasks.cancel_scope.cancel()
    if not found:
        raise failed
    return found[0]
