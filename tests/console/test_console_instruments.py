"""The daemon in numbers, and its event bus."""

from __future__ import annotations

import pytest
from console_driver import console
from console_fakes import FakeClock, FakeDaemon
from console_instruments import BUS, METRICS, times
from console_sample import filled

from mindbot.domain.errors import Invalid
from mindbot.domain.message import Json

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
def daemon() -> FakeDaemon:
    return filled()


@pytest.mark.full
async def test_how_long_things_take_and_what_is_slow_now(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock) as person:
        await person.press("colon")
        await person.type("metrics")
        await person.press("enter")
        await person.sees("answered", "835", "openai", "退款/answered", "mindbot metrics")
        await person.sees("── turn answered ──", "500ms–1.0s")
        # A minute later the model has become slow: its last answers took ten seconds.
        slow = times("model", "openai", 8, 70, 240, 400, 60, 46)
        now: Json = {**METRICS, "times": [slow if t["name"] == "openai" else t for t in METRICS["times"]]}
        daemon.answers["GET /v1/metrics/times"] = now
        clock.now += 60
        await person.sees("40.0", "9.8s")
        daemon.happen(
            *(
                {"type": "stats", "received_per_s": float(n), "answered_per_s": 1.0, "rss_bytes": 90_000_000}
                for n in range(9)
            )
        )
        await person.sees("8.0/s", "90 MB", "▁▂▃▄▅▆▇█")
        await person.press("slash")
        await person.type("what == model and p95 > 1")
        await person.press("enter")
        await person.sees("2/9", "智谱")
        await person.press("colon")
        await person.type("sort p99")
        await person.press("enter")
        await person.sees("P99▲")


@pytest.mark.full
async def test_who_listens_and_who_is_too_slow(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock) as person:
        await person.press("colon")
        await person.type("bus")
        await person.press("enter")
        await person.sees("Bus: 1,284 events lost", "wecom report", "process 4820", "32,480")
        await person.sees("mindbot tail --topic turn")
        rows = [{**row, "events": row["events"] + 25} for row in BUS["rows"] if row["name"] == "turn"]
        daemon.answers["GET /v1/bus"] = {**BUS, "rows": [*rows, *BUS["rows"][1:]]}
        clock.now += 5
        await person.sees("5.0")
        await person.press("end")
        await person.sees("turn == 06AA8W8X00B00", "40 / 10,000")


@pytest.mark.parametrize("view", ["metrics", "bus", "database", "api"])
async def test_the_smallest_screen_shows_them(daemon: FakeDaemon, clock: FakeClock, view: str) -> None:
    async with console(daemon, clock=clock, size=(40, 10)) as person:
        await person.app.go(view)
        said = {"metrics": "answered", "bus": "32,480", "database": "in SQL", "api": "/v1/status"}
        await person.sees(said[view])


@pytest.mark.full
async def test_the_database_is_asked_and_its_rows_are_read(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock) as person:
        await person.press("colon")
        await person.type("database")
        await person.press("enter")
        await person.sees("a question in SQL; it can only read")
        await person.press("i")
        await person.type("SELECT bot FROM outbox")
        await person.press("enter")
        await person.sees("Database: 3 rows in 3.2ms", "invalid credential", "null", "行政")
        assert dict(daemon.asked)["POST /v1/database/query"]["sql"] == "SELECT bot FROM outbox"
        await person.sees("mindbot db query 'SELECT bot FROM outbox'")
        await person.press("down", "enter")
        await person.sees("Row 2", "state: dead", "error: 40001: invalid credential")
        await person.press("escape", "i", "ctrl+a", "ctrl+k")
        await person.type("SELEC")
        daemon.answers["POST /v1/database/query"] = Invalid('near "SELEC": syntax error')
        await person.press("enter")
        await person.sees("syntax error", "invalid credential")


@pytest.mark.full
async def test_only_admins_ask_the_database(daemon: FakeDaemon, clock: FakeClock) -> None:
    daemon.answers["GET /v1/status"]["role"] = "operator"
    async with console(daemon, clock=clock) as person:
        await person.finds(lambda: person.app.state.role == "operator")
        await person.app.go("database")
        await person.press("i")
        await person.sees("this needs the role admin, you are operator")


@pytest.mark.full
async def test_it_begins_with_a_time_and_a_filter(daemon: FakeDaemon, clock: FakeClock) -> None:
    begins = ["filter platform == wecom", "jump 14:09"]
    async with console(daemon, clock=clock, begins=begins) as person:
        await person.sees("platform == wecom", "Can I change the delivery address?")
        await person.sees_no("发票怎么开？")
        await person.finds(lambda: (row := person.app.flow.selected_row) and row.user == "spammer")


@pytest.mark.full
async def test_a_call_of_the_api_is_filled_in_sent_and_copied_as_curl(
    daemon: FakeDaemon, clock: FakeClock
) -> None:
    daemon.answers["POST /v1/turns"] = {"id": "T1", "state": "queued"}
    daemon.answers["DELETE /v1/secrets/old"] = None
    async with console(daemon, clock=clock) as person:
        await person.press("colon")
        await person.type("api")
        await person.press("enter")
        await person.sees("/v1/secrets/{name}", "Newest first.", "limit filter", "+ body")
        await person.press("down", "down")
        await person.sees('{"text": ""}', 'curl --unix-socket "$MINDBOT_SOCKET" -X POST')
        await person.press("enter", "left", "left")
        await person.type("hi")
        await person.press("enter")
        await person.sees('"state": "queued"', "POST /v1/turns")
        assert dict(daemon.asked)["POST /v1/turns"] == {"text": "hi"}
        await person.press("escape", "colon")
        await person.type("call DELETE /v1/secrets/old")
        await person.press("enter")
        await person.sees("Send DELETE /v1/secrets/old?")
        await person.press("y")
        await person.sees("done: it says nothing")
        await person.press("escape", "end", "enter", "enter")
        await person.sees("is not filled in")


@pytest.mark.full
async def test_a_read_only_console_only_reads(daemon: FakeDaemon, clock: FakeClock) -> None:
    async with console(daemon, clock=clock, readonly=True) as person:
        await person.sees("谢谢")
        await person.press("colon")
        await person.type("call POST /v1/config/reload")
        await person.press("enter")
        await person.sees("this console is read-only")
        await person.press("colon")
        await person.type("call GET /v1/status")
        await person.press("enter")
        await person.sees('"phase": "running"')


@pytest.mark.full
@pytest.mark.parametrize("size", [(150, 30), (80, 24), (40, 10)])
async def test_the_way_of_messages_is_drawn(
    daemon: FakeDaemon, clock: FakeClock, size: tuple[int, int]
) -> None:
    async with console(daemon, clock=clock, size=size) as person:
        await person.app.go("diagram")
        await person.sees("┌ platforms", "● wecom/default")
        await person.press("end")
        await person.sees("openai", "/min", "└")
