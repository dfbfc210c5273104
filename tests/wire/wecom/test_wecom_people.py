"""Who members are, what an operator is told, and how a member's limit is kept."""

from __future__ import annotations

import time

import pytest
from wecom_here import Clock, Here, a_delivery, connected

from mindbot.domain import abilities
from mindbot.domain.abilities import Check
from mindbot.domain.errors import LONGEST_WAIT, AuthFailed, RateLimited, Rejected
from mindbot.sim.wecom.quotas import ApiRules

pytestmark = pytest.mark.anyio
CONTACTS = "sim-contacts-secret"


async def test_a_member_has_a_name_a_title_and_departments() -> None:
    async with connected() as here:
        here.sim.staff.profiles["li"] = {"name": "李", "position": "Boss"}
        li = {"name": "李", "title": "Boss", "department": "研发部 (R&D)"}
        li |= {"departments": ["Simulated Company", "研发部 (R&D)"]}
        assert await here.bot.user("li") == li
        assert await here.bot.user("li") == li
        assert (here.sim.counters["user/get"], here.sim.counters["department/get"]) == (1, 2)
        await here.bot.user("mei")
        assert here.sim.counters["department/get"] == 2  # their names are kept for all


async def test_a_department_that_may_not_be_read_has_its_number() -> None:
    async with connected() as here:
        here.sim.staff.names = False
        li = await here.bot.user("li")
        assert (li["department"], li["departments"]) == ("7", ["1", "7"])


async def test_members_that_are_not_there_or_not_seen() -> None:
    async with connected() as here:
        here.sim.staff.unseen.add("hidden")
        assert await here.bot.user("nobody") == {}
        with pytest.raises(Rejected, match="visible range"):
            await here.bot.user("hidden")


async def test_the_contacts_secret_is_used_and_given_up_where_it_is_blocked() -> None:
    clock = Clock(time.time())
    async with connected(contacts_secret=CONTACTS, clock=clock) as here:
        await here.bot.user("li")
        assert here.sim.counters["gettoken"] == 1
        here.sim.staff.blocked = True
        assert (await here.bot.user("mei"))["name"] == "Mei"
        assert "48009" in here.bot.details()["contacts"]
        here.sim.staff.blocked = False
        await here.bot.user("wang")
        assert here.sim.counters["errcode.48009"] == 1  # for an hour it is not asked again
        clock.now += 3601
        await here.bot.user("zhao")
        assert "contacts" not in here.bot.details()


async def test_no_address_that_is_trusted_is_an_error_with_its_mend() -> None:
    async with connected(sim={"api": ApiRules(trusted_ips=("203.0.113.7",))}) as here:
        with pytest.raises(AuthFailed, match=r"127\.0\.0\.1"):
            await here.bot.user("li")


# -- self-test -------------------------------------------------------------------------------------------


def found(checks: list[Check]) -> dict[str, str]:
    return {check.name: check.state for check in checks}


async def failed(here: Here) -> Check:
    """Return the only failure; every failure has its mend."""
    (check,) = [check for check in await here.bot.test() if check.state == "failed"]
    assert check.mend
    return check


async def test_a_bot_that_works_proves_it() -> None:
    async with connected(contacts_secret=CONTACTS) as here:
        for ability in (abilities.Tests, abilities.Describes, abilities.Fetches, abilities.People):
            assert isinstance(here.bot, ability)
        before = await here.bot.test()
        assert found(before) == {
            "callback secrets": "ok",
            "access token": "ok",
            "application": "ok",
            "trusted IP": "ok",
            "contacts secret": "ok",
            "callbacks": "skipped",
        }
        assert "/wecom/hr/callback" in before[-1].mend
        await here.sim.push_text("zhangsan", "hello")
        assert found(await here.bot.test())["callbacks"] == "ok"
        details = here.bot.details()
        assert details["callbacks"] == 1
        assert details["last_callback"] > 1.7e9


@pytest.mark.parametrize(
    ("changed", "name", "mend"),
    [
        ({"secret": "wrong"}, "access token", "`secret`"),
        ({"corpid": "ww0"}, "access token", "`corpid`"),
        ({"agent_id": 7}, "application", "`agent_id`"),
        ({"contacts_secret": "wrong"}, "contacts secret", "secret"),
        ({"EncodingAESKey": "short"}, "callback secrets", "43 letters"),
    ],
)
async def test_each_wrong_setting_is_named(changed: dict[str, object], name: str, mend: str) -> None:
    async with connected(callback=False, **changed) as here:
        check = await failed(here)
        assert check.name == name
        assert mend in check.mend


async def test_an_untrusted_address_is_named() -> None:
    async with connected(sim={"api": ApiRules(trusted_ips=("203.0.113.7",))}) as here:
        check = await failed(here)
        assert check.name == "trusted IP"
        assert "127.0.0.1" in check.mend


async def test_the_agent_id_is_learnt_from_a_callback() -> None:
    async with connected(agent_id=None) as here:
        assert found(await here.bot.test())["application"] == "skipped"
        await here.sim.push_text("zhangsan", "hello")
        assert found(await here.bot.test())["application"] == "ok"


async def test_a_wecom_that_does_not_answer_is_told_too() -> None:
    async with connected(api_base_url="http://127.0.0.1:1", callback=False) as here:
        assert (await failed(here)).name == "access token"


# -- the member's limit ----------------------------------------------------------------------------------


async def test_the_thirty_first_message_in_a_minute_waits_instead_of_vanishing() -> None:
    clock = Clock(time.time())
    async with connected(clock=clock, sim={"clock": clock}) as here:
        for n in range(30):
            await here.bot.send(a_delivery(f"{n}", n=n))
        with pytest.raises(RateLimited) as caught:
            await here.bot.send(a_delivery("30", n=30))
        assert caught.value.scope == "session"
        assert 55 < caught.value.retry_after <= 61
        await here.bot.send(a_delivery("other", to="lisi"))
        clock.now += caught.value.retry_after
        await here.bot.send(a_delivery("30", n=30))
        assert here.shown() == [f"{n}" for n in range(31)]
        assert not here.sim.counters["vanished"]
        assert here.bot.details()["held_for_member_limit"] == 1


async def test_the_limit_goes_on_after_a_restart_and_counts_each_of_several_receivers() -> None:
    clock = Clock(time.time())
    async with connected(member_per_minute=2, clock=clock) as here:
        sent = [a_delivery(f"{n}", n=n, to="lisi|Mei", ended=clock.now) for n in range(2)]
        restarted = here.restarted(clock=clock)
        restarted.remember(sent)
        for user in ("mei", "LISI", "wang|mei"):
            with pytest.raises(RateLimited):
                await restarted.send(a_delivery("x", to=user))
        await restarted.send(a_delivery("x", to="wang"))


async def test_an_hour_has_its_limit_and_none_is_none() -> None:
    clock = Clock(time.time())
    async with connected(member_per_minute=0, member_per_hour=2, clock=clock) as here:
        for n in range(2):
            await here.bot.send(a_delivery(f"{n}", n=n))
            clock.now += 100
        with pytest.raises(RateLimited) as caught:
            await here.bot.send(a_delivery("2", n=2))
        assert caught.value.retry_after == LONGEST_WAIT, "then it is asked again"
    async with connected(member_per_minute=0, member_per_hour=0) as here:
        for n in range(40):
            await here.bot.send(a_delivery(f"{n}", n=n))
        assert here.sim.counters["vanished"] == 10  # what the limit is there for
