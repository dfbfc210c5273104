"""Console tests that read like a person at the keyboard: press, type, expect.

async with console(daemon) as person:
    await person.press("/")
    await person.type('platform == "wecom"')
    await person.press("enter")
    await person.sees("6/13")
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
from textual import events
from textual.pilot import Pilot

from mindbot.testing.waiting import PATIENCE
from mindbot_tui.app import Console
from mindbot_tui.daemon import Daemon as Api


class Person:
    """Somebody in front of a console."""

    def __init__(self, app: Console, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    async def press(self, *keys: str) -> None:
        """Press keys, one after the other, by their names."""
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        """Type a text, faster than the console looks: all keys are there before the first is handled."""
        for c in text:
            self.app.post_message(events.Key(_KEYS.get(c, c), c))
        await self.pilot.pause()

    async def dash(self, *keys: str) -> None:
        """Press keys by their names, all of them there before the first is handled."""
        for key in keys:
            self.app.post_message(events.Key(key, None))
        await self.pilot.pause()

    async def resize(self, width: int, height: int) -> None:
        await self.pilot.resize_terminal(width, height)

    @property
    def screen(self) -> str:
        """What is on the screen, a line a line."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in strips)

    async def sees(self, *texts: str) -> None:
        """Wait until all of these are on the screen."""
        await self._until(lambda: all(text in self.screen for text in texts), f"{texts} did not show")

    async def sees_no(self, *texts: str) -> None:
        """Wait until none of these is on the screen."""
        await self._until(lambda: not any(text in self.screen for text in texts), f"{texts} stayed")

    async def sees_at(self, row: int, text: str) -> None:
        """Wait until a line of the screen, counted from 0 or from the end, holds a text."""
        await self._until(lambda: text in self.line(row), f"{text!r} is not in line {row}")

    def line(self, row: int) -> str:
        return self.screen.split("\n")[row]

    async def finds(self, what: Callable[[], Any]) -> None:
        """Wait until something is so that cannot be seen."""
        await self._until(lambda: bool(what()), "it did not come about")

    async def clicks(self, text: str) -> None:
        """Click on the beginning of a text."""
        await self.pilot.click(offset=self._place(text))

    def _place(self, text: str) -> tuple[int, int]:
        """Return the cell and the line at which a text begins."""
        from rich.cells import cell_len

        for y, line in enumerate(self.screen.split("\n")):
            if text in line:
                return cell_len(line[: line.index(text)]), y
        raise AssertionError(f"{text!r} is not on the screen:\n{self.screen}")

    async def wheels(self, text: str, by: int) -> None:
        """Turn the wheel where a text stands: ``by`` notches down, or up where it is less than 0."""
        x, y = self._place(text)
        kind = events.MouseScrollDown if by > 0 else events.MouseScrollUp
        for _ in range(abs(by)):
            widget, _region = self.app.screen.get_widget_at(x, y)
            widget.post_message(kind(widget, x, y, 0, 0, 0, False, False, False, x, y))
            await self.pilot.pause()

    async def _until(self, so: Callable[[], bool], otherwise: str) -> None:
        with anyio.move_on_after(PATIENCE):
            while True:
                await self.pilot.pause()
                if so():
                    return
                await anyio.sleep(0.01)
        raise AssertionError(f"{otherwise}:\n{self.screen}")


_KEYS = {
    " ": "space",
    "/": "slash",
    ":": "colon",
    "?": "question_mark",
    '"': "quotation_mark",
    "=": "equals_sign",
    ">": "greater_than_sign",
    "<": "less_than_sign",
    "~": "tilde",
    "|": "vertical_line",
    "@": "at",
    "#": "number_sign",
    "'": "apostrophe",
    ",": "comma",
    ".": "full_stop",
    "[": "left_square_bracket",
    "]": "right_square_bracket",
    "(": "left_parenthesis",
    ")": "right_parenthesis",
    "-": "minus",
    "_": "underscore",
}


@asynccontextmanager
async def console(api: Api, *, size: tuple[int, int] = (150, 30), **options: Any) -> AsyncIterator[Person]:
    """Open a console of a given size on a daemon, real or fake."""
    app = Console(api, **options)
    async with app.run_test(size=size, notifications=True) as pilot:
        yield Person(app, pilot)
