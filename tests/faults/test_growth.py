"""An hour of steady traffic leaves the daemon as it was: memory, descriptors, threads, tasks."""

from __future__ import annotations

import os

import pytest

from mindbot.bench import growth

SECONDS = float(os.environ.get("MINDBOT_SOAK_SECONDS", "3600"))
RATE = float(os.environ.get("MINDBOT_SOAK_RATE", "100"))


@pytest.mark.soak
@pytest.mark.timeout(SECONDS + 300)
def test_an_hour_of_steady_traffic_leaves_nothing_behind() -> None:
    found = growth.run(SECONDS, RATE)
    curve, rest = found.pop("curve"), found.pop("rest")
    print(found, rest)
    assert (found["lost"], found["duplicated"]) == (0, 0) and found["answered"] == found["sent"]
    assert growth.growth(curve, "rss") < 10, "megabytes from the middle third to the last"
    assert abs(growth.growth(curve, "descriptors")) < 60 and growth.growth(curve, "threads") < 4
    assert rest.descriptors < 80 and rest.tasks < 100 and not rest.running + rest.waiting
    assert found["ack_p999_ms"] < 1000
