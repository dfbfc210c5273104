"""Several models are asked what they would answer in a turn that is parked; nobody gets it."""

from __future__ import annotations

from pathlib import Path

import pytest
from replay_house import a_runtime, said

from mindbot.domain.operators import Operator
from mindbot.domain.shapes.jury import JurorJson
from mindbot.domain.shapes.turns import Json
from mindbot.testing.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio

CLI = Operator("root")


def scripted(name: str) -> Json:
    rules = [{"match": "thank", "reply": f"{name}: welcome"}, {"match": "", "reply": f"{name}: what?"}]
    return {"type": "scripted", "rules": rules}


def model(name: str) -> JurorJson:
    return {"workflow": "", "model": name}


async def test_a_jury_answers_a_parked_turn_as_it_was_edited_and_leaves_it_parked(tmp_path: Path) -> None:
    providers = {"one": scripted("one"), "two": scripted("two")}
    async with a_runtime(tmp_path, providers=providers) as runtime:
        debugger, turns = runtime.resources.debugger, runtime.resources.turns
        await debugger.set_breakpoint({"stage": "run"}, by=CLI)
        turn = await turns.inject(text="refund me", user="lin")
        await until(debugger.list_parked)
        await debugger.edit(turn, "message.text", "thank you", revision=None, by=CLI)
        jurors = [model("one"), model("two"), JurorJson(workflow="nobody", model="")]
        found = await runtime.resources.jury.ask(turn, jurors, PATIENCE)
        assert found["turn"] == turn
        one, two, nobody = found["verdicts"]
        assert [each["answer"]["reply"] for each in (one, two)] == ["one: welcome", "two: welcome"]
        assert (one["juror"], one["answer"]["provider"], one["error"]) == ("one", "one", "")
        assert "nobody" in nobody["error"] and "answer" not in nobody
        assert [each["turn"] for each in debugger.list_parked()] == [turn]
        assert (await turns.get_turn(turn))["deliveries"] == []
        await debugger.act(turn, "answer", text=two["answer"]["reply"], by=CLI)
        ended = await turns.wait_sent(turn, PATIENCE)
        assert ended["reply"] == "two: welcome"
        for verdict in (one, two):
            assert (await turns.get_turn(verdict["answer"]["turn"]))["deliveries"] == []


async def test_a_jury_is_asked_about_a_turn_that_has_ended(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, providers={"one": scripted("one")}) as runtime:
        turn = (await said(runtime, "refund me"))["id"]
        found = await runtime.resources.jury.ask(turn, [model("one"), model("one/other")], PATIENCE)
        assert [each["answer"]["reply"] for each in found["verdicts"]] == ["one: what?", "one: what?"]
