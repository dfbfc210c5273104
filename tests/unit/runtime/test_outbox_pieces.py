"""Deliveries that are several messages: what the outbox does when one of them may have arrived."""

from __future__ import annotations

import pytest
from test_outbox import Disk, Phone, a_delivery, an_outbox, done

from mindbot.domain.delivery import Delivery, DeliveryNotes, Sent
from mindbot.domain.errors import NetworkFailed

pytestmark = pytest.mark.anyio


class Pieces(Phone):
    """Says each delivery in four messages, counting in ``said`` what surely arrived."""

    def __init__(self, *script: Exception | None) -> None:
        super().__init__(idempotent=False)
        self.answers = list(script)

    async def send(self, delivery: Delivery) -> Sent:
        for n in range(delivery.said, 4):
            self.seen.append((f"{delivery.text}{n}", delivery.again))
            if self.answers and (failure := self.answers.pop(0)):
                raise failure
            delivery.notes.said = n + 1
        return Sent()


def lost() -> NetworkFailed:
    return NetworkFailed("the connection was lost before the answer", sent=True)


async def test_each_message_of_a_delivery_has_one_repeat_of_its_own() -> None:
    phone, disk = Pieces(lost(), None, lost(), None, None, lost()), Disk()
    async with an_outbox(phone, disk) as outbox:
        delivery = a_delivery("a")
        outbox.submit([delivery])
        await done(outbox)
    assert [text for text, _ in phone.seen] == ["a0", "a0", "a1", "a1", "a2", "a3", "a3"]
    assert delivery.state == "sent"
    assert delivery.notes == DeliveryNotes(said=4, repeated=True, repeated_from=3)


async def test_a_message_of_a_delivery_is_repeated_once_only() -> None:
    phone, disk = Pieces(None, lost(), lost()), Disk()
    async with an_outbox(phone, disk) as outbox:
        delivery = a_delivery("a")
        outbox.submit([delivery])
        await done(outbox)
    assert [text for text, _ in phone.seen] == ["a0", "a1", "a1"]
    assert delivery.state == "dead" and delivery.notes.repeated


async def test_a_message_that_surely_did_not_arrive_has_its_repeat_before_it() -> None:
    never_left = NetworkFailed("not connected", sent=False)
    phone, disk = Pieces(lost(), None, never_left, lost()), Disk()
    async with an_outbox(phone, disk) as outbox:
        delivery = a_delivery("a")
        outbox.submit([delivery])
        await done(outbox)
    assert phone.seen == [
        ("a0", False), ("a0", True), ("a1", True), ("a1", False), ("a1", True), ("a2", True), ("a3", True),
    ]  # fmt: skip
    assert delivery.state == "sent"


async def test_a_crash_repeats_a_message_of_a_delivery_once_only() -> None:
    phone, disk = Pieces(), Disk()
    async with an_outbox(phone, disk) as outbox:
        fresh, again = a_delivery("a"), a_delivery("b")
        for delivery in (fresh, again):
            delivery.state, delivery.again = "unknown", True
        # On disk while the third message was on the wire: the one repeated its first, the other its third.
        fresh.notes = DeliveryNotes(said=2, repeated=True)
        again.notes = DeliveryNotes(said=2, repeated=True, repeated_from=2)
        outbox.submit([fresh, again])
        await done(outbox)
    assert [text for text, _ in phone.seen] == ["a2", "a3"]
    assert (fresh.state, fresh.notes.repeated_from, again.state) == ("sent", 2, "dead")
