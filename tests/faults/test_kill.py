"""kill -9 at random moments under load: nothing lost, nothing said twice."""

from __future__ import annotations

import pytest

from mindbot.bench.wire import kill_run


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_five_kills_lose_and_repeat_nothing() -> None:
    figures = kill_run(messages=300, users=50, kills=5, seconds=15)
    assert figures["kills"] == 5
    assert (figures["unanswered"], figures["lost"], figures["duplicated"]) == (0, 0, 0)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_fifty_kills_lose_and_repeat_nothing() -> None:
    figures = kill_run(messages=1000, users=200, kills=50, seconds=150)
    assert figures["kills"] == 50
    assert (figures["unanswered"], figures["lost"], figures["duplicated"]) == (0, 0, 0)
