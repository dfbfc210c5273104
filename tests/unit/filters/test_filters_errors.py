"""A filter that does not parse says where, why and how to mend it."""

from __future__ import annotations

import pytest

from mindbot.domain.errors import MindBotError
from mindbot.filters.errors import FilterError
from mindbot.filters.fields import ANY_FIELDS, TURN_FIELDS, Field, FieldSet, Kind
from mindbot.filters.language import parse


def refused(text: str, fields: FieldSet = TURN_FIELDS) -> FilterError:
    with pytest.raises(FilterError) as caught:
        parse(text, fields)
    return caught.value


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ('platfrom == "wecom"', 1, "unknown field platfrom"),
        ('refund and platfrom == "wecom"', 12, "unknown field platfrom"),
        ('took > "abc"', 8, 'took is a duration, not "abc"'),
        ("took > abc", 8, "took is a duration"),
        ("took > 5kg", 8, "took is a duration"),
        ("tokens > 5s", 10, "tokens is a number"),
        ("tokens in [1, two]", 15, "tokens is a number"),
        ("received > yesterday", 12, "received is a time"),
        ("state == faild", 10, 'state is never "faild"'),
        ("state in [failed, ded]", 19, 'state is never "ded"'),
        ('tokens =~ "5"', 8, "takes no pattern"),
        ('text =~ "(a"', 9, "not a pattern"),
        ('text =~ "(?=a)b"', 9, "look-around is not supported"),
        (r'text =~ "(a)\1"', 9, "back-references are not supported"),
        (f'text =~ "{"x" * 1001}"', 9, "longer than 1,000 characters"),
        ("platform = wecom", 10, '"=" is not an operator'),
        ("hello!", 6, '"!" is not an operator'),
        ("platform ~ x", 10, '"~" is not an operator'),
        ('text == "open', 9, "the string has no closing quote"),
        ("(a and b", 1, '"(" is never closed'),
        ("a and b)", 8, '")" has no business here'),
        ("state in [failed", 10, '"[" is never closed'),
        ("state in [failed)", 17, 'expected "]", found ")"'),
        ("state in failed", 10, 'expected a list, found "failed"'),
        ("state in []", 11, 'expected a value for state, found "]"'),
        ("a, b", 2, '"," has no business here'),
        ("a and", 6, "found the end"),
        ("and a", 1, 'found "and"'),
        ("a or or b", 6, 'found "or"'),
        ("not", 4, "found the end"),
        ("took >", 7, "expected a value for took, found the end"),
        ("5s < took", 1, "a comparison begins with a field"),
        ('"platform" == "wecom"', 1, "a comparison begins with a field"),
        ("vars == 1", 1, "vars holds values by name"),
        ("platform.name == 1", 1, "unknown field platform.name"),
        ("(" * 51 + "a" + ")" * 51, 51, "nested deeper than 50"),
        ("not " * 51 + "a", 201, "nested deeper than 50"),
        ("x" * 4001, 4001, "longer than 4,000 characters"),
    ],
)
def test_the_column_and_the_reason(text: str, column: int, says: str) -> None:
    error = refused(text)
    assert says in error.message
    assert error.column == column
    assert error.kind == "filter"
    assert isinstance(error, MindBotError)


def test_an_unknown_field_brings_the_nearest_one_and_the_list() -> None:
    error = refused("platfrom == 1")
    assert error.hint == "did you mean platform?"
    assert set(error.fields) == set(TURN_FIELDS.names)
    assert "vars.NAME" in error.fields


def test_a_wrong_value_of_a_closed_field_brings_the_values() -> None:
    assert refused("state == faild").hint.startswith("did you mean failed? one of: queued, running")


def test_the_place_is_marked_below_the_filter() -> None:
    assert refused("refund and took > abc").show().splitlines()[1:3] == [
        "  refund and took > abc",
        "                    ^^^",
    ]


def test_the_mark_stands_right_under_wide_characters() -> None:
    assert refused("退款 and\ntook > 五").show().splitlines()[1:3] == [
        "  退款 and took > 五",
        "                  ^^",
    ]


def test_a_bool_has_no_order() -> None:
    fields = FieldSet((Field("live", Kind.BOOL),))
    assert "has no order" in refused("live > true", fields).message
    assert "live is true or false" in refused("live == maybe", fields).message


def test_words_need_a_text_to_search() -> None:
    assert "no text to search" in refused("refund", ANY_FIELDS).message
