"""What deliveries say while they wait: in memory up to a bound, beyond it on disk alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import StoreUnreadable
from mindbot.domain.ports.store import OutboxStore
from mindbot.runtime.dispatcher import PAGE

#: Reads a delivery from disk by its turn and place; raises StoreError.
Read = Callable[[int, int], Awaitable[Delivery | None]]


class InHand:
    """Counts the characters of waiting deliveries. Past ``most`` one keeps its place and its notes, and what
    it says is read again before each attempt. Without ``read`` everything is held."""

    def __init__(self, read: Read | None, most: int) -> None:
        self.read = read
        self.most = most
        self.characters = 0

    def wait(self, d: Delivery, *, at_once: bool = False) -> None:
        """Let a delivery that is on disk wait; one that goes out ``at_once`` is held at any rate."""
        length = d.length
        if self.read is not None and not at_once and self.characters + length > self.most:
            d.put_down()
        else:
            self.characters += length

    def leave(self, d: Delivery) -> None:
        """Count a delivery no longer: it waits no more."""
        if not d.on_disk:
            self.characters -= d.length

    async def take_up(self, d: Delivery) -> None:
        """Read what a delivery says that was put down.

        Raises:
            StoreError: it could not be read; one that is not retryable says that it never can.
        """
        if not d.on_disk or self.read is None:
            return
        found = await self.read(d.turn, d.n)
        if found is None:
            reason = "it is not on disk any more"
            raise StoreUnreadable(
                f"delivery {d.id}: {reason}", hint="was the database replaced?", reason=reason
            )
        d.parts, d.on_disk = found.parts, False


async def resume(kept: OutboxStore, submit: Callable[[list[Delivery]], None]) -> None:
    """Take over what an earlier process has not sent, page by page; raises StoreError."""
    place = (0, 0)
    while page := await kept.open_deliveries(place, PAGE):
        submit(page)
        place = (page[-1].turn, page[-1].n)
