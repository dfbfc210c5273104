"""What is known of cards outlives sends and presses: the first press counts, what was kept before is read."""

from __future__ import annotations

import anyio
import pytest

from mindbot.domain.delivery import Delivery
from mindbot.domain.message import Part
from mindbot.platforms.card_ledger import CardLedger, SentCard
from mindbot.testing.platforms import Inbox, MemoryKeep

pytestmark = pytest.mark.anyio
CHOICE = Part("card", "Go on?", {"buttons": [{"text": "Yes", "id": "yes"}]})
DELIVERY = Delivery(7, 0, "wecom", "hr", "wecom:hr:li", {"touser": "li"}, [CHOICE])


@pytest.fixture
def keep() -> MemoryKeep:
    return MemoryKeep(Inbox())


async def test_the_first_press_counts_whoever_comes_at_the_same_moment(keep: MemoryKeep) -> None:
    ledger = CardLedger(keep, 60)
    await ledger.open(SentCard.of(DELIVERY, "c1"))
    counted = []

    async def press(user: str) -> None:
        async with ledger.pressing("c1"):
            card = await ledger.find("c1")
            assert card is not None
            await anyio.sleep(0)
            if card.press({"user": user}):
                counted.append(user)
                await ledger.record(card, [])

    async with anyio.create_task_group() as tasks:
        for user in ("li", "wang", "zhao"):
            tasks.start_soon(press, user)
    found = await ledger.find("c1")
    assert len(counted) == 1 and found is not None and found.pressed == {"user": counted[0]}


async def test_a_card_that_is_sent_again_stays_pressed(keep: MemoryKeep) -> None:
    ledger = CardLedger(keep, 60)
    card = SentCard.of(DELIVERY, "c1")
    await ledger.open(card)
    card.press({"user": "li"})
    await ledger.record(card, [])
    await ledger.open(SentCard.of(DELIVERY, "c1"))
    assert await ledger.find("c1") == card
    await ledger.drop("c1")
    assert await ledger.find("c1") is None


async def test_the_part_that_ai_bots_kept_alone_is_a_card(keep: MemoryKeep) -> None:
    await keep.put("card:old", CHOICE.to_json())
    assert await CardLedger(keep, 60).find("old") == SentCard("old", CHOICE)
    assert await CardLedger(keep, 60).find("") is None
