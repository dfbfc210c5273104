"""Turns that are only on the daemon's disk: looked for as far back as it takes, and how far that is said."""

from __future__ import annotations

import pytest
from console_driver import console
from console_fakes import FakeClock
from console_sample import filled, record, turn_id

from mindbot.api.one_call import ApiCall
from mindbot.domain.message import Json

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_older_turns_are_looked_for_until_some_are_found(clock: FakeClock) -> None:
    daemon = filled()
    asked: list[str] = []

    def page(call: ApiCall[Json]) -> Json:
        asked.append(call.query["before"])
        if len(asked) < 3:
            return {"turns": [], "next": f"00000000000{9 - len(asked)}X", "back_to": clock(), "looked": 200}
        if len(asked) == 3:
            old = record(0, "wecom", "zoe", "said long ago", reply="indeed", took=0.2) | {
                "id": "0000000000001"
            }
            return {"turns": [old], "next": "0000000000001", "back_to": clock(), "looked": 1}
        return {"turns": [], "next": "", "back_to": None, "looked": 0}

    daemon.answers["GET /v1/turns/page"] = page
    async with console(daemon, clock=clock) as person:
        await person.sees("● attached", "Where is my order")
        await person.press("g", "k")
        await person.sees("said long ago", "looked back to 20", "nothing matches so far")
        assert asked == [turn_id(0), "000000000008X", "000000000007X"]
        await person.press("g", "k")
        await person.sees("there are no older turns")
        assert asked[3:] == ["0000000000001"]
