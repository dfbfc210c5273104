"""What lies behind the lines in memory: faults of the daemon's, jumps to a time, whole lines of the log."""

from __future__ import annotations

from datetime import datetime

import pytest
from console_driver import console
from console_fakes import NOON, FakeClock, FakeDaemon
from console_sample import LOGS, filled, record, turn_id

from mindbot.domain.errors import Invalid
from mindbot.domain.message import Json
from mindbot_tui.state.times import moment_of

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
def daemon() -> FakeDaemon:
    return filled()


def old(n: int) -> Json:
    return {**record(-n, "wecom", f"old{n}", f"long ago {n}", "failed", reason="500: the model fell over")}


async def test_faults_are_asked_of_the_daemon_and_live_ones_join_them(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    def page(call: object) -> Json:
        assert call.query["before"] == turn_id(0)  # type: ignore[attr-defined]
        return {"turns": [old(1), old(2)], "next": "", "back_to": None, "looked": 2}

    daemon.answers["GET /v1/turns/page"] = page
    async with console(daemon, clock=clock) as person:
        await person.sees("bob")
        await person.press("e")
        await person.sees("long ago 2", "long ago 1", "carol", "erin", "4/15", "all")
        assert person.app.flow.rows.following
        daemon.turn(record(40, "wecom", "zoe", "a new fault", "failed", reason="500"), "failed")
        await person.sees("a new fault", "long ago 2", "5/16")
        await person.press("e")
        await person.sees("bob")
        await person.sees_no("long ago 2")


@pytest.mark.full
async def test_nothing_found_says_how_far_back_was_looked(daemon: FakeDaemon, clock: FakeClock) -> None:
    daemon.answers["GET /v1/turns/page"] = {"turns": [], "next": "", "back_to": None, "looked": 9}
    async with console(daemon, clock=clock) as person:
        await person.sees("bob")
        await person.press("slash")
        await person.type("user == nobody")
        await person.press("enter")
        await person.sees("nothing matches, back to the first turn")
        await person.press("slash")
        await person.press("ctrl+u")
        await person.type("nobody")
        await person.press("enter")
        await person.sees('nothing matches, back to the first turn; of a user: user == "nobody"')


@pytest.mark.full
async def test_a_time_is_jumped_to(daemon: FakeDaemon, clock: FakeClock) -> None:
    daemon.answers["GET /v1/turns/page"] = {"turns": [old(1)], "next": "", "back_to": None, "looked": 1}
    async with console(daemon, clock=clock) as person:
        await person.sees("bob")
        await person.press("T")
        await person.type("-4m")
        await person.press("enter")
        await person.finds(lambda: person.app.flow.turn == turn_id(9))  # 237 s ago; the one before is 244
        await person.press("T")
        await person.type("-2h")
        await person.press("enter")
        await person.sees("received <= ", "long ago 1")
        await person.sees_no("bob")


@pytest.mark.full
async def test_a_line_of_the_log_opens_whole_and_its_logger_writes_more(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    daemon.answers["PUT /v1/log-levels"] = {"mindbot.runtime": "debug"}
    daemon.answers["GET /v1/logs"] = [
        *LOGS,
        {
            "ts": NOON - 1,
            "level": "warning",
            "component": "mindbot.runtime",
            "text": "delivery given up",
            "turn": turn_id(4),
            "fields": {"platform": "wecom", "error": "60020: " + "not allowed " * 30 + "in the end"},
        },
    ]
    async with console(daemon, clock=clock) as person:
        await person.press("6")
        await person.sees("delivery given up")
        await person.press("slash")
        await person.type("level == warning and given")
        await person.press("enter")
        await person.sees("delivery given up")
        await person.sees_no("40001")
        await person.press("end", "enter")
        await person.sees('"platform": "wecom"', 'the end"')
        await person.press("escape", "L")
        await person.sees("log-level mindbot.runtime")
        await person.type("debug")
        await person.press("enter")
        await person.sees("mindbot.runtime writes from debug on")
        assert dict(daemon.asked)["PUT /v1/log-levels"] == {"mindbot.runtime": "debug"}
        await person.press("t")
        await person.sees(f"Turn {turn_id(4)}")


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("-2h", "2026-09-21 10:13:20"),
        ("-90s", "2026-09-21 12:11:50"),
        ("12:00", "2026-09-21 12:00:00"),
        ("23:59:59", "2026-09-20 23:59:59"),
        ("2026-01-31", "2026-01-31 00:00:00"),
        ("2026-01-31 08:30", "2026-01-31 08:30:00"),
        ("09-20 08:30", "2026-09-20 08:30:00"),
        ("12-24", "2025-12-24 00:00:00"),
    ],
)
def test_times_are_read_as_people_type_them(text: str, means: str) -> None:
    now = datetime(2026, 9, 21, 12, 13, 20).timestamp()
    assert datetime.fromtimestamp(moment_of(text, now)).strftime("%Y-%m-%d %H:%M:%S") == means


@pytest.mark.parametrize("text", ["", "soon", "25:00", "2026-02-30", "-2 weeks", "12"])
def test_what_is_no_time_is_said(text: str) -> None:
    with pytest.raises(Invalid, match="is no time"):
        moment_of(text, NOON)
