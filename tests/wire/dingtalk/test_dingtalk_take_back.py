"""Taking back what was sent: what the robot API said goes, what webhooks and cards said stays."""

import pytest
from dingtalk_here import Here, a_delivery, connected

from mindbot.domain.abilities import TakesBack
from mindbot.domain.delivery import Delivery, DeliveryNotes
from mindbot.domain.errors import NetworkFailed, Rejected
from mindbot.domain.message import Json

pytestmark = pytest.mark.anyio


async def sent(here: Here, to: Json, kind: str = "message") -> Delivery:
    """Send a message; returns its delivery as it is on disk then."""
    delivery = a_delivery(to, "oops", kind=kind)
    if kind == "stream":
        await here.bot.stream(delivery, "oo")
    answer = await here.bot.send(delivery)
    delivery.sent_id = answer.id
    delivery.notes.add(answer.notes)
    return delivery


async def test_what_was_sent_by_the_api_can_be_taken_back() -> None:
    async with connected(run=False) as here:
        assert isinstance(here.bot, TakesBack)
        for to, screen in ((here.bot.address("li"), "li"), (here.bot.address_group("team"), "team")):
            oops = await sent(here, to)
            await here.bot.take_back(oops)
            assert here.shown(screen) == []
            await here.bot.take_back(oops)  # it is known to be gone
            oops.notes = DeliveryNotes()
            with pytest.raises(Rejected):
                await here.bot.take_back(oops)


async def test_a_lost_answer_does_not_leave_it_standing_for_ever() -> None:
    async with connected(run=False) as here:
        oops = await sent(here, here.bot.address("li"))
        here.sim.faults.set(["lost-answer:n=1@batchRecall"])
        with pytest.raises(NetworkFailed) as caught:
            await here.bot.take_back(oops)
        assert caught.value.sent and here.shown() == []
        with pytest.raises(Rejected):  # nobody said that it may be gone
            await here.bot.take_back(oops)
        oops.notes.take_back_unknown = 1.0
        await here.bot.take_back(oops)
        assert oops.gone == [oops.sent_id]


async def test_what_went_to_many_is_taken_back_from_all() -> None:
    async with connected(run=False) as here:
        users = [f"u{n}" for n in range(45)]
        oops = await sent(here, here.bot.address(",".join(users)))
        assert [here.shown(user) for user in users] == [["oops"]] * 45
        await here.bot.take_back(oops)
        assert [here.shown(user) for user in users] == [[]] * 45


async def test_a_long_answer_that_no_card_took_is_taken_back_whole() -> None:
    async with connected(run=False, enable_stream_reply=True, fault="500@createAndDeliver") as here:
        delivery = a_delivery(here.bot.address("li"), "好" * 9000, kind="stream")
        answer = await here.bot.send(delivery)
        delivery.sent_id = answer.id
        assert len(here.shown()) > 1
        await here.bot.take_back(delivery)
        assert here.shown() == []


async def test_an_answer_by_webhook_cannot_be_taken_back() -> None:
    async with connected() as here:
        with pytest.raises(Rejected, match="no id"):
            await here.bot.take_back(await sent(here, await here.asked()))


async def test_a_card_cannot_be_taken_back() -> None:
    async with connected(enable_stream_reply=True) as here:
        with pytest.raises(Rejected, match="a card stays"):
            await here.bot.take_back(await sent(here, await here.asked(), "stream"))


async def test_what_was_sent_long_ago_cannot_be_taken_back() -> None:
    async with connected(run=False) as here:
        oops = await sent(here, here.bot.address("li"))
        here.sim.robot.age(oops.sent_id, 86_401)
        with pytest.raises(Rejected, match="expired"):
            await here.bot.take_back(oops)
