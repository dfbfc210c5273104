"""Customer service with real processes: kill -9 while pages of all sizes are pulled."""

from __future__ import annotations

import pytest

from mindbot.bench import wecomcs


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_three_kills_lose_and_double_nothing() -> None:
    found = wecomcs.kills(3, messages=60)
    assert (found["answered"], found["lost"], found["doubled"]) == (60, 0, 0)


@pytest.mark.full
@pytest.mark.timeout(300)
def test_thirty_kills_lose_and_double_nothing() -> None:
    found = wecomcs.kills(30, messages=200)
    assert (found["answered"], found["lost"], found["doubled"]) == (200, 0, 0)
