"""What ends a debugger ends what it holds: a console that has gone, a drain; a reload does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from debug_house import CLI, a_house

from mindbot.config.load import load
from mindbot.domain.errors import BadFilter, Conflict, Invalid, NotFound
from mindbot.domain.message import Json
from mindbot.domain.operators import Operator
from mindbot.testing.stores.memory.store import MemoryPlaces
from mindbot.testing.waiting import until

pytestmark = pytest.mark.anyio


async def test_a_console_that_has_gone_takes_its_breakpoints_along(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        house.runtime.debugging.consoles.grace = 0.0
        one, other = Operator("root", "one"), Operator("root", "other")
        with house.debugger.attached("other"):
            with house.debugger.attached("one"):
                mine = await house.debugger.set_breakpoint({"stage": "run"}, by=one)
                theirs = await house.debugger.set_breakpoint({"stage": "compose"}, by=other)
                sticky = await house.debugger.set_breakpoint({"stage": "media", "sticky": True}, by=one)
                turn = await house.say("hello")
                for _ in ("media", "compose"):
                    await house.parked(turn)
                    await house.debugger.act(turn, "resume", by=one)
                assert (await house.parked(turn, "before", "run"))["owner"] == "one"
            await until(lambda: not house.debugger.list_parked())
            await house.ended(turn)
            left = [b["id"] for b in house.debugger.list_breakpoints()]
            assert mine["id"] not in left and left == [theirs["id"], sticky["id"]]
        await until(lambda: len(house.debugger.list_breakpoints()) == 1)
        assert house.phone.shown == ["you said hello"]


async def test_a_step_that_a_console_asked_for_stops_for_nobody_when_it_has_gone(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        house.runtime.debugging.consoles.grace = 0.0
        one = Operator("root", "one")
        with house.debugger.attached("one"):
            await house.debugger.set_breakpoint({"stage": "media"}, by=one)
            turn = await house.say("hello")
            await house.parked(turn, "before", "media")
            await house.debugger.clear_breakpoints(None, everyone=True, by=one)
            await house.debugger.act(turn, "step", by=one)
            house.runtime.debugging.gate.leave("one")  # it goes while that step is under way
            await house.ended(turn)
            assert house.phone.shown == ["you said hello"]


async def test_nothing_is_answered_in_a_session_that_somebody_has_taken(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        await house.stop(stage="run")
        turn = await house.say("hello")
        parked = await house.parked(turn)
        await house.runtime.resources.take_overs.take(parked["session"], Operator("anna"))
        with pytest.raises(Conflict, match="anna has taken"):
            await house.act(turn, "answer", text="mine")
        await house.act(turn, "resume")
        assert (await house.ended(turn))["vars"]["draft"] == "you said hello"
        assert house.phone.shown == []


async def test_a_stop_lets_parked_turns_be_answered_first(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        await house.stop(stage="run")
        turn = await house.say("hello")
        await house.parked(turn)
        assert await house.runtime.drain(30)
        assert house.phone.shown == ["you said hello"]


async def test_a_turn_that_is_cut_off_is_answered_by_the_next_process_and_is_no_suspect(
    tmp_path: Path,
) -> None:
    places = MemoryPlaces()
    async with a_house(tmp_path, places.store) as house:
        await house.stop(stage="compose")
        await house.stop(stage="run", sticky=True)
        turn = await house.say("hello")
        await house.parked(turn, "before", "compose")
    async with a_house(tmp_path, places.store) as house:
        await house.parked(turn, "before", "run")  # the sticky one is all that is left
        assert [b["id"] for b in house.debugger.list_breakpoints()] == ["b2"]
        assert await house.stop(stage="run") == "b3"
        await house.act(turn, "resume")
        ended = await house.ended(turn)
        assert (ended["reply"], ended["attempt"]) == ("you said hello", 1)
        assert house.phone.shown == ["you said hello"]


async def test_a_reload_leaves_a_parked_turn_where_it_is(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        await house.stop(stage="run")
        turn = await house.say("hello")
        await house.parked(turn)

        async def bind(hooks: object) -> None:
            """Nobody is called back."""

        await house.runtime.use(load(environ={"MINDBOT__DEBUG__ENABLED": "false"}), bind)
        assert house.debugger.list_parked()
        with pytest.raises(Conflict, match="switched off"):
            await house.stop(stage="run")
        await house.act(turn, "resume")
        assert (await house.ended(turn))["reply"] == "you said hello"


async def test_what_makes_no_breakpoint_is_told(tmp_path: Path) -> None:
    async with a_house(tmp_path) as house:
        for said in ({}, {"on": "change"}, {"stage": "run", "hits": 0}, {"stage": "run", "on": "inside"}):
            with pytest.raises(Invalid):
                await house.stop(**said)
        with pytest.raises(BadFilter):
            await house.stop(stage="run", filter="text ~~ 3")
        with pytest.raises(NotFound):
            await house.debugger.clear_breakpoints("b9", everyone=False, by=CLI)
        id = await house.stop(stage="run")
        changed = await house.debugger.change_breakpoint(id, {"enabled": False}, by=CLI)
        assert (changed["enabled"], changed["stage"]) == (False, "run")
        assert (await house.ended(await house.say("hello")))["state"] == "answered"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"stage": "rnu"}, "did you mean run"),
        ({"on": "error", "errors": ["rate_limitd"]}, "did you mean rate_limited"),
        ({"on": "change", "path": "variable.intent"}, "did you mean variables"),
        ({"stage": "run", "log": "{rout.workflow}"}, "did you mean route"),
    ],
)
async def test_what_could_never_stop_a_turn_is_refused(tmp_path: Path, said: Json, told: str) -> None:
    async with a_house(tmp_path) as house:
        with pytest.raises(Invalid, match=told):
            await house.stop(**said)
        assert not house.debugger.list_breakpoints()
