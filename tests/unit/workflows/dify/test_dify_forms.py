"""Runs that wait for people: forms are offered, answered once, also by another process."""

from __future__ import annotations

from typing import Any

import pytest
from dify_here import DifyHere, Said, again, call, dify_here, heard

from mindbot.domain.errors import Conflict, NotFound, Rejected, StoreBusy, WorkflowPaused
from mindbot.domain.message import Json
from mindbot.domain.turn import Turn
from mindbot.testing.platforms import Inbox, MemoryKeep
from mindbot.workflows.dify import taken_up

pytestmark = [pytest.mark.anyio, pytest.mark.full]

FORM: Json = {"content": "May I?", "inputs": [{"output_variable_name": "reason", "type": "text-input"}]}
ASKS: list[Json] = [
    {"title": "Start", "type": "start"},
    {"title": "Boss", "type": "human-input", "form": FORM},
    {"title": "LLM"},
]
TWO: list[Json] = [
    {
        "branches": [
            [{"title": "Left", "type": "human-input", "form": {"content": "left?"}}],
            [{"title": "Right", "type": "human-input", "form": {"content": "right?"}}],
        ]
    },
    {"title": "LLM"},
]
KINDS = {"chatflow": "advanced-chat", "workflow": "workflow"}


class BusyOnce(MemoryKeep):
    """A disk that takes no form for a moment."""

    busy = True

    async def put(self, key: str, value: Any, *, ttl: float = 0.0) -> None:
        if self.busy and key.startswith("dify:forms:"):
            self.busy = False
            raise StoreBusy("locked")
        await super().put(key, value, ttl=ttl)


def define(here: DifyHere, kind: str, nodes: list[Json]) -> None:
    here.sim.desk.apps.define("asks", {"mode": KINDS[kind], "nodes": nodes, "answer": "decided: {form}"})


async def paused(here: DifyHere, kind: str, turn: Turn | None = None) -> WorkflowPaused:
    with pytest.raises(WorkflowPaused) as caught:
        await heard(here.app(kind, key="app-asks").run(turn or here.turn(), call()))
    return caught.value


async def answered(here: DifyHere, kind: str, form: Json, action: str, **more: Any) -> Said:
    app = here.app(kind, key="app-asks")  # as after a restart
    turn = more.pop("turn", None) or here.turn("1")
    return await heard(app.resume(turn, call("1"), form, action, more.pop("inputs", {})))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", ["", "no-words-after-form"])
async def test_a_form_is_offered_and_answered(kind: str, fault: str) -> None:
    async with dify_here(fault=fault or ()) as here:
        define(here, kind, ASKS)
        turn = here.turn()
        waits = await paused(here, kind, turn)
        [form] = waits.forms
        assert form["node"] == "Boss"
        assert form["content"] == "May I?"
        assert form["inputs"][0]["name"] == "reason"
        assert form["actions"] == [{"id": "approve", "title": "Approve"}, {"id": "reject", "title": "Reject"}]
        assert form["expires"]
        assert waits.ids["workflow_run_id"]
        assert not here.sim.stopped
        said = await answered(here, kind, form, "approve", inputs={"reason": "why not"})
        assert said.text == "decided: approve"
        assert said.finish == "stop"
        assert here.starts() == 1
        assert here.sim.desk.forms.forms[form["form_token"]].inputs == {"reason": "why not"}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_store_that_fails_ends_no_run_that_waits(kind: str) -> None:
    """Whoever has the turn next, this process or another, is told of the form by the run there is."""
    async with dify_here() as here:
        define(here, kind, ASKS)
        here.keep = BusyOnce(Inbox())
        turn = here.turn()
        with pytest.raises(StoreBusy):
            await heard(here.app(kind, key="app-asks").run(turn, call()))
        assert not here.sim.stopped
        [form] = (await paused(here, kind, again(turn))).forms
        said = await answered(here, kind, form, "approve", inputs={"reason": "why not"})
        assert said.text == "decided: approve"
        assert here.starts() == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_two_forms_side_by_side(kind: str) -> None:
    async with dify_here() as here:
        define(here, kind, TWO)
        first, second = (await paused(here, kind)).forms
        with pytest.raises(WorkflowPaused) as still:
            await answered(here, kind, first, "approve")
        assert [form["form_token"] for form in still.value.forms] == [second["form_token"]]
        said = await answered(here, kind, second, "reject")
        assert set(said.text.removeprefix("decided: ").split(", ")) == {"approve", "reject"}
        assert here.starts() == 1


async def test_a_second_click_is_told_so() -> None:
    async with dify_here() as here:
        define(here, "chatflow", ASKS)
        [form] = (await paused(here, "chatflow")).forms
        await answered(here, "chatflow", form, "approve", inputs={"reason": ""})
        with pytest.raises(Conflict, match="answered already"):
            await answered(here, "chatflow", form, "reject", inputs={"reason": ""})
        here.keep.values.clear()  # somebody answered it elsewhere: Dify says so
        with pytest.raises(Conflict, match="answered already"):
            await answered(here, "chatflow", form, "reject", inputs={"reason": ""})


async def test_one_whose_time_is_over() -> None:
    async with dify_here() as here:
        define(here, "chatflow", ASKS)
        [form] = (await paused(here, "chatflow")).forms
        here.sim.desk.forms.forms[form["form_token"]].until = 0.0
        for _ in range(2):
            with pytest.raises(NotFound, match="time of this form"):
                await answered(here, "chatflow", form, "approve", inputs={"reason": ""})


async def test_what_the_form_does_not_take_can_be_answered_again() -> None:
    async with dify_here() as here:
        define(here, "workflow", ASKS)
        [form] = (await paused(here, "workflow")).forms
        with pytest.raises(Rejected, match="reason"):
            await answered(here, "workflow", form, "approve")
        said = await answered(here, "workflow", form, "approve", inputs={"reason": "x"})
        assert said.text == "decided: approve"


@pytest.mark.parametrize("fault", ["lost-answer:n=1@/form/", "drop:n=1@/form/", "502:n=1@/form/"])
async def test_an_answer_that_may_not_have_arrived_is_sent_again(fault: str) -> None:
    async with dify_here(fault=fault) as here:
        define(here, "chatflow", ASKS)
        [form] = (await paused(here, "chatflow")).forms
        said = await answered(here, "chatflow", form, "approve", inputs={"reason": "x"})
        assert said.text == "decided: approve"
        assert here.starts() == 1


async def test_the_turn_that_paused_or_answered_runs_again() -> None:
    async with dify_here(tokens_per_second=100.0) as here:
        define(here, "chatflow", ASKS)
        turn = here.turn()
        [form] = (await paused(here, "chatflow", turn)).forms
        [same] = (await paused(here, "chatflow", again(turn))).forms
        assert same["form_token"] == form["form_token"]
        clicked = here.turn("1")
        for _ in range(2):
            said = await answered(here, "chatflow", form, "approve", inputs={"reason": "x"}, turn=clicked)
            assert said.text == "decided: approve"
        assert here.starts() == 1


async def test_a_run_that_stays_paused_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taken_up, "LEFT_PAUSED", 0.2)
    monkeypatch.setattr(taken_up, "_PAUSED_LOOKS", 0.1)
    async with dify_here(fault="stays-paused") as here:
        define(here, "chatflow", ASKS)
        [form] = (await paused(here, "chatflow")).forms
        with pytest.raises(Rejected, match="stays paused"):
            await answered(here, "chatflow", form, "approve", inputs={"reason": "x"})
