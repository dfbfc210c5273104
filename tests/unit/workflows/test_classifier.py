"""Texts find the workflow they are meant for, or none; what was corrected counts at once."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from anyio.to_thread import current_default_thread_limiter

from mindbot.config.workflows import RouterSettings, WorkflowSettings
from mindbot.domain.routing import RouteQuestion
from mindbot.testing.waiting import PATIENCE
from mindbot.workflows.router import classifier as router_classifier
from mindbot.workflows.router.classifier import Classifier
from mindbot.workflows.router.examples import Example, gather, well_known

pytestmark = pytest.mark.anyio

SIX = (
    "general_chat",
    "code_analysis",
    "document_processing",
    "data_analysis",
    "creative_writing",
    "research",
)


def workflow(**given: Any) -> WorkflowSettings:
    return WorkflowSettings(dify_api_key="app-not-a-real-key", **given)


def classifier(router: RouterSettings | None = None, /, **workflows: WorkflowSettings) -> Classifier:
    return Classifier(workflows or {name: workflow() for name in SIX}, router or RouterSettings())


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("hello!", "general_chat"),
        ("你好！", "general_chat"),
        ("my Python function raises a TypeError, why?", "code_analysis"),
        ("帮我总结一下这份pdf文档的要点", "document_processing"),
        ("draw a bar chart of the monthly sales", "data_analysis"),
        ("写一首关于春天的诗", "creative_writing"),
        ("what is the history of the Silk Road?", "research"),
        ("book a flight to Paris", None),
        ("开灯", None),
        ("", None),
    ],
)
async def test_examples_that_come_with_it_tell_texts_apart(text: str, meant: str | None) -> None:
    found = await classifier().classify(RouteQuestion(text))
    assert found.workflow == meant
    assert found.mode == "hashed"
    assert found.why


async def test_an_answer_tells_confidence_threshold_margin_and_what_is_nearest() -> None:
    found = await classifier().classify(RouteQuestion("please write a poem about the sea"))
    assert found.workflow == "creative_writing"
    assert found.threshold <= found.confidence <= 1
    assert 0 < found.margin <= found.confidence
    assert found.nearest[0].workflow == "creative_writing"
    assert found.nearest[0].similarity > 0.3
    assert "creative_writing" in found.why
    assert {each.workflow for each in found.candidates} == set(SIX)
    assert found.candidates[0].nearest[0] == found.nearest[0]


async def test_names_are_known_in_other_spellings() -> None:
    assert [well_known(name) for name in ("general-chat", "General Chat", "generalChat", "chat")] == [
        "general_chat",
        "general_chat",
        "general_chat",
        "",
    ]


async def test_patterns_of_plain_words_are_words() -> None:
    only = classifier(RouterSettings(embedder="none"), greet=workflow(task_patterns=("hello|hi",)))
    assert (await only.classify(RouteQuestion("Hi there"))).workflow == "greet"
    this = await only.classify(RouteQuestion("this is which?"))
    assert this.workflow is None
    assert this.mode == "patterns"


async def test_a_workflow_of_ones_own_is_chosen_by_its_pattern_or_examples() -> None:
    given = {
        "general_chat": workflow(),
        "refunds": workflow(task_patterns=("退款|refund",)),
        "travel": workflow(examples=("book a flight to London", "订一张去东京的机票")),
    }
    mine = classifier(**given)
    assert (await mine.classify(RouteQuestion("我要退款"))).workflow == "refunds"
    assert (await mine.classify(RouteQuestion("please book a flight to Rome"))).workflow == "travel"


async def test_of_two_patterns_alike_the_lowest_priority_wins() -> None:
    given = {
        "late": workflow(task_patterns=("invoice",), priority=5),
        "early": workflow(task_patterns=("invoice",), priority=1),
    }
    found = await classifier(**given).classify(RouteQuestion("my invoice"))
    assert found.candidates[0].workflow == "early"


async def test_a_counter_example_mends_what_was_taken_for_another() -> None:
    wrong = RouteQuestion("write down my hours for Monday")
    six = {name: workflow() for name in SIX}
    before = await classifier(**six).classify(wrong)
    assert before.workflow is not None
    six[before.workflow] = workflow(not_examples=("write down my hours for Friday",))
    after = await classifier(**six).classify(wrong)
    assert after.workflow != before.workflow


async def test_what_was_learned_counts_at_once_and_can_be_taken_back() -> None:
    mine = classifier()
    asked = RouteQuestion("what's cooking, doc?")
    first = await mine.classify(asked)
    assert first.workflow != "research"
    mine.learn([Example(asked.text, "research")])
    assert (await mine.classify(asked)).workflow == "research"
    mine.learn([Example(asked.text, None)])
    assert (await mine.classify(asked)).workflow is None
    mine.learn([])
    assert (await mine.classify(asked)).confidence == first.confidence


async def test_only_those_that_are_allowed_are_chosen() -> None:
    found = await classifier().classify(RouteQuestion("fix my Python code"), {"research", "general_chat"})
    assert {each.workflow for each in found.candidates} == {"research", "general_chat"}


@pytest.mark.parametrize(
    "text", ["and in python?", "why?", "换成中文", "那用java呢", "再短一点", "in French"]
)
async def test_a_follow_up_stays_with_who_answered(text: str) -> None:
    mine = classifier()
    soon = RouteQuestion(text, previous="creative_writing", previous_ts=1000, ts=1300)
    assert (await mine.classify(soon)).workflow == "creative_writing"
    assert "stays with creative_writing" in (await mine.classify(soon)).why
    late = RouteQuestion(text, previous="creative_writing", previous_ts=1000, ts=1000 + 601)
    assert "stays" not in (await mine.classify(late)).why


@pytest.mark.parametrize(
    "text", ["thanks", "翻译一下附件里的合同", "book a flight to Paris", "fix this Python error"]
)
async def test_a_new_matter_does_not_stay(text: str) -> None:
    asked = RouteQuestion(text, previous="creative_writing", previous_ts=1000, ts=1010)
    assert (await classifier().classify(asked)).workflow != "creative_writing"


def test_enough_examples_come_with_it() -> None:
    for name in SIX:
        assert (
            len(gather({name: workflow()}, builtin_examples=True)) - len(gather({}, builtin_examples=True))
            >= 40
        )


async def test_nobody_waits_while_a_correction_becomes_an_example() -> None:
    mine = classifier()
    said, like = RouteQuestion("who waters the plants"), RouteQuestion("who waters the plants here, please?")
    assert (await mine.classify(like)).workflow != "research"
    threads = current_default_thread_limiter()
    threads.total_tokens = 1
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks, threads:
            mine.learn([Example(said.text, "research")])
            tasks.start_soon(mine.take_in)
            await anyio.wait_all_tasks_blocked()
            assert (await mine.classify(said)).workflow == "research"
            assert (await mine.classify(like)).workflow != "research"
    assert (await mine.classify(like)).workflow == "research"


async def test_the_newest_corrections_are_compared_and_older_ones_count_word_for_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(router_classifier, "COMPARED", 1)
    mine = classifier()
    mine.learn([Example("who waters the plants", "research"), Example("open the garage door", "research")])
    assert (await mine.classify(RouteQuestion("Who waters the plants?"))).workflow == "research"
    assert (await mine.classify(RouteQuestion("who waters the plants here, please?"))).workflow != "research"
    assert (await mine.classify(RouteQuestion("please open the garage door now"))).workflow == "research"
