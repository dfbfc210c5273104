"""A runtime whose turns are made again, and a runner with inner steps that are remembered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio

from mindbot.config.load import load
from mindbot.domain.chat import Chunk, Chunks
from mindbot.domain.shapes.replays import ReplayOrder
from mindbot.domain.shapes.turns import Json
from mindbot.domain.turn import Turn
from mindbot.runtime.app import Runtime
from mindbot.runtime.replaying import ReplayedSteps
from mindbot.testing.stores.memory.store import MemoryPlaces
from mindbot.testing.waiting import PATIENCE


class Toolbox:
    """Answers by three tools, one after the other; counts how often each was really used.

    ``ask`` returns what a person decides, ``effect`` makes the last one a step that changes something.
    """

    def __init__(
        self, runtime: Runtime, *, ask: Callable[[], str] | None = None, effect: bool = False
    ) -> None:
        self._once = ReplayedSteps(runtime.store.turns.once)
        self._ask = ask
        self._effect = effect
        self.used: dict[str, int] = {}
        self.prompts: list[list[Json]] = []

    async def run(self, turn: Turn) -> Chunks:
        self.prompts.append([line.to_json() for line in turn.prompt])
        said = [turn.message.text, str(turn.vars.get("tone", ""))]
        for n in (1, 2, 3):
            key = f"effect:{n}" if self._effect and n == 3 else f"tool:{n}"
            async with turn.span("tool", key):
                said.append((await self._once(turn, key, self._tool(key)))["text"])
        if self._ask is not None:
            said.append((await self._once(turn, "decision:send", self._decide))["text"])
        yield Chunk(" ".join(filter(None, said)), finish="stop")

    def _tool(self, key: str) -> Any:
        async def use() -> Json:
            self.used[key] = self.used.get(key, 0) + 1
            return {"text": f"{key.partition(':')[2]}/{self.used[key]}"}

        return use

    async def _decide(self) -> Json:
        assert self._ask is not None
        return {"text": self._ask()}


@asynccontextmanager
async def a_runtime(
    folder: Path, places: MemoryPlaces | None = None, **sections: Any
) -> AsyncIterator[Runtime]:
    with anyio.fail_after(PATIENCE):
        store = (places or MemoryPlaces()).store
        async with Runtime.open(load(environ={}, overrides=sections), folder, store=store) as runtime:
            yield runtime


async def said(runtime: Runtime, text: str, user: str = "lin") -> Any:
    """Say something as a user; return the turn at its end."""
    turns = runtime.resources.turns
    return await turns.wait_sent(await turns.inject(text=text, user=user), PATIENCE)


async def replayed(runtime: Runtime, turn: str, **order: Any) -> Any:
    """Make a turn again; return it beside its original."""
    again = await runtime.resources.replays.replay(turn, ReplayOrder(**order))
    return await runtime.resources.replays.wait_replay(again, PATIENCE)


def outcomes(found: Any, *kinds: str) -> dict[str, str]:
    """Return what became of the steps of these kinds, by name."""
    return {step["name"]: step["outcome"] for step in found["steps"] if step["kind"] in kinds}
