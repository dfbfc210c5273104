"""Workflows and routes over the API: what clients read, what is refused, what reaches the resource."""

from __future__ import annotations

import os
from pwd import getpwuid

import pytest
from daemon_here import Running

from mindbot.api import workflow_calls as calls
from mindbot.api.workflow_models import AskRoute, DiffRoutes, RunWorkflow, TeachRoute
from mindbot.domain.errors import Invalid, NotFound, TimedOut

pytestmark = pytest.mark.anyio


async def test_workflows_are_listed_shown_and_switched(up: Running) -> None:
    assert [w.name for w in await up.client.ask(calls.workflows())] == ["code", "general"]
    assert (await up.client.ask(calls.switch_workflow("code", on=False))).state == "off"
    assert (await up.client.ask(calls.workflow("code"))).enabled is False
    assert (await up.client.ask(calls.switch_workflow("code", on=True))).state == "ok"
    with pytest.raises(NotFound, match="moon") as caught:
        await up.client.ask(calls.workflow("moon"))
    assert caught.value.hint == "there are: code, general"
    with pytest.raises(NotFound):
        calls.workflow("a/b")


async def test_what_they_did_is_read_by_day(up: Running) -> None:
    (day,) = await up.client.ask(calls.workflow_stats(7))
    assert (day.workflow, day.day, day.runs, day.p95_s) == ("code", "2026-11-30", 4, 1.5)
    with pytest.raises(Invalid, match="days"):
        await up.client.ask(calls.workflow_stats(0))


async def test_a_run_by_hand_tells_its_nodes(up: Running) -> None:
    asked = RunWorkflow(text="hi", user="lin", inputs={"tone": "kind"})
    run = await up.client.ask(calls.run_workflow("code", asked))
    assert (run.answer, run.ids["run"], [node.name for node in run.nodes]) == (
        "you said hi",
        "run-1",
        ["start", "llm"],
    )
    assert up.runtime.resources.workflows.ran == [
        {"workflow": "code", "text": "hi", "user": "lin", "inputs": {"tone": "kind"}}
    ]
    with pytest.raises(TimedOut, match="within"):
        await up.client.ask(calls.run_workflow("code", RunWorkflow(text="hang", timeout=0.05)))


async def test_runs_are_compared_and_checks_are_steps(up: Running) -> None:
    code, general = await up.client.ask(calls.compare_workflows(["code", "general"], "hi"))
    assert (code.status, general.status, general.nodes[1].error) == ("succeeded", "failed", "no model")
    with pytest.raises(Invalid, match="nothing to compare"):
        await up.client.ask(calls.compare_workflows(["code"], "hi"))
    steps = await up.client.ask(calls.test_workflow("code"))
    assert [(step.name, step.state) for step in steps] == [("reach", "ok"), ("key", "failed")]


async def test_the_router_explains_itself(up: Running) -> None:
    router = await up.client.ask(calls.router())
    assert (router.mode, router.rules[0].name, router.rules[0].matched) == ("hashed", "vip", 2)
    found = await up.client.ask(calls.explain_route(AskRoute(text="python?", user="lin", departments=["7"])))
    assert (found.workflow, found.candidates[0].parts["pattern"]) == ("code", 1.0)
    assert up.runtime.resources.routing.asked == [
        {
            "text": "python?",
            "platform": "console",
            "bot": "default",
            "user": "lin",
            "group": "",
            "departments": ["7"],
            "session": "",
        }
    ]
    none = await up.client.ask(calls.classify("the weather"))
    assert none.workflow is None and none.answers == "general"


async def test_corrections_are_taught_and_reviewed(up: Running) -> None:
    made = await up.client.ask(calls.teach(TeachRoute(text="rain?", workflow=None, note="small talk")))
    assert (made.id, made.workflow, made.state) == ("c2", None, "accepted")
    me = getpwuid(os.getuid()).pw_name
    assert made.by == me
    assert [each.id for each in await up.client.ask(calls.learned())] == ["c2", "c1"]
    assert [each.id for each in await up.client.ask(calls.learned("pending"))] == ["c1"]
    assert (await up.client.ask(calls.review("c1", "accept"))).state == "accepted"
    assert (await up.client.ask(calls.review("c1", "revert"))).state == "reverted"
    rejected = await up.client.ask(calls.review("c2", "reject"))
    assert (rejected.state, rejected.reviewed_by) == ("rejected", me)
    with pytest.raises(NotFound):
        await up.client.ask(calls.review("c9", "accept"))
    with pytest.raises(Invalid):
        await up.client.ask(calls.teach(TeachRoute(workflow="code")))


async def test_another_configuration_is_held_against_what_was_asked(up: Running) -> None:
    (moved,) = await up.client.ask(calls.diff_routes(DiffRoutes(config="workflows: {}", last=5)))
    assert (moved.before, moved.after) == ("code", None)
