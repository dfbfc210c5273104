"""How every screen looks, in both languages, on a small and on a large terminal.

After a change that is meant: look at the report, then `pytest tests/console --snapshot-update`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from console_bots import health
from console_driver import Person
from console_fakes import FakeClock
from console_sample import filled, listing, record
from textual.pilot import Pilot

from mindbot_tui.app import Console

pytestmark = pytest.mark.slow

SIZES = [
    pytest.param((80, 24), id="80x24"),
    pytest.param((160, 48), id="160x48", marks=pytest.mark.full),
]
LANGUAGES = ["en", "zh"]
Compare = Callable[..., bool]

#: The keys that lead there, and what then shows.
VIEWS: dict[str, tuple[list[str], str]] = {
    "flow": ([], "谢谢"),
    "turn": (["home", "enter"], "CDATA"),
    "platforms": (["2"], "── console/default ──"),
    "sessions": (["3"], "And the other parcel?"),
    "dead": (["4"], "40001"),
    "config": (["5"], "wecom.corpid"),
    "logs": (["6"], "40001"),
    "providers": (["7", "down"], "── 智谱 ──"),
    "provider": (["7", "down", "enter"], "1302: 您的"),
    "workflows": (["8", "down"], "── 退款 ──"),
    "workflow": (["8", "down", "enter"], "504: the gateway"),
    "routes": (["9", "up"], "most like"),
    "bundles": (["B"], "12 "),
    "bundle": (["B", "enter"], "I want a refund"),
    "queue": (["colon", *"queue", "enter"], "42"),
    "metrics": (["colon", *"metrics", "enter"], "退款"),
    "bus": (["colon", *"bus", "enter"], "process 4820"),
    "diagram": (["colon", *"diagram", "enter"], "● wecom/default"),
    "database": (["colon", *"database", "enter", "i", *"SELECT", "enter"], "credential"),
    "api": (["colon", *"api", "enter", "down"], "Newest first"),
    "events": (["E"], "✓"),
    "help": (["question_mark"], "space"),
}
#: The keys, what is then typed, and what shows.
MOMENTS: dict[str, tuple[list[str], str, str]] = {
    "offers": (["slash"], "platform == ", "wecomcs"),
    "mistake": (["slash"], "took > 5 and platfrm == wecom", "^^^^^^^"),
    "prompt": (["colon"], "re", "resume"),
    "question": (["4", "down", "d"], "", "(y)"),
    "palette": (["ctrl+p"], "dead", "dead"),
    "failing": (["2", "down", "down", "down"], "", "wkHelp"),
}


def picture(
    compare: Compare, keys: list[str], shows: str, size: tuple[int, int], typed: str = "", **options: Any
) -> bool:
    daemon = filled()
    if session := options.pop("session", ""):
        daemon.answers["GET /v1/turns"] = listing(session)
    daemon.up = options.pop("up", True)
    daemon.answers["GET /v1/status"]["health"] = options.pop(
        "ill", daemon.answers["GET /v1/status"]["health"]
    )
    app = Console(daemon, clock=FakeClock(), **options)

    async def ready(pilot: Pilot[None]) -> None:
        person = Person(app, pilot)
        await person.finds(lambda: app.state.link.phase != "connecting")
        await person.finds(lambda: len(app.state.turns) or not daemon.up)
        await person.sees_no("asking the daemon", "正在查询")
        await person.press(*keys)
        await person.type(typed)
        await person.sees(shows)
        await person.pilot.pause()

    return compare(app, terminal_size=size, run_before=ready)


@pytest.mark.full
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("view", VIEWS)
def test_view(snap_compare: Compare, view: str, language: str, size: tuple[int, int]) -> None:
    keys, shows = VIEWS[view]
    assert picture(snap_compare, keys, shows, size, language=language)


@pytest.mark.full
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("moment", MOMENTS)
def test_moment(snap_compare: Compare, moment: str, language: str) -> None:
    keys, typed, shows = MOMENTS[moment]
    assert picture(snap_compare, keys, shows, (80, 24), typed, language=language)


#: Turns by how they are, as ups from the last line of the list, and what shows.
TURNS = {"running": (1, "Hamburg"), "undelivered": (5, "✗ 45047"), "failed": (8, "✗ rate_limited")}


@pytest.mark.full
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", TURNS)
def test_turn(snap_compare: Compare, state: str, language: str, size: tuple[int, int]) -> None:
    ups, shows = TURNS[state]
    assert picture(snap_compare, ["up"] * ups + ["enter"], shows, size, language=language)


@pytest.mark.full
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_phone(snap_compare: Compare, language: str, size: tuple[int, int]) -> None:
    keys, session = ["up", "enter", "v"], "wecom:default:alice"
    assert picture(snap_compare, keys, "arrives on Thursday", size, language=language, session=session)


@pytest.mark.full
@pytest.mark.parametrize("language", LANGUAGES)
def test_who_wrote_and_which_files_came(snap_compare: Compare, language: str) -> None:
    assert picture(snap_compare, ["home", "down", "enter"], "采购部", (100, 36), language=language)


@pytest.mark.full
def test_what_was_sent_and_what_was_said_later(snap_compare: Compare) -> None:
    keys = ["home", "down", "enter", "right", "right", "right"]
    assert picture(snap_compare, keys, "时间不对", (100, 36))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", [*SIZES, pytest.param((40, 10), id="40x10", marks=pytest.mark.full)])
def test_an_outage(snap_compare: Compare, size: tuple[int, int], language: str) -> None:
    parts = {"bot wecomcs/shop": "failed", "bot wecom/default": "failed", "provider openai": "degraded"}
    ill = health(undelivered=3, dead=6, failed=12, ended=12, **parts)
    assert picture(snap_compare, [], "✗ 2", size, language=language, ill=ill)


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_daemon(snap_compare: Compare, language: str) -> None:
    assert picture(snap_compare, [], "mindbot up", (80, 24), language=language, up=False)


def test_on_a_very_small_terminal(snap_compare: Compare) -> None:
    assert picture(snap_compare, [], "谢谢", (40, 10))


def test_in_production(snap_compare: Compare) -> None:
    assert picture(snap_compare, [], "PRODUCTION", (80, 24), loud="red", environment="production")


def test_in_production_with_a_theme_of_ones_own(snap_compare: Compare) -> None:
    loud = {"loud": "orange", "environment": "staging"}
    assert picture(snap_compare, [], "STAGING", (80, 24), theme="mindbot-light", **loud)


def test_without_colours(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert picture(snap_compare, [], "谢谢", (80, 24))


@pytest.mark.full
def test_on_a_light_ground(snap_compare: Compare) -> None:
    assert picture(snap_compare, ["home", "enter"], "CDATA", (80, 24), theme="mindbot-light")


@pytest.mark.full
def test_scrolled_up_and_detached(snap_compare: Compare) -> None:
    daemon = filled()
    app = Console(daemon, clock=FakeClock(), readonly=True)

    async def ready(pilot: Pilot[None]) -> None:
        person = Person(app, pilot)
        await person.sees("谢谢")
        await person.press("up", "up")
        for n in range(30):
            daemon.turn(record(20 + n, "wecom", "zoe", f"message {n}", reply="ok", took=0.1))
        daemon.gap(1284)
        daemon.stop()
        await person.sees("▼ 27", "detached for 0s", "gaps 1")

    assert snap_compare(app, terminal_size=(80, 24), run_before=ready)
