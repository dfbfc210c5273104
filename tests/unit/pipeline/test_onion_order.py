"""Stages say where they stand."""

from __future__ import annotations

from typing import Any

import pytest

from mindbot import registry
from mindbot.domain.errors import ConfigError
from mindbot.pipeline.onion import ordered


def stand(after: Any = (), before: Any = ()) -> Any:
    return type("Stage", (), {"after": after, "before": before})


def built_in() -> dict[str, Any]:
    return {name: registry.load("stages", name) for name in registry.names("stages")}


def test_the_built_in_ones_stand_as_the_architecture_says() -> None:
    assert ordered(built_in()) == (
        "deliver errors access limits people media session route classify compose run".split()  # noqa: SIM905
    )


def test_a_strangers_stage_takes_its_place_between_them() -> None:
    kinds = built_in() | {
        "censor": stand("media", "session"),
        "tagger": stand("media"),
        "audit": stand(),
        "late": stand(before="run"),
    }
    found = ordered(kinds)
    assert found[:2] == ["deliver", "audit"], "as far out as it may, inside of what writes the end"
    media = found.index("media")
    assert set(found[media + 1 : media + 3]) == {"censor", "tagger"} and found[media + 3] == "session"
    assert found.index("late") < found.index("run")


def test_nothing_stands_outside_of_what_writes_the_end() -> None:
    with pytest.raises(ConfigError, match="audit, deliver"):
        ordered({"deliver": stand(), "audit": stand(before="deliver")})


def test_a_place_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match=r"'censor' names 'retreive', which is not there \(stages: deliver"):
        ordered({"deliver": stand(), "censor": stand("retreive")})


def test_a_circle_is_named() -> None:
    with pytest.raises(ConfigError, match="a, b"):
        ordered({"a": stand("b"), "b": stand("a"), "c": stand()})
