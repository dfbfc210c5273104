"""Who answers when a workflow cannot: the chain, its trace, and what the user has before them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from workflow_house import WorkflowHouse, apps, hang, steps

from mindbot.domain.chat import Chunk
from mindbot.domain.errors import ContentFiltered, MindBotError, Overloaded, Rejected, Truncated
from mindbot.domain.turn import Turn
from mindbot.workflows.running.checks import AnswerCheck

pytestmark = pytest.mark.anyio


class Plain:
    """A runner that a bare model stands behind."""

    system_prompt = "Be kind."

    def __init__(self) -> None:
        self.prompts: list[list[str]] = []

    async def run(self, turn: Turn) -> AsyncGenerator[Chunk, None]:
        self.prompts.append([line.role for line in turn.prompt])
        yield Chunk("a bare model")
        yield Chunk(finish="stop")


def down() -> Overloaded:
    return Overloaded("its servers fail", code="503")


async def test_the_workflow_of_the_route_answers() -> None:
    house = WorkflowHouse(workflows=apps("faq", "general"))
    said, turn = await house.ask(workflow="faq")
    assert said == "faq: hello"
    assert turn.route["workflow"] == "faq"
    assert steps(turn) == [("faq", "ok")]
    node = next(span for span in turn.spans if span.kind == "node")
    assert turn.spans[node.parent - 1].name == "faq"
    assert turn.spans[node.parent - 1].data["ids"] == {"message": "m-faq"}
    _, call = house.calls[0]
    assert (call.user, call.conversation, call.key) == ("console:lin", "s:lin", "run:faq")


async def test_without_a_workflow_in_the_route_the_first_by_priority_answers() -> None:
    house = WorkflowHouse(workflows=apps("late", "early", early={"priority": 5}))
    assert (await house.ask())[0] == "early: hello"


async def test_fallbacks_then_the_default_then_on_error_are_asked() -> None:
    workflows = apps("faq", "second", "general", "sorry", faq={"fallback": ["second"]})
    house = WorkflowHouse(workflows=workflows)
    house.says |= {"faq": down(), "second": Rejected("no"), "general": down()}
    said, turn = await house.ask(workflow="faq", on_error="sorry")
    assert said == "sorry: hello"
    assert steps(turn) == [("faq", "error"), ("second", "error"), ("general", "error"), ("sorry", "ok")]
    assert turn.route["workflow"] == "sorry"
    assert turn.vars["instead_of"] == "faq"
    assert "faq did not answer: its servers fail" in turn.reason
    assert turn.spans[0].data["error"] == {"kind": "overloaded", "message": "its servers fail"}


async def test_a_bare_model_answers_where_no_workflow_can() -> None:
    plain = Plain()
    house = WorkflowHouse(runners={"chat": plain}, workflows=apps("faq"), providers={"scripted": {}})
    house.says["faq"] = down()
    said, turn = await house.ask(workflow="faq")
    assert said == "a bare model"
    assert (turn.route["runner"], turn.route["workflow"]) == ("chat", "")
    assert plain.prompts == [["system"]]
    assert turn.vars["instead_of"] == "faq"


async def test_the_first_failure_is_the_end_of_a_chain_in_which_nobody_answers() -> None:
    house = WorkflowHouse(workflows=apps("faq", "general"))
    house.says |= {"faq": Rejected("a wrong input"), "general": down()}
    with pytest.raises(Rejected, match="a wrong input"):
        await house.ask(workflow="faq")


async def test_what_the_vendors_policy_refuses_nobody_else_is_asked() -> None:
    house = WorkflowHouse(workflows=apps("faq", "general"))
    house.says["faq"] = ContentFiltered("not that")
    with pytest.raises(ContentFiltered):
        await house.ask(workflow="faq")
    assert house.count["general"] == 0


async def test_an_answer_that_broke_off_is_replaced_whole() -> None:
    house = WorkflowHouse(workflows=apps("faq", "general"))
    house.says["faq"] = ["half an ans", Truncated("the stream ended")]
    assert (await house.ask(workflow="faq"))[0] == "general: hello"


async def test_an_apps_own_mistake_costs_its_answer_alone() -> None:
    house = WorkflowHouse(workflows=apps("faq", "general"))
    house.says["faq"] = KeyError("data")
    assert (await house.ask(workflow="faq"))[0] == "general: hello"


async def test_one_that_is_switched_off_or_gone_is_passed_over() -> None:
    house = WorkflowHouse(workflows=apps("faq", "general"))
    await house.standing.switch("faq", on=False)
    said, turn = await house.ask(workflow="faq")
    assert said == "general: hello"
    assert steps(turn) == [("faq", "skipped"), ("general", "ok")]
    said, turn = await house.ask(workflow="of_before")
    assert said == "general: hello"


@pytest.mark.parametrize(
    ("response", "answer", "why"),
    [
        ({}, "  ", "no words"),
        ({"min_chars": 20}, "too short", "too short"),
        ({"refusals": ["(?i)no idea"]}, "I have no idea.", "refusal"),
        ({"builtin_refusals": True}, "很抱歉，我无法回答这个问题。", "refusal"),
        ({"builtin_refusals": True}, "I'm sorry, but I can't help with that.", "refusal"),
        ({"language": "same"}, "这是一个用中文写的回答", "another language"),
    ],
)
async def test_an_answer_that_does_not_count_makes_the_next_answer(
    response: dict[str, Any], answer: str, why: str
) -> None:
    house = WorkflowHouse(workflows=apps("faq", "general", faq={"response": response}))
    house.says["faq"] = answer
    said, turn = await house.ask("what is the weather like", workflow="faq")
    assert said == "general: what is the weather like"
    assert why in turn.spans[0].data["error"]["message"]
    assert house.standing.late("faq").in_a_row == 0  # the app is well


async def test_one_that_counts_least_is_better_than_none() -> None:
    house = WorkflowHouse(workflows=apps("faq", faq={"response": {"min_chars": 20}}))
    house.says["faq"] = "yes"
    assert (await house.ask(workflow="faq"))[0] == "yes"


@pytest.mark.parametrize(
    ("accept", "why"),
    [
        ({"max_chars": 3}, "5 characters"),
        ({"pattern": "^order"}, "does not match"),
        ({"kinds": "image"}, "takes image"),
    ],
)
async def test_what_a_workflow_does_not_take_goes_to_the_next(accept: dict[str, Any], why: str) -> None:
    house = WorkflowHouse(workflows=apps("faq", "general", faq={"accept": accept}))
    said, turn = await house.ask(workflow="faq")
    assert said == "general: hello"
    assert why in turn.spans[0].data["skipped"]
    assert house.count["faq"] == 0


async def test_or_a_notice_says_so() -> None:
    accept = {"max_chars": 3, "notice": "Please be short."}
    house = WorkflowHouse(workflows=apps("faq", "general", faq={"accept": accept}))
    assert (await house.ask(workflow="faq"))[0] == "Please be short."
    assert not house.count


async def test_an_error_is_one_of_the_hierarchy() -> None:
    house = WorkflowHouse(workflows={})
    with pytest.raises(MindBotError, match="no workflow"):
        await house.ask()


async def test_the_head_of_a_checked_answer_is_held_back_until_it_counts() -> None:
    house = WorkflowHouse(workflows=apps("faq", "general", faq={"response": {"builtin_refusals": True}}))
    house.says["faq"] = ["I'm sorry, but I can't ", "help with that. ", "x" * 300]
    pieces = [chunk.text async for chunk in house.runner.run(house.turn(workflow="faq")) if chunk.text]
    assert pieces == ["general: hello"]  # nobody saw the refusal
    house.says["faq"] = ["Gladly. ", "y" * 300, " More."]
    pieces = [chunk.text async for chunk in house.runner.run(house.turn(workflow="faq")) if chunk.text]
    assert pieces == ["Gladly. ", "y" * 300, " More."]


async def test_an_app_that_hangs_before_it_asks_anybody_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mindbot.workflows.running.attempt._LATE", 0.01)
    house = WorkflowHouse(workflows=apps("faq", "general", faq={"timeout": 0.01}))
    house.says["faq"] = hang
    assert (await house.ask(workflow="faq"))[0] == "general: hello"


@pytest.mark.parametrize("pieces", [200, 2000])
async def test_an_answer_that_stays_in_doubt_is_looked_at_as_often_as_it_doubles(
    pieces: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    wrong = AnswerCheck.wrong

    def counted(check: AnswerCheck, text: str) -> str:
        looked.append(len(text))
        return wrong(check, text)

    monkeypatch.setattr(AnswerCheck, "wrong", counted)
    house = WorkflowHouse(workflows=apps("faq", "general", faq={"response": {"language": "en"}}))
    text = "这是一个中文回答片段。"
    house.says["faq"] = [Chunk(text) for _ in range(pieces)]
    assert (await house.ask(workflow="faq"))[0] == "general: hello"
    assert sum(looked) < 4 * pieces * len(text)
