"""An AI bot needs what its mode needs, and no more."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mindbot.config.load import Loaded, load
from mindbot.config.parts import read

Refuse = Callable[..., list[str]]

WEBHOOK = {"token": "t", "EncodingAESKey": "k" * 43}
CONNECTION = {"mode": "connection", "bot_id": "aib", "secret": "s"}


def test_what_the_mode_needs_is_missed_with_its_place(refuse: Refuse) -> None:
    problems = refuse(
        """\
wecombot:
  - {name: a, mode: webhook}
  - {name: b, mode: connection}
  - {name: c, mode: connection, enabled: false}
  - {name: d, mode: both}
  - {name: e, token: t, EncodingAESKey: k, ws_url: "https://example.org", stream_pace: 100ms}
"""
    )
    assert [p.split(". ")[0] for p in problems] == [
        "a.yaml:2:5: wecombot[0].token is missing (webhook: Token, from the bot's API settings)",
        "a.yaml:2:5: wecombot[0].EncodingAESKey is missing (webhook: the callback's key, of 43 characters)",
        "a.yaml:3:5: wecombot[1].bot_id is missing (connection: BotID)",
        "a.yaml:3:5: wecombot[1].secret is missing (connection: Secret)",
        "a.yaml:5:21: wecombot[3].mode should be webhook or connection (it is 'both')",
        "a.yaml:6:52: wecombot[4].ws_url should be an address such as wss://example.com "
        "(it is 'https://example.org')",
        "a.yaml:6:88: wecombot[4].stream_pace should be greater than or equal to 0.5 (it is 0.1)",
    ]
    assert problems[0].endswith('Add `token: "keyring:wecombot-a-token"`')


@pytest.mark.parametrize("section", [WEBHOOK, CONNECTION])
def test_one_section_is_a_list_of_one(section: dict[str, str]) -> None:
    config = read({"wecombot": section})
    (bot,) = [bot for bot in config.bots() if bot.platform == "wecombot"]
    assert (bot.name, bot.settings.mode) == ("default", section.get("mode", "webhook"))


def test_nothing_is_needed_where_there_is_none() -> None:
    loaded: Loaded = load(environ={})
    assert loaded.config.wecombot == ()
