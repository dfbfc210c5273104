"""Answers of one JSON document a line, of which one is broken; events with their names."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from mindbot.providers.shared.documents import Documents, NamedDocument

LIMIT = 1 << 20
#: Broken before its end, in a string, or where a value should be.
BROKEN = st.sampled_from([b'{"broken": ', b'{"a": "b', b'{"a" 1}', b'{"a": {"b": 1}'])


@given(st.lists(st.integers(0, 999), min_size=1, max_size=8), BROKEN, st.integers(0, 7))
def test_a_broken_line_costs_no_other(numbers: list[int], broken: bytes, at: int) -> None:
    lines = [orjson.dumps({"n": number}) for number in numbers]
    lines.insert(at % len(lines), broken)
    documents = Documents(LIMIT)
    found = [doc for line in lines for doc in documents.feed(line)] + documents.end()
    assert [doc["n"] for doc in found] == numbers
    assert documents.unread == 1


@given(
    st.recursive(
        st.integers(0, 999) | st.text(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=9
    )
)
def test_a_document_with_indents_is_one(value: object) -> None:
    data = orjson.dumps({"in": value, "more": {}}, option=orjson.OPT_INDENT_2)
    documents = Documents(LIMIT)
    found = [doc for line in data.split(b"\n") for doc in documents.feed(line)] + documents.end()
    assert found == [orjson.loads(data)]
    assert documents.unread == 0


def test_events_keep_their_names_where_they_are_wanted() -> None:
    documents = Documents(LIMIT, by_name=True)
    lines = b'event:one\ndata:{"a":1}\n\nevent: error\ndata: oh no\n\ndata: {}\n\n'.split(b"\n")
    found = [doc for line in lines for doc in documents.feed(line)]
    assert found == [
        NamedDocument("one", {"a": 1}),
        NamedDocument("error", {"error": "oh no"}),
        NamedDocument("", {}),
    ]
