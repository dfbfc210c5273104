"""How the debugger's screens look, in both languages, on a small and on a large terminal.

After a change that is meant: look at the report, then `pytest tests/console --snapshot-update`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from console_debugger import FakeDebugger, debugged
from console_driver import Person
from console_fakes import FakeClock, turn_id
from console_what_if import DIFF, A, B, Taken, verdicts
from textual.pilot import Pilot

from mindbot_tui.app import Console

pytestmark = [pytest.mark.slow, pytest.mark.full]

SIZES = [pytest.param((80, 24), id="80x24"), pytest.param((160, 48), id="160x48")]
LANGUAGES = ["en", "zh"]
Compare = Callable[..., bool]
Way = Callable[[Person, FakeDebugger], Awaitable[None]]


async def command(person: Person, line: str) -> None:
    await person.press("colon")
    await person.type(line)
    await person.press("enter")


async def parked(person: Person, debugger: FakeDebugger) -> None:
    await person.sees("47")


async def debugger(person: Person, debugger: FakeDebugger) -> None:
    await person.press("D")
    await person.sees('"text"')


async def would_send(person: Person, debugger: FakeDebugger) -> None:
    await person.press("D", "v")
    await person.sees("three days")


async def breakpoints(person: Person, debugger: FakeDebugger) -> None:
    await command(person, "breakpoints")
    await person.sees("1,204")


async def form(person: Person, debugger: FakeDebugger) -> None:
    await person.press("b")
    await person.sees("run")


async def edit(person: Person, fake: FakeDebugger) -> None:
    await debugger(person, fake)
    await person.press("e")
    await person.sees("message.text")


async def conflict(person: Person, fake: FakeDebugger) -> None:
    await edit(person, fake)
    await person.sees("lamp")
    fake.theirs("message.text", "I want another lamp")
    await person.press("X", "ctrl+s")
    await person.sees("another lamp")


async def jury(person: Person, fake: FakeDebugger) -> None:
    fake.daemon.answers[f"POST /v1/turns/{turn_id(4)}/jury"] = verdicts
    await debugger(person, fake)
    await command(person, "jury general openai/gpt-4o")
    await person.sees("two days")


async def diff(person: Person, fake: FakeDebugger) -> None:
    fake.daemon.answers[f"GET /v1/turns/{A}/diff/{B}"] = DIFF
    await command(person, f"diff {A} {B}")
    await person.sees("tomorrow")


async def conversation(person: Person, fake: FakeDebugger) -> None:
    Taken(fake.daemon)
    await person.press("3", "slash")
    await person.type("parcel")
    await person.press("enter")
    await person.sees("1/11")
    await person.press("T")
    await person.sees("20s", "warehouse")


SCREENS: dict[str, Way] = {
    "parked": parked,
    "debugger": debugger,
    "would-send": would_send,
    "breakpoints": breakpoints,
    "break": form,
    "edit": edit,
    "conflict": conflict,
    "jury": jury,
    "diff": diff,
    "conversation": conversation,
}


def picture(compare: Compare, screen: str, size: tuple[int, int], language: str) -> bool:
    daemon, fake = debugged()
    app = Console(daemon, clock=FakeClock(), language=language)

    async def ready(pilot: Pilot[None]) -> None:
        person = Person(app, pilot)
        await person.sees("‖ 2 ·", "谢谢" if size[1] > 20 else "‖ 2 ·")
        await SCREENS[screen](person, fake)
        app.clear_notifications()
        await person.pilot.pause()

    return compare(app, terminal_size=size, run_before=ready)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("screen", SCREENS)
def test_screen(snap_compare: Compare, screen: str, language: str, size: tuple[int, int]) -> None:
    assert picture(snap_compare, screen, size, language)


@pytest.mark.parametrize("screen", ["debugger", "would-send", "break", "jury"])
def test_on_a_very_small_terminal(snap_compare: Compare, screen: str) -> None:
    assert picture(snap_compare, screen, (40, 10), "en")
