"""Who is left alone, for how long, and who proves that an app is well again."""

from __future__ import annotations

from typing import Any

import pytest
from workflow_house import MemoryKeep, WorkflowHouse, apps, steps

from mindbot.domain.errors import AuthFailed, ConfigError, Overloaded, Rejected, StoreBusy, StoreFull
from mindbot.workflows.running.probes import Probes

pytestmark = pytest.mark.anyio


def down() -> Overloaded:
    return Overloaded("its servers fail", code="503")


async def test_two_dead_apps_of_a_chain_are_asked_a_few_times_in_a_hundred_turns() -> None:
    house = WorkflowHouse(workflows=apps("faq", "second", "third", faq={"fallback": ["second", "third"]}))
    house.says |= {"faq": down(), "second": down()}
    for n in range(100):
        assert (await house.ask(f"{n}", workflow="faq"))[0] == f"third: {n}"
    assert house.count["faq"] == house.count["second"] == 2


async def test_a_refusal_opens_no_breaker() -> None:
    house = WorkflowHouse(workflows=apps("faq", "general"))
    house.says["faq"] = Rejected("a wrong input")
    for _ in range(20):
        await house.ask(workflow="faq")
    assert house.count["faq"] == 20
    assert house.reports == []


async def test_a_refused_key_is_a_persons_to_mend_and_costs_no_wait_once_it_is() -> None:
    house = WorkflowHouse(workflows=apps("faq", "general"))
    house.says["faq"] = AuthFailed("the key is refused", hint="dify_api_key of the workflow")
    for _ in range(5):
        await house.ask(workflow="faq")
    assert house.reports[0] == ("faq", "failed", "the key is refused (dify_api_key of the workflow)")
    house.says["faq"] = "mended"
    assert (await house.ask(workflow="faq"))[0] == "mended"
    assert house.reports[-1] == ("faq", "ok", "")


async def test_after_its_time_one_run_proves_how_it_is() -> None:
    house = WorkflowHouse(workflows=apps("faq", "general"))
    house.says["faq"] = down()
    for _ in range(4):
        await house.ask(workflow="faq")
    assert house.count["faq"] == 2
    house.now += 61
    await house.ask(workflow="faq")
    assert house.count["faq"] == 3
    house.says["faq"] = "well"
    house.now += 61
    assert (await house.ask(workflow="faq"))[0] == "well"
    assert (await house.ask(workflow="faq"))[0] == "well"
    assert house.reports[-1] == ("faq", "ok", "")


async def test_the_only_app_is_left_alone_when_it_keeps_failing_and_not_before() -> None:
    house = WorkflowHouse(workflows=apps("faq"))
    house.says["faq"] = down()
    for _ in range(5):
        with pytest.raises(Overloaded, match="its servers fail"):
            await house.ask(workflow="faq")
    assert house.count["faq"] == 5
    house.says["faq"] = "well"
    house.now += 11
    assert (await house.ask(workflow="faq"))[0] == "well"


async def test_an_open_breaker_outlives_reload_and_restart() -> None:
    keep = MemoryKeep()
    house = WorkflowHouse(keep, workflows=apps("faq", "general"))
    house.says["faq"] = down()
    for _ in range(2):
        await house.ask(workflow="faq")
    house.use(workflows=apps("faq", "general"))
    await house.ask(workflow="faq")
    assert house.count["faq"] == 2
    later = WorkflowHouse(keep, workflows=apps("faq", "general"))
    await later.standing.load()
    _, turn = await later.ask(workflow="faq")
    assert steps(turn) == [("faq", "skipped"), ("general", "ok")]
    later.now += 11
    assert (await later.ask(workflow="faq"))[0] == "faq: hello"


async def test_a_breaker_of_another_address_is_none() -> None:
    house = WorkflowHouse(workflows=apps("faq", "general"))
    house.says["faq"] = down()
    for _ in range(2):
        await house.ask(workflow="faq")
    moved = apps("faq", "general", faq={"dify_endpoint": "https://dify.example.com/v1"})
    house.use(workflows=moved)
    house.says["faq"] = "at home elsewhere"
    assert (await house.ask(workflow="faq"))[0] == "at home elsewhere"


async def test_one_that_a_cheap_call_saw_down_and_up_is_trusted_again() -> None:
    house = WorkflowHouse(workflows=apps("faq", "general"))
    house.says["faq"] = down()
    for _ in range(2):
        await house.ask(workflow="faq")
    probes = Probes()
    await probes.look(house.workflows)  # it is up: only its runs fail
    assert house.standing.circuit(house.workflows.members["faq"][0]).reason == "failures"
    house.checks["faq"] = False
    await probes.look(house.workflows)
    house.checks["faq"] = True
    await probes.look(house.workflows)
    assert house.standing.circuit(house.workflows.members["faq"][0]).reason is None
    assert house.reports[-1] == ("faq", "ok", "")


REPLICAS = {"replicas": [{"name": "east", "dify_api_key": "app-east"}, {"dify_api_key": "app-west"}]}


async def test_replicas_are_asked_where_one_is_down_and_a_conversation_stays_with_its_own() -> None:
    house = WorkflowHouse(workflows=apps("faq", faq=REPLICAS))
    house.says["faq"] = down()
    assert (await house.ask(workflow="faq"))[0] == "faq/east: hello"
    house.says["faq"] = "well"
    assert (await house.ask(workflow="faq"))[0] == "faq/east: hello"  # it has the conversation
    assert (await house.ask(workflow="faq", user="wang"))[0] == "well"
    house.says["faq/east"] = down()
    assert (await house.ask(workflow="faq"))[0] == "well"


async def test_what_was_asked_wrongly_other_replicas_are_not_asked() -> None:
    house = WorkflowHouse(workflows=apps("faq", "general", faq=REPLICAS))
    house.says["faq"] = Rejected("a wrong input")
    assert (await house.ask(workflow="faq"))[0] == "general: hello"
    assert house.count["faq/east"] == 0


async def test_replicas_take_turns() -> None:
    house = WorkflowHouse(workflows=apps("faq", faq=REPLICAS | {"choice": "round_robin"}))
    for n in range(6):
        await house.ask(workflow="faq", user=f"u{n}")
    assert dict(house.count) == {"faq": 2, "faq/east": 2, "faq/replica2": 2}


async def test_replicas_have_names_of_their_own() -> None:
    twice = {"replicas": [{"name": "east", "dify_api_key": "a"}, {"name": "east", "dify_api_key": "b"}]}
    with pytest.raises(ConfigError) as caught:
        WorkflowHouse(workflows=apps("faq", faq=twice))
    assert "two are called east" in "".join(caught.value.problems)


async def test_a_store_that_fails_says_nothing_about_the_app() -> None:
    house = WorkflowHouse(workflows=apps("faq", "general"))
    house.says["faq"] = StoreFull("no space left")
    for _ in range(3):
        with pytest.raises(StoreFull):
            await house.ask(workflow="faq")
    assert (house.standing.late("faq").in_a_row, house.count["general"]) == (0, 0)


async def test_a_reset_clock_neither_stretches_nor_loses_a_breaker() -> None:
    house = WorkflowHouse(workflows=apps("faq", "general"))
    house.says["faq"] = down()
    for _ in range(2):
        await house.ask(workflow="faq")
    house.says["faq"] = "well"
    house.now -= 3600
    await house.ask(workflow="faq")
    assert house.count["faq"] == 2
    house.now += 120
    assert (await house.ask(workflow="faq"))[0] == "well"


class BusyKeep(MemoryKeep):
    """A store that takes nothing of one kind for a while."""

    busy = ""

    async def put(self, key: str, value: Any, *, ttl: float = 0.0) -> None:
        if self.busy and key.startswith(self.busy):
            raise StoreBusy("locked")
        await super().put(key, value, ttl=ttl)


async def test_a_proof_that_a_store_prevents_is_made_by_the_next_message() -> None:
    keep = BusyKeep()
    replica = {"name": "b", "dify_api_key": "app-b", "enabled": False}
    house = WorkflowHouse(keep, workflows=apps("faq", "general", faq={"replicas": [replica]}))
    house.says["faq"] = down()
    for _ in range(2):
        await house.ask(workflow="faq")
    house.says["faq"] = "well"
    house.now += 61
    keep.busy = "replica:"
    with pytest.raises(StoreBusy):
        await house.ask(user="mei", workflow="faq")
    keep.busy = ""
    assert (await house.ask(user="mei", workflow="faq"))[0] == "well"
