"""Filters and records for the property tests, and an interpreter too simple to be wrong."""

from __future__ import annotations

import operator
import re
from typing import Any

from hypothesis import strategies as st

from mindbot.filters.language import parse
from mindbot.filters.nodes import And, Compare, In, Match, Node, Not, Or, Search, join
from mindbot.filters.tokens import quote

_words = st.sampled_from(
    ["refund", "退款", "Order", "ORDER 7", "a", "", "it's", 'say "hi"', "\\d", "tab\there", "and"]
)
_texts = _words | st.text(max_size=12)
_text_fields = st.sampled_from(["platform", "user", "text", "reply"])
_durations = st.sampled_from(["0s", "1ms", "5s", "1.5s", "2m", "1h30m", "7d", "3", "0.25"])
_numbers = st.integers(-5, 5).map(str) | st.sampled_from(["0.5", "1e3", "-2.5"])
_order = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
_patterns = st.sampled_from(["refund|退款", "^a", "[Oo]rder", "a.c", "7$", "(a|b)+", "|", "x?"])
_states = st.sampled_from(["queued", "answered", "failed", "dead"])


@st.composite
def _leaf_texts(draw: st.DrawFn) -> str:
    sort = draw(st.integers(0, 6))
    if sort == 0:
        return quote(draw(_texts))
    if sort == 1:
        return f"{draw(_text_fields)} {draw(_order)} {quote(draw(_texts))}"
    if sort == 2:
        return f"{draw(_text_fields)} {draw(st.sampled_from(['=~', '!~']))} {quote(draw(_patterns))}"
    if sort == 3:
        return f"took {draw(_order)} {draw(_durations)}"
    if sort == 4:
        return f"tokens {draw(_order)} {draw(_numbers)}"
    if sort == 5:
        states = ", ".join(draw(st.lists(_states, min_size=1, max_size=3)))
        return f"state {draw(st.sampled_from(['in', 'not in', 'NOT IN']))} [{states}]"
    return f"vars.{draw(st.sampled_from(['a', 'b.c']))} {draw(_order)} {draw(_numbers | _texts.map(quote))}"


def _combined(terms: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    several = st.lists(terms, min_size=2, max_size=4)
    return (
        terms.map(Not)
        | several.map(lambda found: join(And, found))
        | several.map(lambda found: join(Or, found))
    )


#: Trees of filters over the fields of a turn.
nodes: st.SearchStrategy[Node] = st.recursive(
    _leaf_texts().map(lambda text: parse(text).node), _combined, max_leaves=8
)

_values = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | _texts
#: Flat records, with fields missing, empty and of the wrong kind.
records: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "platform": _texts | _values,
        "user": _texts | _values,
        "text": _texts,
        "reply": _texts | st.none(),
        "took": st.sampled_from([0.0, 0.001, 1.5, 5.0, 5.1, 120.0, 5400.0]) | _values,
        "tokens": st.integers(-5, 5) | _values,
        "state": _states | _values,
        "vars": st.none()
        | st.fixed_dictionaries({}, optional={"a": _values, "b": st.just({"c": 1}) | _values}),
        "vars.a": _values,
    },
)

_ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def naive(node: Node, record: dict[str, Any]) -> bool:
    """Judge a record as the documentation says, one case after the other."""
    if isinstance(node, Not):
        return not naive(node.term, record)
    if isinstance(node, And):
        return all(naive(term, record) for term in node.terms)
    if isinstance(node, Or):
        return any(naive(term, record) for term in node.terms)
    value = _look_up(node.field, record)
    if value is None:
        return False
    if isinstance(node, Search):
        return isinstance(value, str) and node.words.casefold() in value.casefold()
    if isinstance(node, Match):
        return isinstance(value, str) and bool(re.search(node.pattern, value)) != node.negated
    if isinstance(node, In):
        return any(value == literal.value for literal in node.literals) != node.negated
    assert isinstance(node, Compare)
    want = node.literal.value
    if node.op == "==":
        return bool(value == want)
    if node.op == "!=":
        return bool(value != want)
    if isinstance(value, str) != isinstance(want, str) or isinstance(value, dict):
        return False
    return bool(_ORDERS[node.op](value, want))


def _look_up(name: str, record: dict[str, Any]) -> Any:
    if record.get(name) is not None:
        return record[name]
    value: Any = record
    for step in name.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value
