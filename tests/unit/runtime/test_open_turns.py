"""What is told of a turn while it is open: what its answer says so far, and what it waits for."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from mindbot.config.load import load
from mindbot.domain.chat import Chunk
from mindbot.domain.message import Part
from mindbot.domain.turn import Turn
from mindbot.runtime.app import Runtime
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio


class Slow:
    """Says three words, the last one when it may."""

    def __init__(self) -> None:
        self.speaks, self.go_on = anyio.Event(), anyio.Event()

    async def run(self, turn: Turn) -> AsyncGenerator[Chunk, None]:
        yield Chunk("hm, ")
        yield Chunk("one ", afresh=True)
        yield Chunk("two ")
        self.speaks.set()
        async with turn.span("tool", "search"):
            await self.go_on.wait()
        yield Chunk("three", finish="stop")


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    only_one = load([], environ={}, overrides={"dispatcher": {"max_running": 1}})
    async with Runtime.open(only_one, tmp_path) as found:
        yield found


@pytest.fixture
def slow(runtime: Runtime) -> Slow:
    runner = runtime.generation.runners["chat"] = Slow()
    return runner


async def test_what_an_answer_says_so_far_is_in_its_turn(runtime: Runtime, slow: Slow) -> None:
    turns = runtime.resources.turns
    with runtime.bus.observe({"chunk"}) as observer, anyio.fail_after(PATIENCE):
        turn = await turns.inject(text="hello")
        await slow.speaks.wait()
        assert (await turns.get_turn(turn))["saying"] == "one two "
        slow.go_on.set()
        ended = await turns.wait_turn(turn, PATIENCE)
        pieces = [event.data for event in observer.take()[0]]
    assert (ended["saying"], ended["reply"], ended["behind"]) == ("", "one two three", None)
    assert [(each["at"], each["text"]) for each in pieces] == [
        (0, "hm, "),
        (0, "one "),
        (4, "two "),
        (8, "three"),
    ]


async def test_a_queued_turn_says_what_it_waits_for(runtime: Runtime, slow: Slow) -> None:
    turns = runtime.resources.turns
    with anyio.fail_after(PATIENCE):
        first = await turns.inject(text="1", user="alice")
        await slow.speaks.wait()
        second = await turns.inject(text="2", user="alice")
        third = await turns.inject(text="3", user="alice")
        other = await turns.inject(text="4", user="bob")
        assert (await turns.get_turn(first))["behind"] is None
        assert (await turns.get_turn(second))["behind"] == {"why": "session", "turn": first, "ahead": 1}
        assert (await turns.get_turn(third))["behind"] == {"why": "session", "turn": first, "ahead": 2}
        assert (await turns.get_turn(other))["behind"] == {"why": "bot", "turn": "", "ahead": 0}
        slow.go_on.set()
        await turns.wait_turn(other, PATIENCE)


async def test_a_step_that_is_stopped_is_cancelled_and_has_not_failed(runtime: Runtime, slow: Slow) -> None:
    turns = runtime.resources.turns
    with anyio.fail_after(PATIENCE):
        turn = await turns.inject(text="hello")
        await slow.speaks.wait()
        assert runtime.bridge.stop(turn)
        spans = (await turns.wait_turn(turn, PATIENCE))["spans"]
    found: dict[str, Any] = {each["name"]: each["status"] for each in spans}
    assert (found["search"], found["run"]) == ("cancelled", "ok")


async def test_a_delivery_shows_the_parts_that_are_more_than_one_text(runtime: Runtime) -> None:
    async def run(turn: Turn) -> AsyncGenerator[Chunk, None]:
        if turn.message.text == "card":
            turn.reply.parts.append(Part("card", "Lunch", {"buttons": ["yes", "no"]}))
        yield Chunk("words", finish="stop")

    runtime.generation.runners["chat"] = SimpleNamespace(run=run)
    turns = runtime.resources.turns
    plain = await turns.wait_sent(await turns.inject(text="hello"), PATIENCE)
    card = await turns.wait_sent(await turns.inject(text="card"), PATIENCE)
    assert [each["parts"] for each in plain["deliveries"]] == [[]]
    kinds = [part["kind"] for each in card["deliveries"] for part in each["parts"]]
    assert "card" in kinds
