"""YAML is read with places, safely, and whatever comes is a ConfigError or a configuration."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mindbot.config import source, tree
from mindbot.config.load import load
from mindbot.config.parts import whole
from mindbot.config.tree import Origin
from mindbot.domain.errors import ConfigError


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        source.parse(text, "f")
    (problem,) = caught.value.problems
    return problem


def test_every_value_knows_its_place() -> None:
    root = source.parse("a:\n  b: [1, x]\n  c: |\n    text\n", "f").root
    assert {tree.dotted(p): str(n.origin) for p, n in tree.leaves(root)} == {
        "a.b[0]": "f:2:7",
        "a.b[1]": "f:2:10",
        "a.c": "f:3:6",
    }
    assert root.value["a"].key == Origin("f", 1, 1)


def test_scalars_as_yaml_reads_them_but_times_and_dates_stay_text() -> None:
    text = "{i: 7, h: 0x1f, f: 1.5, t: yes, n: ~, s: '7', d: 2024-01-31, c: 12:30, on: 1, !!str y: !!str 5}"
    assert tree.to_plain(source.parse(text, "f").root) == {
        "i": 7,
        "h": 31,
        "f": 1.5,
        "t": True,
        "n": None,
        "s": "7",
        "d": "2024-01-31",
        "c": "12:30",
        "on": 1,
        "y": "5",
    }


def test_anchors_and_merge_keys() -> None:
    read = source.parse("a: &a {x: 1, y: 2}\nb:\n  y: 3\n  <<: *a\nc: *a\nd: {<<: [{z: 1}, *a]}", "f")
    assert not read.problems
    assert tree.to_plain(read.root) == {
        "a": {"x": 1, "y": 2},
        "b": {"x": 1, "y": 3},
        "c": {"x": 1, "y": 2},
        "d": {"z": 1, "x": 1, "y": 2},
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3", "f:3:1: the key 'a' is there twice, first in line 1"),
        ("a: *no", "f:1:4: the alias *no has no anchor"),
        ("a: &a [*a]", "f:1:8: the alias *a has no anchor"),
        ("a: !!python/name:os.system x", "f:1:4: the tag !!python/name:os.system is not allowed"),
        ("a: !!binary aGk=", "f:1:4: the tag !!binary is not allowed"),
        ("? [a]\n: b", "f:1:3: a key should be a name"),
        ('a: "\\bword\\b"', "f:1:4: holds a control character"),
        ("a: {<<: 5}", "f:1:9: << needs a mapping"),
    ],
)
def test_what_is_refused_inside_good_yaml(text: str, problem: str) -> None:
    (found,) = source.parse(text, "f").problems
    assert str(found).startswith(problem)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: b: c", "f:1:5: mapping values are not allowed in this context. Put text that holds a colon"),
        ("\ta: 1", "f:1:1: the line begins with U+0009 (tab)"),
        (
            "a: 'x",
            "f:1:6: found unexpected end of stream while scanning a quoted scalar, which begins in line 1",
        ),
        ('é: 1\na: "\\xzz"', "f:2:7: did not find expected hexdecimal number"),
        ("é\na: \x07", "f:2: holds U+0007"),
        ("- a", "f:1:1: should be a mapping of sections"),
        ("just text", "f:1:1: should be a mapping of sections"),
        ("log：\n  level：info\n", "f:1:4: 'log' is no key: after it stands U+FF1A (full-width colon)"),
        ("a: 1\n---\nb: 2", "f:2:1: a second document"),
        ("%YAML 3.0\n---\na: 1", "f:1:1: found incompatible YAML document"),
        ("a: " + "[" * 100, "f:1:67: is nested deeper than 64 levels"),
        ("[" * 500_000, "f:1:65: is nested deeper than 64 levels"),
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_configuration_at_all(text: str, problem: str) -> None:
    assert refused(text).startswith(problem)


def test_a_yaml_bomb_does_not_go_off() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 20)]
    assert "holds more than 100000 values" in refused("\n".join(lines))
    chain = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 100))]
    assert "nested deeper" in refused("\n".join(chain))


def test_illegal_escapes_are_mended_where_they_are_and_nowhere_else() -> None:
    read = source.parse('a: "é\\d\\d \\" \\\\w\n  \\q"\nb: "\\t\\."\nc: \'\\d\'', "f")
    assert tree.to_plain(read.root) == {"a": 'é\\d\\d " \\w \\q', "b": "\t\\.", "c": "\\d"}
    assert [str(w).split(" YAML")[0] for w in read.warnings] == ["f:1:6:", "f:2:3:", "f:3:7:"]


def test_more_illegal_escapes_than_anybody_writes_are_refused() -> None:
    text = "\n".join(f'k{n}: "\\d"' for n in range(source.MAX_MENDS + 1))
    assert "unknown escape" in refused(text)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\x7fELF\x02\x00\xff\xfe", ":1: is not UTF-8 text"),
        (b"a: 1\nb: \xff", ":2: is not UTF-8 text"),
        (b"a: \x00", ":1: holds U+0000"),
        (b"#" * (source.MAX_BYTES + 1), ": is larger than 1048576 bytes"),
    ],
    ids=["binary", "latin", "nul", "large"],
)
def test_files_that_are_no_text(tmp_path: Path, content: bytes, problem: str) -> None:
    file = tmp_path / "m.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load([file, tmp_path, tmp_path / "gone"], environ={})
    assert caught.value.problems[0].startswith(f"{file}{problem}")
    assert caught.value.problems[1].startswith(f"{tmp_path}: cannot be read: Is a directory")
    assert caught.value.problems[2].startswith(f"{tmp_path}/gone: cannot be read: No such file")


def test_a_byte_order_mark_does_not_shift_columns(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_bytes(b"\xef\xbb\xbflog: {level: debug}")
    assert load([file], environ={}).origins["log.level"].endswith(":1:7")


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda t: t.encode("utf-8", "surrogatepass")))
def test_garbage_is_a_config_error_or_nothing(content: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".yaml") as file:
        file.write(content)
        file.flush()
        try:
            load([Path(file.name)], environ={})
        except ConfigError as error:
            assert error.problems


_YAML = st.text(alphabet="ab:-?,[]{}&*!|>'\"%@`# \n\t\\<~1.=x$", max_size=60)


@given(_YAML)
def test_yaml_that_is_nearly_right_never_crashes(text: str) -> None:
    try:
        read = source.parse(text, "f")
    except ConfigError as error:
        assert error.problems
    else:
        assert isinstance(read.root.value, dict)


_KEYS = st.sampled_from([*whole().model_fields, "EncodingAESKey", "name", "models", "langchain", "workflows"])
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("${X}")
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.full
@settings(deadline=None)
@given(st.dictionaries(_KEYS, _VALUES, max_size=5))
def test_good_yaml_of_wrong_values_never_crashes(values: dict[str, object]) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        yaml.safe_dump(values, file, allow_unicode=True)
        file.flush()
        try:
            load([Path(file.name)], environ={}, overrides=values)
        except ConfigError as error:
            assert all(problem for problem in error.problems)


@given(
    st.dictionaries(
        st.sampled_from(["LOG__LEVEL", "WECOM", "WECOM__0", "A____B", "_", "ACCESS__ALLOW"]), _YAML
    )
)
def test_an_environment_of_garbage_never_crashes(values: dict[str, str]) -> None:
    environ = {f"MINDBOT__{name}": text for name, text in values.items()}
    try:
        load(["/dev/null"], environ=environ)
    except ConfigError as error:
        assert error.problems
