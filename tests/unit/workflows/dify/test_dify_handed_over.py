"""A daemon that ends leaves a run to the next process, which takes it up."""

from __future__ import annotations

from contextlib import aclosing

import pytest
from dify_here import DifyHere, again, call, dify_here, heard

from mindbot.domain.turn import Turn
from mindbot.workflows.dify import recovery

pytestmark = [pytest.mark.anyio, pytest.mark.full]


async def left(here: DifyHere, kind: str, turn: Turn) -> None:
    here.ending = True
    async with aclosing(here.app(kind).run(turn, call())) as chunks:
        await anext(chunks)
    here.ending = False


@pytest.mark.parametrize("kind", ["chat", "agent", "chatflow", "workflow"])
async def test_it_goes_on_and_is_taken_up(kind: str) -> None:
    async with dify_here(tokens_per_second=20.0) as here:
        turn = here.turn()
        await left(here, kind, turn)
        assert not here.sim.stopped
        said = await heard(here.app(kind).run(again(turn), call()))
        assert said.text.count("hello") == 1
        assert here.starts() == 1


async def test_of_a_completion_app_nobody_could_take_it_up() -> None:
    async with dify_here(tokens_per_second=20.0) as here:
        turn = here.turn()
        await left(here, "completion", turn)
        assert len(here.sim.stopped) == 1
        assert (await heard(here.app("completion").run(again(turn), call()))).text.count("hello") == 1
        assert here.starts() == 2


async def test_one_that_an_older_server_dropped_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "UNSAVED", 0.2)
    async with dify_here(fault="run-dies:n=1", tokens_per_second=20.0) as here:
        turn = here.turn()
        await left(here, "chat", turn)
        said = await heard(here.app().run(again(turn), call()))
        assert said.text.count("hello") == 1
        assert here.starts() == 2
