"""Which provider is asked first, and who comes after it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from mindbot.config.models import ProviderSelection
from mindbot.providers.management.selection import Candidate, Selection

ABC = [Candidate("a"), Candidate("b"), Candidate("c")]


def selection(strategy: str = "first", **more: Any) -> Selection:
    return Selection(ProviderSelection.model_validate({"strategy": strategy, **more}))


def test_without_a_strategy_it_is_the_first_and_then_the_fallback_order() -> None:
    assert selection().line(ABC) == ["a"]
    assert selection(fallback_order=("c", "a", "gone")).line(ABC) == ["a", "c"]
    assert selection().line([]) == []


@pytest.mark.parametrize("strategy", ["first", "round_robin", "weighted", "cost"])
def test_whoever_is_asked_for_comes_first_whatever_the_strategy(strategy: str) -> None:
    chosen = selection(strategy, fallback_order=("b",))
    others = [] if strategy == "first" else ["a"]
    assert [chosen.line(ABC, "c") for _ in range(2)] == [["c", "b", *others]] * 2


def test_each_in_turn_and_the_others_behind_the_fallback_order() -> None:
    chosen = selection("round_robin", fallback_order=("c",))
    assert [chosen.line(ABC) for _ in range(4)] == [
        ["a", "c", "b"],
        ["b", "c", "a"],
        ["c", "a", "b"],
        ["a", "c", "b"],
    ]


def test_by_weight_each_gets_its_share_evenly_spread() -> None:
    chosen = selection("weighted")
    five = [Candidate("a", weight=3), Candidate("b", weight=1), Candidate("c", weight=1)]
    first = [chosen.line(five)[0] for _ in range(50)]
    assert Counter(first) == {"a": 30, "b": 10, "c": 10}
    assert all(set(first[n : n + 5]) == {"a", "b", "c"} for n in range(0, 50, 5))


def test_one_without_weight_is_only_a_fallback() -> None:
    chosen = selection("round_robin", fallback_order=("b",))
    two = [Candidate("a"), Candidate("b", weight=0)]
    assert [chosen.line(two) for _ in range(2)] == [["a", "b"]] * 2
    assert selection("round_robin").line([Candidate("b", weight=0)]) == ["b"]


def test_the_quickest_of_those_that_succeed() -> None:
    known = [
        Candidate("slow", calls=20, latency=3.0),
        Candidate("failing", calls=20, share=0.5, latency=0.1),
        Candidate("quick", calls=20, share=0.9, latency=1.0),
    ]
    assert selection("performance_based").line(known) == ["quick", "slow", "failing"]
    strict = selection("performance_based", performance_threshold=0.95)
    assert strict.line(known)[0] == "slow"
    assert selection("performance_based").line([*known, Candidate("new")])[0] == "new"


def test_the_fewest_calls_under_way() -> None:
    busy = [Candidate("a", in_flight=4), Candidate("b", in_flight=1), Candidate("c", in_flight=1)]
    chosen = selection("least_busy")
    assert {chosen.line(busy)[0] for _ in range(3)} == {"b", "c"}


def test_the_cheapest_and_those_of_unknown_price_last() -> None:
    priced = [Candidate("a"), Candidate("b", price=20.0), Candidate("c", price=1.0)]
    assert selection("cost").line(priced) == ["c", "b", "a"]


def test_of_equals_the_cheaper_one_where_that_is_wanted() -> None:
    alike = [Candidate("a", price=9.0), Candidate("b", price=5.0), Candidate("c", price=1.0)]
    thrifty = {"cost_optimization": True}
    assert selection("least_busy", **thrifty).line(alike) == ["c", "b", "a"]
    assert selection("round_robin", **thrifty).line(alike) == ["a", "c", "b"]
    near = [Candidate("a", calls=9, latency=1.0, price=9.0), Candidate("b", calls=9, latency=1.1, price=1.0)]
    assert selection("performance_based", **thrifty).line(near)[0] == "b"
    assert selection("performance_based").line(near)[0] == "a"
