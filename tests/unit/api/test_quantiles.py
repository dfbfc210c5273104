"""Quantiles of times that were counted by bucket."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mindbot.api.quantiles import quantile, since

BOUNDS = [0.1, 0.5, 1.0, 5.0]


def test_a_time_lies_evenly_in_its_bucket() -> None:
    assert quantile(0.5, BOUNDS, [0, 10, 0, 0, 0]) == 0.1 + 0.4 * 0.5
    assert quantile(1.0, BOUNDS, [10, 0, 0, 0, 0]) == 0.1
    assert quantile(0.99, BOUNDS, [0, 0, 0, 0, 3]) == 5.0
    assert quantile(0.5, BOUNDS, [0, 0, 0, 0, 0]) is None


@given(st.lists(st.integers(0, 1000), min_size=5, max_size=5), st.floats(0.01, 1), st.floats(0.01, 1))
def test_a_higher_share_is_no_shorter_time(counts: list[int], low: float, high: float) -> None:
    low, high = sorted((low, high))
    first, second = quantile(low, BOUNDS, counts), quantile(high, BOUNDS, counts)
    assert (first is None) == (second is None) == (sum(counts) == 0)
    assert first is None or (second is not None and 0 <= first <= second <= BOUNDS[-1])


def test_counters_that_began_anew_are_taken_whole() -> None:
    assert since([5, 7], [2, 7]) == [3, 0]
    assert since([1, 0], [2, 7]) == [1, 0]
    assert since([1, 2], []) == [1, 2]
