"""A run that an earlier process began for a turn belongs to an app, whatever it is called since."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr
from workflow_house import WorkflowHouse, apps, steps

from mindbot.config.workflows import WorkflowSettings
from mindbot.domain.turn import Turn

pytestmark = pytest.mark.anyio
ENDPOINT = WorkflowSettings(dify_api_key=SecretStr("app-any")).dify_endpoint


class Crashed:
    """A turn whose process died when these runs had begun: keys of theirs with the app's key."""

    def __init__(self, **config: Any) -> None:
        self.house = WorkflowHouse(**config)
        self.at = 0

    async def begun(self, turn: Turn, key: str, app: str, run: str = "run-1", number: int = 1) -> None:
        self.at += 1
        start = {"at": float(self.at), "conversation": "", "app": f"{ENDPOINT} {app}"}
        row = {"number": number, "start": start, "ids": {"workflow_run_id": run} if run else {}}
        await self.house.keep.put(f"run:{turn.number}:{key}", row)

    def turn(self, **route: Any) -> Turn:
        turn = self.house.turn(**route)
        turn.number, turn.attempt = 7, 2
        return turn

    async def asked(self, turn: Turn) -> list[tuple[str, str]]:
        """Run it; return who was asked, with which key."""
        await self.house.answer(turn)
        return [(name, call.key) for name, call in self.house.calls]


async def test_a_workflow_that_was_renamed_goes_on_with_its_run() -> None:
    here = Crashed(workflows=apps("coder", "general", coder={"dify_api_key": "app-code"}))
    turn = here.turn(workflow="general", chain=["coder"])
    await here.begun(turn, "run:code", "app-code")
    assert await here.asked(turn) == [("coder", "run:code")]
    assert turn.route["workflow"] == "coder"


async def test_another_workflow_with_the_same_app_goes_on_where_the_turn_is_routed_elsewhere() -> None:
    one_key = {"dify_api_key": "app-code"}
    here = Crashed(workflows=apps("general", "twin", twin=one_key))
    turn = here.turn(workflow="general")
    await here.begun(turn, "run:code", "app-code")
    assert await here.asked(turn) == [("twin", "run:code")]
    assert "did not answer" not in turn.reason


async def test_of_two_workflows_with_one_app_that_one_goes_on_which_began() -> None:
    one_key = {"dify_api_key": "app-code"}
    here = Crashed(workflows=apps("one", "two", one=one_key, two=one_key))
    turn = here.turn(workflow="two")
    await here.begun(turn, "run:two", "app-code")
    assert await here.asked(turn) == [("two", "run:two")]


async def test_the_name_of_then_means_another_app_now() -> None:
    swapped = {"code": {"dify_api_key": "app-b"}, "faq": {"dify_api_key": "app-a"}}
    here = Crashed(workflows=apps("code", "faq", "general", **swapped))
    turn = here.turn(workflow="code", chain=["general"])
    await here.begun(turn, "run:code", "app-a")
    here.house.says["faq"] = RuntimeError("its run failed")
    assert await here.asked(turn) == [("faq", "run:code"), ("code", "run+:code")]


async def test_an_app_whose_key_was_replaced_goes_on_by_its_name() -> None:
    here = Crashed(workflows=apps("code", code={"dify_api_key": "app-new"}))
    turn = here.turn(workflow="code")
    await here.begun(turn, "run:code", "app-old")
    assert await here.asked(turn) == [("code", "run:code")]


async def test_a_replica_that_began_is_asked_first_also_by_another_name() -> None:
    replicas = [{"name": "far", "dify_api_key": "app-2"}, {"name": "near", "dify_api_key": "app-3"}]
    here = Crashed(workflows=apps("code", code={"replicas": replicas}))
    turn = here.turn(workflow="code")
    await here.begun(turn, "run:code/old", "app-3")
    assert await here.asked(turn) == [("code/near", "run:code/old")]


async def test_a_run_whose_app_is_gone_stands_in_the_trace_and_another_answers() -> None:
    here = Crashed(workflows=apps("general"))
    turn = here.turn(workflow="general")
    await here.begun(turn, "run:code", "app-code")
    assert await here.asked(turn) == [("general", "run:general")]
    assert steps(turn) == [("code", "skipped"), ("general", "ok")]
    assert "run-1" in turn.spans[0].data["skipped"]


async def test_who_stood_in_goes_on_before_the_one_that_had_failed() -> None:
    here = Crashed(workflows=apps("code", "general"))
    turn = here.turn(workflow="code")
    await here.begun(turn, "run:code", "app-code")
    await here.begun(turn, "run:general", "app-general", "run-2")
    turn.memo["run:code:1:over"] = "overloaded"
    assert await here.asked(turn) == [("general", "run:general")]
    assert turn.vars["instead_of"] == "code"


async def test_who_was_asked_together_goes_on_under_another_name() -> None:
    here = Crashed(workflows=apps("new", "faq", new={"dify_api_key": "app-old"}))
    turn = here.turn(workflow="faq", together=["old", "faq"])
    await here.begun(turn, "together:old", "app-old")
    await here.begun(turn, "together:faq", "app-faq", "run-2")
    assert sorted(await here.asked(turn)) == [("faq", "together:faq"), ("new", "together:old")]


async def test_a_turn_that_runs_for_the_first_time_knows_of_none() -> None:
    here = Crashed(workflows=apps("coder", coder={"dify_api_key": "app-code"}))
    turn = here.turn(workflow="coder")
    await here.begun(turn, "run:code", "app-code")
    turn.attempt = 1
    assert await here.asked(turn) == [("coder", "run:coder")]
