"""Several workflows for one message: together or one after the other; forms; who waits for a slot."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import anyio
import pytest
from workflow_house import WorkflowHouse, apps, hang

from mindbot.domain import origins
from mindbot.domain.chat import ChatRequest, Chunk, Usage
from mindbot.domain.errors import BudgetSpent, Conflict, MindBotError, Overloaded, WorkflowPaused
from mindbot.domain.message import Json
from mindbot.domain.spending import NOBODY, Payer
from mindbot.testing.waiting import PATIENCE, until
from mindbot.workflows.apps import AppCall

pytestmark = pytest.mark.anyio


async def test_answers_of_several_stand_one_after_the_other() -> None:
    house = WorkflowHouse(workflows=apps("faq", "docs", "general"))
    said, turn = await house.ask(workflow="faq", together=["faq", "docs"])
    assert said == "faq: hello\n\ndocs: hello"
    assert (turn.route["workflow"], turn.vars["answered_by"]) == ("faq", "faq, docs")
    group = turn.spans[0]
    assert (group.name, [span.parent for span in turn.spans if span.name in ("faq", "docs")]) == (
        "together",
        [1, 1],
    )


async def test_one_that_fails_is_left_out_and_where_all_fail_the_chain_goes_on() -> None:
    house = WorkflowHouse(workflows=apps("faq", "docs", "general"))
    house.says["faq"] = Overloaded("down")
    assert (await house.ask(workflow="faq", together=["faq", "docs"]))[0] == "docs: hello"
    house.says["docs"] = Overloaded("down")
    assert (await house.ask(workflow="faq", together=["faq", "docs"]))[0] == "general: hello"


async def test_the_first_that_counts_ends_the_others() -> None:
    house = WorkflowHouse(workflows=apps("faq", "docs", faq={"response": {"min_chars": 30}}))
    house.says |= {"faq": "no", "docs": "quick"}
    assert (await house.ask(workflow="faq", together=["faq", "docs"], combine="first"))[0] == "quick"
    house.says["faq"] = hang
    with anyio.fail_after(PATIENCE):
        assert (await house.ask(workflow="faq", together=["faq", "docs"], combine="first"))[0] == "quick"


async def test_workflows_work_on_the_answer_one_after_the_other() -> None:
    house = WorkflowHouse(workflows=apps("faq", "polish", "translate"))
    said, turn = await house.ask(workflow="faq", then=["polish", "translate"])
    assert said == "translate: polish: faq: hello"
    assert turn.vars["then"] == "polish, translate"
    assert [(call.key, call.conversation) for _, call in house.calls[1:]] == [
        ("then:1:polish", ""),
        ("then:2:translate", ""),
    ]
    house.says["polish"] = Overloaded("down")
    said, turn = await house.ask(workflow="faq", then=["polish", "translate"])
    assert said == "translate: faq: hello"


async def test_a_paused_run_is_answered_by_its_form() -> None:
    house = WorkflowHouse(workflows=apps("faq", "general"))
    form = {"form_token": "t1", "content": "Sure?", "inputs": [], "actions": [{"id": "yes", "title": "Yes"}]}
    house.says["faq"] = WorkflowPaused("a person has to say", forms=[form], ids={"run": "r1"})
    said, turn = await house.ask(workflow="faq")
    assert "Sure?" in said
    assert turn.route["workflow"] == "faq"
    assert house.count["general"] == 0
    (pending,) = await house.standing.forms.of("s:lin")
    house.says["faq"] = "it was sent"
    turn = house.turn("1", workflow="faq", form=pending.token, action="yes", inputs={})
    assert await house.answer(turn) == "it was sent"


async def test_a_hung_app_takes_its_own_slots_and_who_waits_for_one_lends_its_place() -> None:
    house = WorkflowHouse(workflows=apps("slow", "quick", slow={"concurrency": 2}))
    house.says["slow"] = hang
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            for n in range(10):
                tasks.start_soon(house.ask, f"{n}", f"u{n}")
            await until(lambda: house.lent == 8)
            assert house.count["slow"] == 2
            assert house.standing.late("slow").waiting == 8
            assert len(house.standing.overdue(0.0)) == 8
            for n in range(100):
                assert (await house.ask(f"{n}", f"v{n}", workflow="quick"))[0] == f"quick: {n}"
            tasks.cancel_scope.cancel()
    assert house.standing.late("slow").waiting == house.standing.late("slow").in_flight == 0
    assert house.standing.slots("slow", 2).free


async def test_slots_that_stay_taken_make_the_next_answer_and_open_no_breaker() -> None:
    house = WorkflowHouse(workflows=apps("slow", "general", slow={"concurrency": 1, "timeout": 0.05}))
    await house.standing.slots("slow", 1).enter(1.0)
    for _ in range(3):
        assert (await house.ask(workflow="slow"))[0] == "general: hello"
    assert house.standing.circuit(house.workflows.members["slow"][0]).reason is None


class SumsUp:
    """A model that is asked to make one answer of several."""

    def __init__(self, failure: MindBotError | None = None) -> None:
        self.asked: list[str] = []
        self.failure = failure

    async def chat(
        self, request: ChatRequest, *, provider: str = "", notes: Json | None = None, payer: Payer = NOBODY
    ) -> AsyncGenerator[Chunk, None]:
        self.asked.append(request.messages[-1].content)
        if self.failure is not None:
            raise self.failure
        yield Chunk("both say hello", finish="stop")


async def test_a_model_makes_one_answer_of_several_or_they_stand_as_they_are() -> None:
    house = WorkflowHouse(workflows=apps("faq", "docs"))
    house.services.models = model = SumsUp()
    said, turn = await house.ask(workflow="faq", together=["faq", "docs"], combine="model")
    assert said == "both say hello"
    asked = turn.spans[0].data["request"]["messages"]
    assert [line["origin"] for line in asked] == [origins.SUMMARY, origins.ANSWERS]
    assert "Answer 1:\nfaq: hello" in model.asked[0] and "Answer 2:\ndocs: hello" in model.asked[0]
    model.failure = Overloaded("down")
    said, turn = await house.ask(workflow="faq", together=["faq", "docs"], combine="model")
    assert said == "faq: hello\n\ndocs: hello"
    assert turn.spans[0].data["not_summed_up"] == "down"


class Purse:
    """Where a workflow has nothing left to spend."""

    def __init__(self, *spent: str) -> None:
        self.spent = spent
        self.charged: list[tuple[str, int]] = []

    async def check(self, payer: Payer) -> None:
        if payer.workflow in self.spent or payer.user in self.spent:
            raise BudgetSpent("nothing is left")

    async def charge(self, payer: Payer, usage: Usage) -> int:
        self.charged.append((payer.workflow, usage.output_tokens))
        return 7


async def test_budgets_a_workflows_own_makes_the_next_answer_a_users_ends_the_turn() -> None:
    house = WorkflowHouse(workflows=apps("faq", "general"))
    house.workflows._till = purse = Purse("faq")
    assert (await house.ask(workflow="faq"))[0] == "general: hello"
    assert purse.charged == [("general", 5)]
    assert house.standing.stats.of("general").tokens == 15
    purse.spent = ("console/lin",)
    with pytest.raises(BudgetSpent):
        await house.ask(workflow="faq")
    assert house.count["general"] == 1


async def test_a_slot_that_is_given_back_is_of_those_who_wait_for_it() -> None:
    house = WorkflowHouse(workflows=apps("faq", "general", faq={"concurrency": 2}))

    async def quick(call: object) -> str:
        await anyio.sleep(0)
        return "quick"

    house.says["faq"] = quick
    said: list[str] = []

    async def user(n: int) -> None:
        said.extend([(await house.ask(user=f"u{n}", workflow="faq"))[0] for _ in range(5)])

    async with anyio.create_task_group() as tasks:
        for n in range(20):
            tasks.start_soon(user, n)
    assert (set(said), len(said), house.count["general"]) == ({"quick"}, 100, 0)


async def test_who_waits_for_several_workflows_is_known_to_wait_until_the_last_has_a_slot() -> None:
    house = WorkflowHouse(
        workflows=apps("slow", "docs", slow={"concurrency": 1}, docs={"concurrency": 1, "timeout": 0.05})
    )
    house.says["slow"] = "slow"
    for name in ("slow", "docs"):
        await house.standing.slots(name, 1).enter(1.0)
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: house.ask(workflow="slow", together=["slow", "docs"]))
            await until(lambda: len(house.standing.waiting) == 2)
            assert len(house.standing.overdue(0.0)) == 1
            await until(lambda: house.standing.late("docs").waiting == 0)
            assert len(house.standing.overdue(0.0)) == 1
            house.standing.slots("slow", 1).leave()
    assert house.standing.overdue(0.0) == []


def waits(token: str) -> WorkflowPaused:
    form = {"form_token": token, "content": f"Sure of {token}?", "actions": [{"id": "yes", "title": "Yes"}]}
    return WorkflowPaused("a person has to say", forms=[form], ids={"run": f"run of {token}"})


async def answered(house: WorkflowHouse, token: str) -> str:
    """Answer a form as the stage `classify` would have it answered; return what the user reads."""
    form = next(each for each in await house.standing.forms.of("s:lin") if each.token == token)
    turn = house.turn("1", workflow=form.workflow, form=token, action="yes", inputs={}, then=list(form.then))
    return await house.answer(turn)


async def test_each_form_of_several_workflows_is_offered_beside_the_answers() -> None:
    house = WorkflowHouse(workflows=apps("faq", "docs", "hr", "polish"))
    house.says |= {"faq": waits("a"), "hr": waits("b")}
    said, turn = await house.ask(workflow="faq", together=["faq", "docs", "hr"], then=["polish"])
    assert said.startswith("polish: docs: hello\n\n") and "Sure of a?" in said and "Sure of b?" in said
    assert turn.route["workflow"] == "docs"
    house.says |= {"faq": "it is done", "hr": waits("c")}
    assert await answered(house, "a") == "polish: it is done"
    assert "Sure of c?" in await answered(house, "b")
    house.says["hr"] = "granted"
    assert await answered(house, "c") == "polish: granted"


async def test_where_all_wait_their_forms_are_the_answer() -> None:
    house = WorkflowHouse(workflows=apps("faq", "hr", "general"))
    house.says |= {"faq": waits("a"), "hr": waits("b")}
    said, turn = await house.ask(workflow="faq", together=["faq", "hr"])
    assert "Sure of a?" in said and "Sure of b?" in said
    assert (turn.route["workflow"], house.count["general"]) == ("faq", 0)


async def test_nobody_works_on_the_words_of_a_form() -> None:
    house = WorkflowHouse(workflows=apps("faq", "polish", "translate"))
    house.says["faq"] = waits("a")
    said, _ = await house.ask(workflow="faq", then=["polish", "translate"])
    assert "Sure of a?" in said and house.count["polish"] == 0
    house.says |= {"faq": "yes it is", "polish": waits("b")}
    assert "Sure of b?" in await answered(house, "a")
    house.says["polish"] = "polished"
    assert await answered(house, "b") == "translate: polished"


async def test_a_run_that_goes_on_takes_a_slot_and_counts_once() -> None:
    house = WorkflowHouse(workflows=apps("hr", hr={"concurrency": 1, "response": {"min_chars": 99}}))
    house.workflows._till = purse = Purse()
    house.says["hr"] = waits("a")
    await house.ask(workflow="hr")
    assert house.standing.stats.of("hr").runs == 0

    async def slowly(call: object) -> str:
        assert house.standing.late("hr").in_flight == 1
        assert not house.standing.slots("hr", 1).free
        return "granted"

    house.says["hr"] = slowly
    assert await answered(house, "a") == "granted"
    assert (house.standing.stats.of("hr").runs, len(house.standing.late("hr").latencies)) == (1, 1)
    assert purse.charged == [("hr", 5)]
    house.says["hr"] = waits("b")
    await house.ask(workflow="hr")
    house.says["hr"] = Conflict("answered already")
    await answered(house, "b")
    assert (house.standing.stats.of("hr").failed, house.standing.late("hr").in_a_row) == (0, 0)


async def test_a_run_that_waits_before_another_start_keeps_its_slot_and_place_from_nobody() -> None:
    house = WorkflowHouse(workflows=apps("faq", faq={"concurrency": 1}))
    late = house.standing.late("faq")

    async def twice(call: AppCall) -> str:
        if call.text == "fails":
            await call.rest(4 * PATIENCE)
        await call.rest(0.0)
        assert late.in_flight == 1
        return "well"

    house.says["faq"] = twice
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(house.ask, "fails")
            await until(lambda: house.lent == 1)
            assert late.in_flight == 0
            assert (await house.ask("other", "mei"))[0] == "well"
            tasks.cancel_scope.cancel()
    assert (late.in_flight, late.waiting, house.standing.slots("faq", 1).free) == (0, 0, True)
