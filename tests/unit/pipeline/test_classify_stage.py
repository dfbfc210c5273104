"""The stage that gives a message its workflow: by rules, by what it says, once."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from pipeline_house import Echo, House

from mindbot.config.model import Config
from mindbot.domain.chat import Chunk
from mindbot.domain.errors import WorkflowPaused
from mindbot.domain.turn import Turn
from mindbot.testing.platforms import Inbox, MemoryKeep
from mindbot.workflows.manager import Workflows
from mindbot.workflows.router.classifier import Classifier
from mindbot.workflows.router.previous import Previous
from mindbot.workflows.router.router import WorkflowRouter
from mindbot.workflows.standing import WorkflowStanding

pytestmark = pytest.mark.anyio


def workflow(*patterns: str, **settings: Any) -> dict[str, Any]:
    return {"dify_api_key": "app-fake", "task_patterns": list(patterns), **settings}


WORKFLOWS = {
    "general_chat": workflow("hello", priority=9),
    "code": workflow("python|bug", priority=2),
    "data": workflow("chart|bug", priority=5),
}


class AsksWorkflow:
    """A runner that says which workflow it was told."""

    async def run(self, turn: Turn) -> AsyncGenerator[Chunk, None]:
        yield Chunk(f"{turn.route.get('workflow')} answers", finish="stop")


def house(**sections: Any) -> House:
    def parts(config: Config) -> dict[type, object]:
        workflows = object.__new__(Workflows)
        workflows.standing = standing = WorkflowStanding(MemoryKeep(Inbox()))
        previous = Previous(standing.keep, config.router.sticky, lambda: 1000.0)
        classifier = Classifier(config.workflows, config.router)
        router = WorkflowRouter(config, ("workflow", "chat"), classifier, standing.learned, previous)
        return {Workflows: workflows, WorkflowRouter: router}

    return House(runners={"workflow": AsksWorkflow()}, parts=parts, **sections)


async def test_a_turn_gets_the_workflow_of_its_message() -> None:
    turn = await house(workflows=WORKFLOWS).run("python")
    assert turn.reply.text == "code answers"
    assert (turn.route["workflow"], turn.route["by"], turn.route["chain"]) == (
        "code",
        "message",
        ["code", "general_chat"],
    )
    (span,) = [span for span in turn.spans if span.kind == "rule"]
    assert (span.name, span.data["workflow"]) == ("classify", "code")


async def test_a_turn_that_runs_again_goes_the_same_way() -> None:
    here = house(workflows=WORKFLOWS)
    turn = await here.run("python")
    here.memo.pop("run")
    assert isinstance(here.memo["route"]["route"], dict)
    again = await here.run("a chart")  # the memo is the house's: this is the same turn to it
    assert again.route == turn.route


async def test_a_rule_answers_by_itself() -> None:
    turn = await house(routes=[{"text": "^ping$", "reply": "pong", "set": {"probe": "yes"}}]).run("ping")
    assert (turn.state, turn.reply.text, turn.route["runner"]) == ("answered", "pong", "reply")
    assert turn.vars["probe"] == "yes"


async def test_a_rule_names_a_runner() -> None:
    here = house(workflows=WORKFLOWS, routes=[{"name": "models", "user": "lin", "runner": "chat"}])
    turn = await here.run("python")
    assert (turn.reply.text, turn.route["rule"]) == ("echo: python", "models")
    assert (await here.run("python", user="wang")).reply.text == "echo: python"  # remembered: one memo


async def test_a_runner_that_takes_the_message_is_not_overruled() -> None:
    class Mine(Echo):
        def takes(self, turn: Turn) -> str:
            return "it is mine"

    here = house(workflows=WORKFLOWS)
    here = House(
        runners={"workflow": AsksWorkflow(), "mine": Mine()},
        parts=lambda config: dict(here.services.parts),
        workflows=WORKFLOWS,
    )
    turn = await here.run("python")
    assert (turn.route["runner"], turn.route["by"]) == ("mine", "runner")


async def test_what_answers_a_form_goes_to_the_workflow_that_waits() -> None:
    here = house(workflows=WORKFLOWS, routes=[{"user": "lin", "runner": "chat"}])
    forms = here.services.part(Workflows).standing.forms
    turn = await here.run("hello", user="wang")
    form = {"form_token": "f1", "content": "Approve?", "actions": [{"id": "yes", "title": "Yes"}]}
    await forms.offer(turn, "data", "", WorkflowPaused("waits", forms=[form]))
    here.memo.clear()
    answer = await here.run("yes", user="wang", received=time.time() + 1)
    assert (answer.route["runner"], answer.route["workflow"], answer.route["by"]) == (
        "workflow",
        "data",
        "form",
    )
    assert (answer.route["form"], answer.route["action"]) == ("f1", "yes")


class Stops(Echo):
    """Takes the word that ends answers."""

    def takes(self, turn: Turn) -> str:
        return "it asks to stop" if turn.message.said in ("Stop", "/stop") else ""


async def test_a_form_s_action_is_no_stop_though_it_is_called_so() -> None:
    here = house(workflows=WORKFLOWS)
    parts = dict(here.services.parts)
    here = House(
        runners={"workflow": AsksWorkflow(), "stop": Stops()}, parts=lambda _: parts, workflows=WORKFLOWS
    )
    forms = here.services.part(Workflows).standing.forms
    assert (await here.run("Stop")).route["runner"] == "stop"
    turn = await here.run("hello")
    form = {"form_token": "f1", "content": "It burns.", "actions": [{"id": "halt", "title": "Stop"}]}
    await forms.offer(turn, "data", "", WorkflowPaused("waits", forms=[form]))
    here.memo.clear()
    assert (await here.run("/stop", received=time.time() + 1)).route["runner"] == "stop"
    here.memo.clear()
    answer = await here.run("Stop", received=time.time() + 1)
    assert (answer.route["runner"], answer.route["form"], answer.route["action"]) == (
        "workflow",
        "f1",
        "halt",
    )


async def test_a_turn_whose_workflow_is_gone_is_routed_anew() -> None:
    here = house(workflows=WORKFLOWS)
    await here.run("python")
    here.memo.pop("run")
    here.memo["route"]["route"]["workflow"] = "removed"
    assert (await here.run("python")).route["workflow"] == "code"
