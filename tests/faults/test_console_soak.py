"""A console that follows a busy daemon for a long time stays as small as it was."""

from __future__ import annotations

import os

import pytest

from mindbot.bench import keys

SECONDS = float(os.environ.get("MINDBOT_SOAK_SECONDS", "600"))


@pytest.mark.soak
@pytest.mark.timeout(SECONDS + 120)
def test_ten_minutes_at_five_thousand_events_a_second() -> None:
    found = keys.soak(SECONDS)
    for seconds, rss in found["curve"]:
        print(f"{seconds:>5} s {rss / 1e6:>7.1f} MB")
    print({name: value for name, value in found.items() if name != "curve"})
    assert found["events"] > 0.95 * keys.RATE * SECONDS, "the stream ran at its rate"
    assert found["written"] > 10_000 * SECONDS, "and was drawn"
    assert max(rss for _, rss in found["curve"]) < 250e6
