"""A filter in words, and what it makes of a record."""

from __future__ import annotations

from types import SimpleNamespace

from mindbot.filters.language import parse


def test_in_words() -> None:
    filter = parse('platform == "dingtalk" and text =~ "refund|退款" and took > 5s')
    sentence = 'platform is "dingtalk", text matches "refund|退款" and took is more than 5s'
    assert filter.explain().sentence == sentence


def test_nested_in_words() -> None:
    filter = parse("refund and not (state not in [failed] or user !~ bob) and received > 2026-01-31")
    assert filter.explain().sentence == (
        'text contains "refund", it is not so that (state is none of "failed" or user does not match "bob") '
        'and received is after "2026-01-31"'
    )


def test_nothing_asked_is_everything() -> None:
    assert str(parse("").explain()) == "everything\n\neverything"


def test_the_tree_of_a_record_shows_what_failed_and_why() -> None:
    filter = parse('platform == wecom and (refund or not model == "gpt") and took > 5s')
    long = "hi " * 30
    assert filter.explain({"platform": "wecom", "text": long, "took": 3.2}).tree.splitlines() == [
        "✗ all of",
        '├─ ✓ platform == "wecom"   ("wecom")',
        "├─ ✓ any of",
        f'│  ├─ ✗ text contains "refund"   ("{long[:58]}…)',
        "│  └─ ✓ not",
        '│     └─ ✗ model == "gpt"   (absent)',
        "└─ ✗ took > 5s   (3.2)",
    ]


def test_an_object_is_explained_like_a_mapping_of_its_attributes() -> None:
    filter = parse("platform == wecom and vars.intent == refund")
    record = SimpleNamespace(platform="wecom", vars=SimpleNamespace(intent="refund"))
    assert filter.compile()(record)
    assert "✗" not in filter.explain(record).tree
