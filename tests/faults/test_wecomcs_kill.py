"""Customer service with real processes: kill -9 while pages of all sizes are pulled."""

from __future__ import annotations

import pytest

from mindbot.bench import wecomcs
from mindbot.bench.measure import Figures

NOTHING = ("lost", "doubled", "misordered", "unhandled_turns", "cursor_ahead", "cursor_behind")


def killed(count: int, messages: int) -> None:
    nothing_is_wrong(wecomcs.kills(count, messages=messages), messages)


def nothing_is_wrong(found: Figures, messages: int) -> None:
    assert {name: found[name] for name in NOTHING} == dict.fromkeys(NOTHING, 0)
    assert found["answered"] == messages and found["inbox_rows_compared"] > 0


@pytest.mark.full
@pytest.mark.timeout(120)
def test_three_kills_lose_and_double_nothing_and_the_cursor_keeps_to_the_inbox() -> None:
    killed(3, 60)


@pytest.mark.full
@pytest.mark.timeout(300)
def test_twelve_kills_lose_and_double_nothing() -> None:
    killed(12, 100)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_the_thirty_kills_of_the_bench_lose_and_double_nothing() -> None:
    """The figure of docs/benchmarks.md."""
    found = wecomcs.kills()
    assert (found["kills"], found["messages"]) == (30, 200)
    nothing_is_wrong(found, 200)
