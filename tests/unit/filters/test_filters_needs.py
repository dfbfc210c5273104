"""What a filter's matches must have: never less than the filter asks for."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from filter_strategies import nodes, records
from hypothesis import given

from mindbot.domain.needs import ANYTHING, Between, Every, Is, Need, OneOf, Says
from mindbot.domain.turn import State
from mindbot.filters.compiler import predicate
from mindbot.filters.language import parse
from mindbot.filters.needs import needs
from mindbot.filters.nodes import Node

#: What every turn has; see `mindbot.domain.records`.
_THERE = {"platform": "wecom", "user": "lin", "took": 1.5, "state": "answered", "text": "", "reply": ""}


def holds(need: Need, record: dict[str, Any]) -> bool:
    """Tell whether a record has what is needed."""
    match need:
        case Every(terms):
            return all(holds(term, record) for term in terms)
        case OneOf(terms):
            return any(holds(term, record) for term in terms)
        case Is(field, values):
            return record.get(field) in values
        case Says(words):
            said = (record.get(name) for name in ("text", "quote", "reply"))
            return any(words in each.casefold() for each in said if isinstance(each, str))
        case Between(field, least, most):
            value = record.get(field)
            if not isinstance(value, int | float):
                return False
            return (least is None or value >= least) and (most is None or value <= most)  # type: ignore[operator]


@given(nodes, records)
def test_whatever_matches_has_what_is_needed(node: Node, record: dict[str, Any]) -> None:
    turn = _THERE | {name: value for name, value in record.items() if value is not None}
    for name in ("took",):
        if not isinstance(turn[name], int | float):
            turn[name] = 0.0
    if turn["state"] not in get_args(State):  # a turn is always in one of them
        turn["state"] = "answered"
    if predicate(node)(turn):
        assert holds(needs(node), turn)


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("", ANYTHING),
        ("state == failed", Is("state", ("failed",))),
        (
            "not state == failed",
            Is("state", ("queued", "running", "parked", "waiting", "answered", "dropped", "dead")),
        ),
        ("Refund", Says("refund")),
        ('text =~ "Refund|退款"', OneOf((Says("refund"), Says("退款")))),
        ('reply =~ "(?i)ok" and took > 5s', Every((Says("ok"), Between("took", least=5.0)))),
        ('text =~ "a.c"', ANYTHING),
        ("user == lin or model == small", OneOf((Is("user", ("lin",)), Is("model", ("small",))))),
        ('user == lin or reason =~ "x"', ANYTHING),
        ("not (took < 5s or user != lin)", Every((Between("took", least=5.0), Is("user", ("lin",))))),
        ('id > 01KFZ and not model == "small"', Between("id", least="01KFZ")),
        ("user in [lin, mei]", Is("user", ("lin", "mei"))),
        ('text =~ "退款" and text !~ "不"', Says("退款")),
    ],
)
def test_what_a_filter_needs(text: str, needed: Need) -> None:
    assert needs(parse(text).node) == needed
