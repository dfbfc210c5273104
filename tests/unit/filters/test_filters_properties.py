"""What holds for every filter, text and record."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from filter_strategies import naive, nodes, records
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mindbot.filters.complete import complete
from mindbot.filters.errors import FilterError
from mindbot.filters.fields import ANY_FIELDS, TURN_FIELDS
from mindbot.filters.language import Filter, parse
from mindbot.filters.nodes import And, Node, Not, Or, join
from mindbot.filters.tokens import bare, lex, quote

quick = settings(deadline=None)
_pieces = st.lists(
    st.sampled_from(
        [
            *"()[],'\"=!<>~\\ ",
            "==",
            "=~",
            "!~",
            "and",
            "OR",
            "not",
            "in",
            "took",
            "state",
            "vars.x",
            "5s",
            "退款",
            "x",
        ]
    ),
    max_size=14,
).map(" ".join)


def judge(node: Node, record: dict[str, Any]) -> bool:
    return Filter(node, TURN_FIELDS).compile()(record)


@quick
@given(nodes)
def test_a_filter_written_out_reads_the_same(node: Node) -> None:
    again = parse(str(node))
    assert again.node == node
    assert str(again) == str(node)


@quick
@given(st.text())
@example("\\")
@example("\\n\n")
@example("\"\\'")
def test_any_text_can_be_quoted(text: str) -> None:
    (token, _) = lex(quote(text))
    assert (token.kind, token.value) == ("string", text)


@quick
@given(st.text(max_size=8))
def test_a_bare_word_is_one_token(word: str) -> None:
    if bare(word):
        assert [t.value for t in lex(word)] == [word, ""]


@quick
@given(st.text(max_size=40) | _pieces)
def test_garbage_is_a_filter_or_an_error_that_points_into_it(text: str) -> None:
    for fields in (TURN_FIELDS, ANY_FIELDS):
        try:
            parse(text, fields)
        except FilterError as error:
            assert 1 <= error.column <= len(text) + 1
            assert "^" in error.show()


@quick
@given(st.text(max_size=20) | _pieces, st.integers(0, 60))
def test_completion_answers_at_every_cursor(text: str, cursor: int) -> None:
    cursor = min(cursor, len(text))
    for offer in complete(text, cursor, TURN_FIELDS, {"user": ["alice"]}):
        assert 0 <= offer.start <= cursor <= offer.end <= len(text)


@quick
@given(nodes, records)
def test_closures_judge_like_the_plain_interpreter(node: Node, record: dict[str, Any]) -> None:
    assert judge(node, record) is naive(node, record)


@quick
@given(nodes, records)
def test_an_object_is_judged_like_a_mapping(node: Node, record: dict[str, Any]) -> None:
    flat = {name: value for name, value in record.items() if "." not in name}
    assert Filter(node, TURN_FIELDS).compile()(SimpleNamespace(**flat)) is judge(node, flat)


@pytest.mark.full
@quick
@given(nodes, nodes, nodes, records)
def test_boolean_algebra(a: Node, b: Node, c: Node, record: dict[str, Any]) -> None:
    def same(one: Node, other: Node) -> bool:
        return judge(one, record) is judge(other, record)

    def both(*terms: Node) -> Node:
        return join(And, list(terms))

    def either(*terms: Node) -> Node:
        return join(Or, list(terms))

    assert same(Not(Not(a)), a)
    assert same(Not(both(a, b)), either(Not(a), Not(b)))
    assert same(Not(either(a, b)), both(Not(a), Not(b)))
    assert same(both(a, b), both(b, a))
    assert same(either(a, b), either(b, a))
    assert same(both(a, either(b, c)), either(both(a, b), both(a, c)))
    assert same(either(a, both(a, b)), a)
    assert judge(either(a, Not(a)), record)
    assert not judge(both(a, Not(a)), record)


@quick
@given(nodes, records)
def test_an_explanation_reaches_the_same_verdict(node: Node, record: dict[str, Any]) -> None:
    explanation = Filter(node, TURN_FIELDS).explain(record)
    assert explanation.sentence
    assert explanation.tree.startswith("✓" if judge(node, record) else "✗")
