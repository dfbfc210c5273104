"""Turns stop where breakpoints say, and go on as operators say: each is answered once, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from debug_house import CLI, a_house

from mindbot.domain.errors import Conflict, Outdated, WrongValue
from mindbot.testing.waiting import until

pytestmark = pytest.mark.anyio


async def test_a_turn_stops_before_a_stage_is_changed_and_goes_on(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        await house.stop(stage="run", filter='text =~ "refund"')
        other, turn = await house.say("hello", "mei"), await house.say("refund me")
        parked = await house.parked(turn, "before", "run")
        assert [frame["name"] for frame in parked["stack"]][:2] == ["deliver", "errors"]
        assert parked["lease_left"] <= 60 and parked["owner"] == "cli"
        assert (await house.ended(other))["reply"] == "you said hello"
        assert house.runtime.resources.about.status()["turns"] == {
            "running": 0,
            "queued": 0,
            "parked": 1,
            "waiting": 0,
        }
        assert (await house.runtime.resources.turns.get_turn(turn))["state"] == "parked"
        await house.edit(turn, "message.text", "thank you")
        await house.act(turn, "step")
        await house.parked(turn, "after", "run")
        await house.act(turn, "step")
        await house.parked(turn, "after", "compose")
        await house.act(turn, "resume")
        assert (await house.ended(turn))["reply"] == "you said thank you"
        assert sorted(house.phone.shown) == ["you said hello", "you said thank you"]
        assert house.debugger.list_parked() == []


async def test_the_end_of_its_lease_lets_a_turn_go_on(tmp_path: Path) -> None:
    async with a_house(tmp_path, lease=1) as house:
        await house.stop(stage="run", on="after")
        with house.runtime.bus.observe({"turn"}) as seen:
            ended = await house.ended(await house.say("hello"))
            told = {e.type: e.data for e in seen.take()[0]}
        assert ended["reply"] == "you said hello"
        assert told["turn.parked"]["at"] == "after run" and told["turn.parked"]["state"] == "parked"
        assert told["turn.resumed"]["action"] == "lease" and told["turn.resumed"]["state"] == "running"


async def test_a_dropped_turn_says_nothing_and_one_answered_by_hand_says_that_alone(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        await house.stop(stage="run")
        for place in ("deliver", "errors"):
            await house.stop(stage=place, filter=f'text =~ "{place}"')
        for text in ("at run", "at deliver", "at errors"):
            turn = await house.say(text)
            await house.parked(turn)
            await house.act(turn, "drop")
            ended = await house.ended(turn)
            assert (ended["state"], ended["reply"]) == ("dropped", "")
            assert ended["reason"] == "dropped by root at a breakpoint"
        turn = await house.say("who are you")
        await house.parked(turn)
        await house.act(turn, "answer", text="a person")
        ended = await house.ended(turn)
        assert (ended["state"], ended["reply"], ended["runner"]) == ("answered", "a person", "operator")
        assert house.phone.shown == ["a person"] and house.echo.asked == []


async def test_a_stage_runs_again_with_what_was_changed_and_forgets_what_it_did(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        await house.stop(stage="run", on="after")
        turn = await house.say("hello")
        await house.parked(turn, "after", "run")
        await house.act(turn, "restart-stage")
        await house.parked(turn, "before", "run")
        await house.edit(turn, "prompt.0.content", "good bye")
        await house.act(turn, "step-in")
        await house.parked(turn, "before", "echo")
        await house.act(turn, "step-out")
        await house.parked(turn, "after", "run")
        await house.act(turn, "resume")
        ended = await house.ended(turn)
        assert ended["reply"] == "you said good bye"
        assert house.echo.asked == ["hello", "good bye"] and house.phone.shown == ["you said good bye"]
        assert [span["name"] for span in ended["spans"]].count("run") == 1


async def test_of_two_who_change_a_turn_the_second_is_told(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        await house.stop(stage="run")
        turn = await house.say("hello")
        revision = (await house.parked(turn))["revision"]
        scopes = await house.edit(turn, "variables.intent", "refund", revision)
        with pytest.raises(Outdated) as refused:
            await house.edit(turn, "variables.intent", "praise", revision)
        assert refused.value.revision == scopes["revision"] == revision + 1
        assert (await house.debugger.scopes(turn))["scopes"]["variables"] == {"intent": "refund"}
        for path, value in (("route.runner", "nobody"), ("prompt.7", "x"), ("answer.text", "x"), ("x", 1)):
            with pytest.raises(WrongValue):
                await house.edit(turn, path, value)
        await house.act(turn, "resume")
        await house.ended(turn)
        with pytest.raises(Conflict, match="not parked"):
            await house.act(turn, "resume")


async def test_errors_changes_hits_and_log_points(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        house.echo.error = ValueError("no idea")
        await house.stop(on="error", errors=["internal"])
        turn = await house.say("hello")
        assert (await house.parked(turn, "error", "echo"))["error"].startswith("internal:")
        await house.act(turn, "resume")  # the error is met at each stage on its way, and stops there no more
        assert (await house.ended(turn))["state"] == "failed"
        house.echo.error = None
        await house.debugger.clear_breakpoints(None, everyone=False, by=CLI)
        await house.stop(on="change", path="route.runner")
        turn = await house.say("hello")
        assert (await house.parked(turn, "before", "classify"))["reason"] == "breakpoint"
        await house.debugger.clear_breakpoints(None, everyone=False, by=CLI)
        await house.act(turn, "resume")
        await house.ended(turn)
        third = await house.stop(stage="run", hits=3)
        with house.runtime.bus.observe({"debug"}) as seen:
            await house.stop(stage="run", log="{route.runner} is asked {message.text}")
            for text in ("one", "two"):
                await house.ended(await house.say(text))
            turn = await house.say("three")
            await house.parked(turn)
            told = [e.data["text"] for e in seen.take()[0] if e.type == "debug.log"]
        assert told == ["chat is asked one", "chat is asked two", "chat is asked three"]
        await house.act(turn, "resume")
        await house.ended(turn)
        counts = {b["id"]: (b["matched"], b["stopped"]) for b in house.debugger.list_breakpoints()}
        assert counts[third] == (3, 1)


async def test_all_go_on_at_once_and_others_of_the_session_come_after(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        await house.stop(stage="run", filter='text =~ "hold"')
        turn = await house.say("hold")
        await house.parked(turn)
        later = await house.say("later")
        waits = (await house.runtime.resources.turns.get_turn(later))["behind"]
        assert waits is not None and (waits["why"], waits["turn"]) == ("session", turn)
        assert house.debugger.resume_all(by=CLI)["turns"] == [turn]
        await house.ended(later)
        await until(lambda: len(house.phone.shown) == 2)
        assert house.phone.shown == ["you said hold", "you said later"]
