"""Budgets that would do nothing are warned of."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mindbot.config.load import Loaded
from mindbot.config.prices import price_of

PROVIDERS = """\
console: {}
providers:
  openai:
    api_key: "${K:-}"
    models: [gpt-4o, {name: new, price: 3}, {name: odd, price: {input: 1, output: 1, currency: XAU}}]
  near: {type: ollama, models: [qwen3]}
  own: {type: openai, api_key: "${K:-}", base_url: "http://127.0.0.1:9/v1", models: [ours]}
  gone: {type: openai, enabled: false, api_key: "${K:-}", models: [secret]}
"""


def about_budgets(load_text: Callable[[str], Loaded], budgets: str) -> list[str]:
    return [each for each in load_text(PROVIDERS + budgets).warnings if "budgets." in each]


@pytest.mark.parametrize(
    ("limit", "told"),
    [
        ("{money: 1}", "money does not count openai/odd: its price is in XAU. Put under budgets.rates"),
        ("{money: 1, per: provider, who: own}", "money does not count own/ours: nobody knows what that"),
        ("{money: 1, per: provider, who: ne*}", ""),
        ("{money: 1, per: provider, who: gone}", ""),
        ("{tokens: 1}", ""),
        ("{tokens: 1, per: provider, who: opnai}", "which is not defined. Did you mean openai?"),
        ("{tokens: 1, per: bot, who: console/defalt}", "Did you mean console/default?"),
        ("{tokens: 1, per: bot, who: '*'}", ""),
        ("{tokens: 1, per: user, who: lin}", "who names nobody: lin. Write platform/sender"),
        ("{tokens: 1, per: user, who: dingtlak/*}", "who names nobody: dingtlak/*"),
        ("{tokens: 1, per: group, who: 'ding*'}", ""),
        ("{tokens: 1, per: user, who: console/lin}", ""),
        ("{tokens: 1, soft: 0.5, cheaper: nobody/none}", "names the model nobody/none, which no provider"),
        ("{tokens: 1, soft: 0.5, cheaper: gone/secret}", "names the model gone/secret, which no provider"),
        ("{tokens: 1, soft: 0.5, cheaper: ours}", ""),
    ],
)
def test_a_budget_that_would_do_nothing_is_a_warning(
    load_text: Callable[[str], Loaded], limit: str, told: str
) -> None:
    found = about_budgets(load_text, f"budgets: {{limits: [{limit}]}}\n")
    assert len(found) == bool(told), found
    if told:
        assert told in found[0] and ":9:" in found[0] and "budgets.limits[0]." in found[0]


def test_a_rate_or_a_price_ends_the_warning(load_text: Callable[[str], Loaded]) -> None:
    more = "prices: {own/ours: 0}\nbudgets: {rates: {xau: 4000}, limits: [{money: 1}]}\n"
    assert about_budgets(load_text, more) == []


@pytest.mark.parametrize(
    ("model", "is_"),
    [
        ("gpt-5-2025-08-07", "gpt-5"),
        ("openai/gpt-4o-latest", "gpt-4o"),
        ("claude-sonnet-4-20250514", "claude-sonnet-4"),
        ("gemini-1.5-pro-002", "gemini-1.5-pro"),
        ("deepseek/deepseek-chat:nitro", "deepseek-chat"),
        ("GPT-4-0613", "gpt-4"),
        ("gpt-5-pro", ""),
        ("o3-mini", ""),
        ("gpt-4-1106-preview", ""),
        ("gemini-2.0-flash-lite", ""),
        ("glm-4-9b", ""),
        ("", ""),
    ],
)
def test_a_known_price_is_for_that_model_alone(model: str, is_: str) -> None:
    assert price_of({}, {}, "a", model) == (price_of({}, {}, "a", is_) if is_ else None)
    assert not is_ or price_of({}, {}, "a", is_)
