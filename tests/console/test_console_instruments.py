"""The daemon in numbers, and its event bus."""

from __future__ import annotations

import pytest
from console_driver import console
from console_fakes import FakeClock, FakeDaemon
from console_instruments import BUS, METRICS, times
from console_sample import filled

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


@pytest.mark.parametrize("view", ["metrics", "bus"])
async def test_the_smallest_screen_shows_them(daemon: FakeDaemon, clock: FakeClock, view: str) -> None:
    async with console(daemon, clock=clock, size=(40, 10)) as person:
        await person.app.go(view)
        await person.sees({"metrics": "answered", "bus": "32,480"}[view])
