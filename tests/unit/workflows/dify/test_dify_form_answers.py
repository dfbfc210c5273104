"""Answers to forms that Dify has taken, and whose runs nobody could read at once: none is lost."""

from __future__ import annotations

from typing import Any

import pytest
from dify_here import DifyHere, Said, again, call, dify_here, heard

from mindbot.deadlines import now
from mindbot.domain.errors import Conflict, NetworkFailed, NotFound, TimedOut, WorkflowPaused
from mindbot.domain.message import Json
from mindbot.domain.turn import Turn

pytestmark = [pytest.mark.anyio, pytest.mark.full]

SLOW_AFTER: list[Json] = [
    {"title": "Start", "type": "start"},
    {"title": "Boss", "type": "human-input", "form": {"content": "May I?"}},
    {"title": "Think", "type": "code", "ms": 1200},
    {"title": "Answer"},
]


async def waiting_form(here: DifyHere, kind: str = "chatflow") -> Json:
    mode = {"chatflow": "advanced-chat", "workflow": "workflow"}[kind]
    here.sim.desk.apps.define("asks", {"mode": mode, "nodes": SLOW_AFTER, "answer": "decided: {form}"})
    with pytest.raises(WorkflowPaused) as caught:
        await heard(here.app(kind, key="app-asks").run(here.turn(), call()))
    (form,) = caught.value.forms
    return dict(form)


async def answered(
    here: DifyHere, form: Json, action: str, turn: Turn, kind: str = "chatflow", **more: Any
) -> Said:
    app = here.app(kind, key="app-asks")  # as after a restart
    return await heard(app.resume(turn, call("1", **more), form, action, {}))


def submissions(here: DifyHere) -> list[str]:
    sent = [r for r in here.sim.requests if r.method == "POST" and "/form/human_input/" in r.path]
    return [each.body["action"] for each in sent]


@pytest.mark.parametrize("kind", ["chatflow", "workflow"])
async def test_a_run_that_was_not_read_in_time_goes_on_and_is_read_by_who_answers_again(kind: str) -> None:
    async with dify_here() as here:
        form = await waiting_form(here, kind)
        with pytest.raises(TimedOut):
            await answered(here, form, "approve", here.turn("1"), kind, deadline=now() + 0.5)
        assert not here.sim.stopped
        said = await answered(here, form, "reject", here.turn("2"), kind)
        assert said.text == "decided: approve"
        assert said.notes["form_answer"] == "approve"
        assert submissions(here) == ["approve"]
        assert here.starts() == 1
        with pytest.raises(Conflict, match="answered already"):
            await answered(here, form, "approve", here.turn("1"), kind)


async def test_the_turn_that_answered_reads_it_in_the_next_process() -> None:
    async with dify_here() as here:
        form, turn = await waiting_form(here), here.turn("1")
        with pytest.raises(TimedOut):
            await answered(here, form, "approve", turn, deadline=now() + 0.5)
        assert (await answered(here, form, "approve", again(turn))).text == "decided: approve"
        assert submissions(here) == ["approve"]


async def test_an_answer_of_which_nobody_knew_that_it_arrived_counts() -> None:
    async with dify_here(fault="lost-answer:n=3@/form/") as here:
        form = await waiting_form(here)
        with pytest.raises(NetworkFailed):
            await answered(here, form, "approve", here.turn("1"))
        said = await answered(here, form, "reject", here.turn("2"))
        assert said.text == "decided: approve"
        assert said.notes["form_answer"] == "approve"
        assert here.starts() == 1


async def test_an_answer_that_never_arrived_can_be_another() -> None:
    async with dify_here(fault="drop:n=3@/form/") as here:
        form = await waiting_form(here)
        with pytest.raises(NetworkFailed):
            await answered(here, form, "approve", here.turn("1"))
        said = await answered(here, form, "reject", here.turn("2"))
        assert said.text == "decided: reject"
        assert said.notes["form_answer"] == "reject"


async def test_one_that_is_refused_leaves_nothing_behind() -> None:
    async with dify_here() as here:
        form = await waiting_form(here)
        here.sim.desk.forms.forms[form["form_token"]].until = 0.0
        for _ in range(2):
            with pytest.raises(NotFound, match="time of this form"):
                await answered(here, form, "approve", here.turn("1"))
