"""What the contract of stores is tested with."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from mindbot.domain.delivery import Delivery
from mindbot.domain.message import Message, text_part
from mindbot.domain.ports.store import Queries, Store
from mindbot.domain.turn import Turn


@dataclass
class StoreRig:
    """Opens stores over one place; the next one finds what the one before left. ``from_now`` is a setting."""

    open: Callable[..., AbstractAsyncContextManager[Store]]


def a_message(key: str = "m1", text: str = "hello", user: str = "lin", **more: Any) -> Message:
    """Return a message of a user on the console."""
    fields: dict[str, Any] = {
        "platform": "console",
        "bot": "default",
        "key": key,
        "session": f"console:default:{user}",
        "sender": user,
        "kind": "text",
        "parts": (text_part(text),),
        "reply_to": {"to": user},
        "received": time.time(),
    }
    return Message(**fields | more)


def answered(turn: Turn, text: str) -> Turn:
    """Return a turn that ends with an answer."""
    turn.reply.say(text)
    turn.state, turn.finished = "answered", time.time()
    return turn


def a_delivery(turn: Turn, n: int = 0, **more: Any) -> Delivery:
    """Return a delivery of what a turn says."""
    m = turn.message
    return Delivery(
        turn.number, n, m.platform, m.bot, m.session, m.reply_to, turn.reply.parts, created=1.0, **more
    )


async def nothing_runs(store: Store) -> Queries:
    """Return an operator's questions while no turn is in memory."""
    return await store.queries(lambda session, number: None)
