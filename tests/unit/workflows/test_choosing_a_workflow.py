"""The router: who answers which message, and why."""

from __future__ import annotations

from typing import Any

import pytest

from mindbot.config.load import load
from mindbot.domain.routing import Decision, RouteQuestion
from mindbot.testing.platforms import Inbox, MemoryKeep
from mindbot.workflows.general import default_workflow
from mindbot.workflows.router.classifier import Classifier
from mindbot.workflows.router.learned import LearnedStore
from mindbot.workflows.router.previous import Previous
from mindbot.workflows.router.router import WorkflowRouter

pytestmark = pytest.mark.anyio


def workflow(*patterns: str, **settings: Any) -> dict[str, Any]:
    return {"dify_api_key": "app-fake", "task_patterns": list(patterns), **settings}


THREE = {
    "general_chat": workflow("hello", priority=9),
    "code": workflow("python|bug", priority=2),
    "data": workflow("chart|bug", priority=5),
}


def router_of(
    workflows: dict[str, Any], routes: tuple[dict[str, Any], ...] = (), **sections: Any
) -> WorkflowRouter:
    overrides = {"workflows": workflows, "routes": list(routes), **sections}
    keep = MemoryKeep(Inbox())
    previous = Previous(keep, 600, lambda: 1000.0)
    config = load(environ={}, overrides=overrides).config
    classifier = Classifier(config.workflows, config.router)
    return WorkflowRouter(config, ("workflow", "chat"), classifier, LearnedStore(keep), previous)


async def decided(router: WorkflowRouter, text: str, **asked: Any) -> Decision:
    return await router.decide(RouteQuestion(text, **asked))


async def test_of_several_that_match_the_lowest_priority_number_wins() -> None:
    found = await decided(router_of(THREE, router={"embedder": "none"}), "a bug")
    assert (found.workflow, found.runner, found.chain) == ("code", "workflow", ("code", "general_chat"))
    assert [each.workflow for each in found.candidates[:2]] == ["code", "data"]


async def test_what_belongs_to_none_gets_the_default() -> None:
    router = router_of(THREE)
    found = await decided(router, "qwxz vfgh jklp")
    assert (found.workflow, found.answers, found.runner) == (None, "general_chat", "workflow")
    assert found.why.endswith("; the default general_chat answers")
    assert (router.decisions, router.none) == (1, 1)


@pytest.mark.parametrize(
    ("named", "general", "default"),
    [
        ("", "general_chat", "general_chat"),
        ("", "General Chat", "General Chat"),
        ("", "general-chat", "general-chat"),
        ("", "General", "General"),
        ("", "others", ""),
        ("code", "general_chat", "code"),
        ("off", "general_chat", "general_chat"),
        ("chat", "general_chat", ""),
    ],
)
async def test_the_default_is_the_same_for_who_chooses_and_for_who_asks(
    named: str, general: str, default: str
) -> None:
    workflows = {general: workflow(), "code": THREE["code"], "off": workflow(enabled=False)}
    router = router_of(workflows, router={"default": named})
    assert (await router.state())["default"] == default
    assert default_workflow(router.config, router.usable) == default


async def test_without_a_default_the_model_answers_what_belongs_to_none() -> None:
    two = {name: each for name, each in THREE.items() if name != "general_chat"}
    found = await decided(router_of(two), "qwxz vfgh jklp")
    assert (found.workflow, found.answers, found.runner) == (None, "", "chat")


async def test_the_only_workflow_answers_everything_and_says_so() -> None:
    found = await decided(router_of({"code": THREE["code"]}), "lunch?")
    assert (found.workflow, found.confidence) == ("code", 1.0)
    assert found.why == "code is the only workflow, and answers everything"


async def test_disabled_workflows_are_no_candidates() -> None:
    off = {**THREE, "code": {**THREE["code"], "enabled": False}}
    found = await decided(router_of(off), "a bug")
    assert found.workflow == "data"


async def test_a_rule_comes_before_what_the_message_says() -> None:
    router = router_of(THREE, ({"name": "vip", "user": "lin", "workflow": "data", "then": ["code"]},))
    found = await decided(router, "python", user="lin")
    assert (found.workflow, found.by, found.rule, found.then) == ("data", "rule", "vip", ("code",))
    assert found.chain == ("data", "general_chat")
    assert (ruled := router.ruled(RouteQuestion("python", user="lin"))) and ruled.workflow == "data"
    assert router.ruled(RouteQuestion("python", user="wang")) is None
    assert router.rules.all[0].matched == 1


async def test_a_rule_may_leave_the_choice_among_some() -> None:
    router = router_of(THREE, ({"name": "few", "among": ["data", "general_chat"]},))
    found = await decided(router, "a bug")
    assert (found.workflow, found.by, found.rule) == ("data", "message", "few")


async def test_several_answer_together() -> None:
    router = router_of(THREE, ({"workflows": ["code", "data"], "combine": "first"},))
    found = await decided(router, "a bug")
    assert (found.together, found.combine, found.workflow) == (("code", "data"), "first", "code")


@pytest.mark.slow
async def test_a_split_is_told_and_stays_with_the_user() -> None:
    split = {**THREE, "code": workflow("python", split={"data": 30}, shadow={"general_chat": 100})}
    router = router_of(split)
    answered = {user: await decided(router, "python", user=user) for user in map(str, range(300))}
    moved = {user for user, each in answered.items() if each.workflow == "data"}
    assert 60 < len(moved) < 120
    again = router_of(split)
    for user, before in answered.items():
        found = await decided(again, "python", user=user)
        assert (found.workflow, found.why) == (before.workflow, before.why)
        assert found.split_from == ("code" if user in moved else "")
        assert found.shadow == (() if user in moved else ("general_chat",))


async def test_corrections_count_at_once_and_can_be_undone() -> None:
    router = router_of(THREE)
    asked = RouteQuestion("who waters the office plants")
    assert (await router.decide(asked)).workflow is None
    told = await router.learned.teach(asked.text, "data")
    assert (await router.decide(asked)).workflow == "data"
    await router.learned.review(told.id, "revert")
    assert (await router.decide(asked)).workflow is None
    assert (await router.decide(RouteQuestion("python"))).workflow == "code"
    await router.learned.teach("python", None, was="code")
    assert (await router.decide(RouteQuestion("python"))).workflow is None
