"""Shadow runs: bounded on disk and in memory, and never in anybody's way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import anyio
import pytest
from workflow_house import MemoryKeep, Scripted, WorkflowHouse, apps, hang

from mindbot.domain.chat import Usage
from mindbot.domain.errors import BudgetSpent, Overloaded
from mindbot.domain.spending import Payer
from mindbot.testing.waiting import PATIENCE, until
from mindbot.workflows.running import shadows
from mindbot.workflows.running.aside import message_of, run_aside
from mindbot.workflows.running.shadows import ShadowJob, Shadows

pytestmark = pytest.mark.anyio


def job(house: WorkflowHouse, n: int = 0) -> ShadowJob:
    turn = house.turn(f"text {n}")
    return ShadowJob(house.workflows, "docs", turn.message, "console:lin", (), turn.id, "faq", "said", 10.0)


async def test_what_is_more_than_can_wait_is_dropped_and_counted() -> None:
    house = WorkflowHouse(workflows=apps("faq", "docs"))
    made = Shadows(house.keep, house.standing.stats, _note, lambda: house.now)
    for n in range(shadows._QUEUE + 7):
        made.submit(job(house, n))
    assert made.dropped == 7


async def test_a_hung_one_and_a_failing_one_hold_nobody_up() -> None:
    house = WorkflowHouse(workflows=apps("faq", "docs"))
    made = Shadows(house.keep, house.standing.stats, _note, lambda: house.now)
    house.says["docs"] = hang
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(made.run)
            made.submit(job(house))
            await until(lambda: house.count["docs"] == 1)
            house.says["docs"] = Overloaded("down")
            made.submit(job(house, 1))
            await until(lambda: house.standing.stats.of("docs").shadow == 1)
            tasks.cancel_scope.cancel()
    (pair,) = await made.pairs()
    assert (pair["shadow"]["status"], pair["shadow"]["error"]) == ("failed", "down")
    assert house.standing.late("docs").in_a_row == 0  # a shadow is no run of the workflow's


async def test_the_oldest_pairs_make_room_also_in_a_later_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shadows, "_PAIRS", 3)
    keep = MemoryKeep()
    for n in range(5):
        house = WorkflowHouse(keep, workflows=apps("faq", "docs"))
        house.now += n
        made = Shadows(keep, house.standing.stats, _note, lambda house=house: house.now)  # type: ignore[misc]
        await made._make(replace(job(house, n), answer=f"said {n}"))
    assert [pair["answer"] for pair in await made.pairs()] == ["said 4", "said 3", "said 2"]
    assert await made.pairs("faq") == []


async def _note(turn: str, fact: Any) -> None:
    return None


async def test_a_lost_run_of_a_user_is_never_a_shadow_s() -> None:
    """Both ask as the same person and look for lost runs by what was asked: each knows of the other's."""
    house = WorkflowHouse(workflows=apps("faq"))
    (member,) = house.workflows.members["faq"]
    asked, aside = [house.workflows.app(member, aside=beside) for beside in (False, True)]
    assert isinstance(asked, Scripted)
    assert isinstance(aside, Scripted)
    assert asked is not aside
    assert asked._parts.theirs is aside._parts.theirs


class Spent:
    """Where nothing is left to spend."""

    async def check(self, payer: Payer) -> None:
        raise BudgetSpent("nothing is left")

    async def charge(self, payer: Payer, usage: Usage) -> int:
        return 0


async def test_a_shadow_takes_a_free_slot_and_asks_nobody_who_is_left_alone_or_has_nothing_to_spend() -> None:
    house = WorkflowHouse(workflows=apps("faq", "docs", docs={"concurrency": 1}))
    made = Shadows(house.keep, house.standing.stats, _note, lambda: house.now)
    (member,) = house.workflows.members["docs"]
    house.says["docs"] = hang
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(made.run)
            made.submit(job(house))
            await until(lambda: house.standing.late("docs").in_flight == 1)
            made.submit(job(house, 1))  # the only slot is taken
            await until(lambda: made.dropped == 1)
            tasks.cancel_scope.cancel()
    assert house.standing.slots("docs", 1).free
    house.says["docs"] = "said"
    house.standing.circuit(member).cool(house.now + 60, "rate", "too often")
    with pytest.raises(Overloaded):
        await made._make(job(house))
    house.standing.forgive([member])
    house.workflows._till = Spent()
    with pytest.raises(BudgetSpent):
        await made._make(job(house))
    by_hand = await run_aside(house.workflows, "docs", message_of("text", "lin"), user="lin")
    assert (by_hand["status"], by_hand["error"]) == ("failed", "nothing is left")
    assert (house.count["docs"], house.standing.stats.of("docs").shadow) == (1, 0)
