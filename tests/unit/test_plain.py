"""Legal JSON of strangers: whatever is in it can be stored, and what is plain already stays as it is."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mindbot.domain import plain

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=8)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)
TAME_TEXT = st.text(max_size=8)
TAME = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.floats(-1e9, 1e9) | TAME_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TAME_TEXT, inner, max_size=4),
    max_leaves=12,
)
#: Busy machines are slow.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(ANY_JSON)
@CALM
def test_all_of_json_is_decoded_into_what_can_be_written(value: Any) -> None:
    found = plain.loads(json.dumps(value))
    assert orjson.loads(orjson.dumps(found)) == found
    assert orjson.dumps(plain.plain(value))


@given(TAME)
@CALM
def test_what_is_plain_stays_as_it_is(value: Any) -> None:
    assert plain.loads(json.dumps(value)) == value == plain.plain(value)


@given(st.text('[]{}"\\,:a1 \n', max_size=40))
@CALM
def test_what_is_no_json_is_refused_as_ever(text: str) -> None:
    try:
        expected = json.loads(text, strict=False)
    except ValueError:
        try:
            found = plain.loads(text)
        except ValueError:
            return
        assert "\\" in text and orjson.dumps(found)
    else:
        assert plain.loads(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r'["cut \ud83d"]', ["cut \ufffd"]),
        (r'{"\udc00": "\ud83d\ude00"}', {"\ufffd": "😀"}),
        ("[1e999, -1e999]", [None, None]),
        ("9" * 400, None),
        ("9" * 25, 1e25),
        ("18446744073709551615", 18446744073709551615.0),
        ("[NaN, Infinity, -Infinity]", [None] * 3),
        ('"a\x1b[0m\n\t\x00b"', "a\x1b[0m\n\t\x00b"),
        (r'"C:\dir \u12 \""', 'C:\\dir \\u12 "'),
        (b'\xef\xbb\xbf{"a": "\xff\xe4\xbd"}', {"a": "\ufffd\ufffd"}),
        (b'"\xed\xa0\xbd\xed\xb8\x80 \xed\xa0\xbd"', "😀 \ufffd"),
        ('{"a": "你好"}'.encode("utf-16"), {"a": "你好"}),
        ('["\ufffe\uffff"]', ["\ufffe\uffff"]),
        ('{"a": ' + "[" * 20_000 + '"]}"' + "]" * 20_000 + ', "b": [2]}', {"a": ..., "b": [2]}),
    ],
)
def test_odd_json_becomes_plain(text: str, expected: Any) -> None:
    found = plain.loads(text)
    if isinstance(expected, dict) and "b" in expected:
        expected["a"] = found["a"]
        assert orjson.dumps(found).count(b"[") == plain.DEEPEST and "…" in str(found)
    assert found == expected


@pytest.mark.parametrize("text", ["", "nan", "<html>", '"' + '\\"' * 50_000, "[" * 50_000])
def test_no_json_is_told(text: str) -> None:
    with pytest.raises(ValueError):
        plain.loads(text)


@pytest.mark.parametrize("deep", [plain.DEEPEST - 1, plain.DEEPEST, plain.DEEPEST + 1, 600])
def test_data_is_cut_where_it_is_too_deep(deep: int) -> None:
    value: Any = {"x": 1}
    for _ in range(deep - 1):
        value = [value]
    found = plain.plain(value)
    assert (found == value) == (deep <= plain.DEEPEST)
    assert found == plain.loads(json.dumps(value)) and orjson.dumps(found)


def test_what_is_encoded_takes_no_more_memory_than_its_size() -> None:
    tracemalloc.start()
    try:
        kept = [plain.dumps({"text": "x" * 5000, "n": n}) for n in range(50)]
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 1.2 * sum(map(len, kept))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1234567890123456789, "b": "x\ny"}', {"a": 1234567890123456789, "b": "x\ny"}),
        ('{"a": -9223372036854775808}', {"a": -(2**63)}),
        (
            '[ 9223372036854775807, "12345678901234567890", 1e400, -1e400]',
            [2**63 - 1, "12345678901234567890", None, None],
        ),
        ("[9223372036854775808, 0.12345678901234567890]", [float(2**63), 0.12345678901234568]),
        ('{"a": ' + "1" * 500 + "}", {"a": None}),
    ],
)
def test_numbers_keep_their_digits_as_long_as_64_bits_hold_them(text: str, expected: Any) -> None:
    for each in (text, text.encode()):
        found = plain.loads(each)
        assert found == expected
        assert repr(found) == repr(expected)


@pytest.mark.parametrize("small", [True, False])
def test_only_small_json_is_mended_where_it_is_nested_without_end(small: bool) -> None:
    deep = "[" * 120_000 + "]" * 120_000
    text = f'{{"a": {deep}, "b": "{"x" * (10 if small else 300_000)}", "c": [1]}}'
    if small:
        assert plain.loads(text)["c"] == [1]
        return
    with pytest.raises(ValueError, match="nested"):
        plain.loads(text)


def test_what_is_nested_deep_but_has_an_end_is_cut_whatever_its_size() -> None:
    deep = "[" * 200 + "]" * 200
    found = plain.loads(f'{{"a": {deep}, "b": "{"x" * 300_000}", "c": "y\n"}}')
    assert orjson.dumps(found).count(b"[") == plain.DEEPEST - 1
