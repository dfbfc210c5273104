"""How the debugger's screens look, in both languages, on a small and on a large terminal.

After a change that is meant: look at the report, then `pytest tests/console --snapshot-update`.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from console_debugger import debugged
from console_driver import Person
from console_fakes import FakeClock
from textual.pilot import Pilot

from mindbot_tui.app import Console

pytestmark = [pytest.mark.slow, pytest.mark.full]

SIZES = [pytest.param((80, 24), id="80x24"), pytest.param((160, 48), id="160x48")]
LANGUAGES = ["en", "zh"]
Compare = Callable[..., bool]

#: What is pressed after what shows, step by step, and what shows at the end.
SCREENS: dict[str, tuple[list[tuple[str, list[str]]], str]] = {
    "parked": ([], "47s"),
    "debugger": ([("谢谢", ["D"])], '"text"'),
    "would-send": ([("谢谢", ["D", "v"])], "three days"),
    "breakpoints": ([("谢谢", ["colon", *"breakpoints", "enter"])], "1,204"),
    "break": ([("谢谢", ["b"])], "run"),
    "edit": ([("谢谢", ["D"]), ('"text"', ["e"])], "message.text"),
    "conflict": ([("谢谢", ["D"]), ('"text"', ["e"]), ("message.text", ["X", "ctrl+s"])], "another lamp"),
}


def picture(compare: Compare, screen: str, size: tuple[int, int], language: str) -> bool:
    daemon, debugger = debugged()
    app = Console(daemon, clock=FakeClock(), language=language)
    steps, shows = SCREENS[screen]

    async def ready(pilot: Pilot[None]) -> None:
        person = Person(app, pilot)
        await person.sees("‖ 2 ·")
        for seen, keys in steps:
            await person.sees(seen)
            if "ctrl+s" in keys:  # somebody else was faster
                debugger.theirs("message.text", "I want another lamp")
            await person.press(*keys)
        await person.sees(shows)
        await person.pilot.pause()

    return compare(app, terminal_size=size, run_before=ready)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("screen", SCREENS)
def test_screen(snap_compare: Compare, screen: str, language: str, size: tuple[int, int]) -> None:
    assert picture(snap_compare, screen, size, language)


@pytest.mark.parametrize("screen", ["debugger", "would-send", "break"])
def test_on_a_very_small_terminal(snap_compare: Compare, screen: str) -> None:
    assert picture(snap_compare, screen, (40, 10), "en")
