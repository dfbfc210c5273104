"""Customer service with real processes: kill -9 while pages of all sizes are pulled."""

from __future__ import annotations

import pytest

from mindbot.bench import wecomcs

NOTHING = ("lost", "doubled", "misordered", "unhandled_turns", "cursor_ahead", "cursor_behind")


def killed(count: int, messages: int) -> None:
    found = wecomcs.kills(count, messages=messages)
    assert {name: found[name] for name in NOTHING} == dict.fromkeys(NOTHING, 0)
    assert found["answered"] == messages and found["inbox_rows_compared"] > 0


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_three_kills_lose_and_double_nothing_and_the_cursor_keeps_to_the_inbox() -> None:
    killed(3, 60)


@pytest.mark.full
@pytest.mark.timeout(300)
def test_twelve_kills_lose_and_double_nothing() -> None:
    killed(12, 100)
