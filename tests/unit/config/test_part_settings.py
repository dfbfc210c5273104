"""Parts and their settings find each other."""

from __future__ import annotations

import pytest

from mindbot import registry
from mindbot.config.bots import BotSettings
from mindbot.config.parts import read, settings, whole
from mindbot.domain.errors import NotFound


@pytest.mark.parametrize("name", registry.names("settings"))
def test_settings_that_are_read_alone_are_those_of_the_part(name: str) -> None:
    group, _, part = name.partition(".")
    assert registry.load("settings", name) is registry.load(group, part).Settings


def test_every_platform_has_a_list_of_bots_also_where_none_is_written() -> None:
    config = read({})
    assert set(config.platforms) == {*registry.names("platforms")} - {"console"}
    assert all(config.bots_of(platform) == () for platform in config.platforms)
    assert all(issubclass(settings("platforms", name), BotSettings) for name in whole().platforms)


def test_a_part_that_nobody_registered_is_not_found() -> None:
    with pytest.raises(NotFound, match="no platform named 'telegraph'"):
        registry.load("platforms", "telegraph")
