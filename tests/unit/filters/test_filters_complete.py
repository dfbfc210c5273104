"""Completion: what a person could type next."""

from __future__ import annotations

import pytest

from mindbot.filters.complete import MAX_OFFERS, Insertion, complete
from mindbot.filters.fields import TURN_FIELDS, Field, FieldSet, Kind

SEEN = {"platform": ["dingtalk", "wecom"], "user": ["alice", 'b"ob'], "state": ["failed"]}


def offers(text: str, fields: FieldSet = TURN_FIELDS) -> list[str]:
    """Complete at the | in the text."""
    cursor = text.index("|")
    return [c.text for c in complete(text.replace("|", "", 1), cursor, fields, SEEN)]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("pla|", ["platform"]),
        ("refund and sta|", ["state"]),
        ("(us|", ["user"]),
        ("not us|", ["user"]),
        ("va|", ["vars."]),
        ("platform |", ["==", "!=", "=~", "!~"]),
        ("took =|", ["=="]),
        ("user !|", ["!=", "!~"]),
        ("user not |", ["in"]),
        ("user in |", ["["]),
        ("platform == |", ['"dingtalk"', '"wecom"']),
        ("platform == we|", ['"wecom"']),
        ('platform == "we|', ['"wecom"']),
        ("user == |", ['"alice"', r'"b\"ob"']),
        ("state == f|", ["failed"]),
        ("state in [|", ["queued", "running"]),
        ("state in [failed, de|", ["dead"]),
        ("state in [failed |", [",", "]"]),
        ("took > |", ["100ms", "1s", "5s"]),
        ("took > 5s |", ["and", "or"]),
        ("took > 5s a|", ["and"]),
        ("refund |", ["and", "or"]),
    ],
)
def test_the_best_offers_come_first(text: str, first: list[str]) -> None:
    assert offers(text)[: len(first)] == first


def test_an_offer_says_what_it_replaces() -> None:
    text = 'platform == "din" and took > 5s'
    assert complete(text, 16, TURN_FIELDS, SEEN) == [Insertion('"dingtalk"', 12, 17, "value", "seen")]
    assert complete("platf == 1", 3, TURN_FIELDS)[0] == Insertion(
        "platform", 0, 5, "field", "the chat network: wecom, dingtalk, console, …"
    )


def test_an_open_string_is_replaced_up_to_the_cursor() -> None:
    text = 'platform == "din and took > 5s'
    assert complete(text, 16, TURN_FIELDS, SEEN)[0].end == 16


def test_operators_fit_the_kind() -> None:
    fields = FieldSet((Field("live", Kind.BOOL), Field("rss", Kind.SIZE)))
    assert offers("live |", fields)[:4] == ["==", "!=", "in", "not in"]
    assert "=~" not in offers("rss |", fields)
    assert offers("live == |", fields) == ["true", "false"]
    assert offers("rss > |", fields)[0] == "1KiB"


def test_what_cannot_be_understood_gets_no_offers() -> None:
    assert offers("platform == == |") == []
    assert offers("hello! |") == []
    assert offers("and and |") == []


def test_many_values_are_cut() -> None:
    seen = {"user": [f"user{i}" for i in range(1000)]}
    assert len(complete("user == ", 8, TURN_FIELDS, seen)) == MAX_OFFERS
