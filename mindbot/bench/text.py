"""Long texts in the console: what it costs to open, scroll, search and resize one.

A console of 160x48 without a terminal, in a process of its own; CPU from the key to the screen at rest again.
The floor is the same with a text of little more than a screen.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import Any

import anyio

from mindbot.api.calls import ApiCall
from mindbot.api.saved import Sink
from mindbot.api.stream import Update
from mindbot.bench import measure
from mindbot.bench.measure import Figures, Result
from mindbot.domain.errors import Unreachable

#: Each shape's text, and what is searched in it.
SHAPES: dict[str, Callable[[], tuple[str, str]]] = {
    "screen": lambda: (("a line that fills the screen " * 5 + "\n") * 60, "fills"),
    "answer_94kb": lambda: ("它今天 早上 left 我们的仓库。\n" * 2_350 + "needle", "needle"),
    "prompt_94kb": lambda: ("word another " * 7_250 + "needle", "needle"),
    "json_1mb": lambda: (
        json.dumps({"rows": [{"id": n, "text": "where is it? " * 4} for n in range(14_000)]}),
        "13999",
    ),
    "chinese_300kb": lambda: ("我的订单什么时候发货" * 10_000 + "退款", "退款"),
}
_WARM_UP = 2  # pages opened before the clock starts: modules are loaded, styles are found


class Away:
    """A daemon that is not there."""

    async def ask(self, call: ApiCall[Any]) -> Any:
        raise Unreachable("no daemon")

    async def save(self, call: ApiCall[None], out: Sink) -> None:
        raise Unreachable("no daemon")

    async def stream(self, topics: Iterable[str] = (), filter: str = "") -> AsyncGenerator[Update, None]:
        await anyio.sleep_forever()
        yield  # type: ignore[misc]  # never reached; it makes this a generator

    async def aclose(self) -> None:
        """Nothing to close."""


async def used(shape: str) -> Figures:
    """Open a text, go through it, and away again; CPU in milliseconds a step."""
    from mindbot_tui.app import Console

    text, words = SHAPES[shape]()
    app = Console(Away())
    found: Figures = {}
    async with app.run_test(size=(160, 48)) as pilot:

        async def cost(step: str, do: Callable[[], Awaitable[Any] | Any]) -> None:
            before = time.process_time()
            if isinstance(done := do(), Awaitable):
                await done
            await pilot.pause()
            found[f"{shape}_{step}_ms"] = (time.process_time() - before) * 1000

        for _ in range(_WARM_UP):
            app.show_page("warm-up", "one line")
            await pilot.pause()
            await pilot.press("escape")
        await cost("open", lambda: app.show_page("bench", text))
        await cost("page", lambda: pilot.press("pagedown"))
        await cost("search", lambda: app.run_command(f"search {words}"))
        await cost("end", lambda: pilot.press("end"))
        await cost("resize", lambda: pilot.resize_terminal(120, 40))
    return found


def bench(rounds: int = 3) -> Result:
    """Compare long texts of four shapes with one that fills the screen."""
    sides = [lambda shape=shape: measure.module("mindbot.bench.text", shape) for shape in SHAPES]
    floor, *others = measure.interleaved(rounds, *sides)
    figures = {name: value for each in others for name, value in each.items()}
    steps = {name.removeprefix("screen_"): value for name, value in floor.items()}
    under = {
        name: next(value for step, value in steps.items() if name.endswith(f"_{step}")) for name in figures
    }
    goals = {name: "< 100" for name in figures if name.endswith("_open_ms")}
    return Result("text", figures, floor=under, goals=goals, note="160x48, CPU")


if __name__ == "__main__":
    print(json.dumps(anyio.run(used, sys.argv[1])))
