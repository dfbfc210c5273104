"""What people are shown of a model provider."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from mindbot.api.provider_models import ModelView, ProviderView
from mindbot.api.shown_providers import (
    STATES,
    can,
    facts,
    keys_ok,
    late_errors,
    money,
    percent,
    seconds,
    sparkline,
    why,
)
from mindbot.providers.management.status import KeyState, ProviderState
from mindbot.providers.shared.circuit import CircuitState

NOW = 1_790_000_000.0


def a_provider(**more: Any) -> ProviderView:
    return ProviderView.model_validate({"name": "openai", "type": "openai", "state": "ok", **more})


def told(found: ProviderView) -> dict[str, list[str]]:
    """Return the facts by their label."""
    lines: dict[str, list[str]] = {}
    label = ""
    for name, text in facts(found, NOW):
        label = name or label
        lines.setdefault(label, []).append(text)
    return lines


def test_one_that_is_well_has_no_reason() -> None:
    error = {"ts": NOW - 9, "kind": "overloaded", "why": "try later"}
    assert why(a_provider(errors=[error], success=0.98, budget=0.4), NOW) == ""


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"state": "off", "errors": [{"why": "old"}]}, "switched off by an operator"),
        ({"state": "disabled"}, "the configuration disables it"),
        ({"state": "unavailable"}, "nothing that is installed serves this type"),
        (
            {
                "state": "degraded",
                "keys": [
                    {"label": "first", "state": "disabled", "why": "refused"},
                    {"label": "two", "state": "ok"},
                ],
                "circuits": [{"model": "m", "state": "open", "until": NOW + 30, "why": "502"}],
            },
            "key first disabled: refused; m open for 30 s: 502",
        ),
        (
            {
                "state": "degraded",
                "success": 0.4,
                "errors": [{"ts": 1.0, "why": "old"}, {"ts": 2.0, "why": "new"}],
            },
            "40% of late calls succeeded; new",
        ),
        ({"state": "ok", "budget": 1.2}, "its budget is used up"),
        (
            {"state": "cooling", "keys": [{"label": "k", "state": "resting {x}", "why": "{y}"}]},
            "key k resting {x}: {y}",
        ),
    ],
)
def test_one_that_is_not_well_says_why(more: dict[str, Any], reason: str) -> None:
    assert why(a_provider(**more), NOW) == reason


def test_everything_that_is_known_is_told_with_its_limits() -> None:
    found = a_provider(
        models=["gpt-4o", "gpt-4o-mini"],
        keys=[
            {"label": "a", "state": "ok"},
            {"label": "b", "state": "cooling", "until": NOW + 90, "why": "429"},
        ],
        circuits=[{"key": "a", "model": "gpt-4o", "state": "half_open"}],
        in_flight=3,
        concurrency=8,
        calls_a_minute=12,
        rate_limit=60,
        tokens_a_minute=900,
        success=0.75,
        latency=0.5,
        latencies=[0.2, 0.8],
        calls_today=40,
        input_tokens_today=4000,
        output_tokens_today=900,
        money_today=0.0125,
        currency="USD",
        budget=0.25,
    )
    assert told(found) == {
        "state": ["ok"],
        "type": ["openai"],
        "models": ["gpt-4o, gpt-4o-mini"],
        "key": ["a ok", "b cooling for 1:30 min: 429"],
        "breaker": ["gpt-4o with a half-open: the next call proves it"],
        "calls": ["3 of 8 now"],
        "a minute": ["12 of 60 calls, 900 tokens"],
        "late calls": ["75% succeeded"],
        "first word": ["0.50s lately, 0.20s to 0.80s ▂█"],
        "today": ["40 calls, 4000 + 900 tokens, 0.0125 USD"],
        "budget": ["25% used"],
    }
    assert keys_ok(found) == "1/2"


@pytest.mark.parametrize("state", [*get_args(KeyState), *get_args(CircuitState)])
def test_every_state_of_a_key_or_breaker_has_words_and_counts_down(state: str) -> None:
    row = {"label": "a", "state": state, "until": NOW + 5}
    (text,) = told(a_provider(keys=[row]))["key"]
    assert text.startswith("a ") and text.endswith("for 5 s") and "_" not in text


def test_every_state_of_a_provider_is_known() -> None:
    assert set(get_args(ProviderState)) == set(STATES)


def test_errors_are_told_the_newest_first() -> None:
    found = a_provider(errors=[{"ts": 1.0, "why": "a"}, {"ts": 3.0, "why": "c"}, {"ts": 2.0, "why": "b"}])
    assert [error.why for error in late_errors(found)] == ["c", "b", "a"]


def test_bars_show_the_latest() -> None:
    assert sparkline([0.0, 1.0, 2.0, 4.0]) == "▁▂▄█"
    assert sparkline([]) == "" and sparkline([0.0]) == "▁"
    assert sparkline([9.0, 1.0, 1.0], 2) == "██"


def test_numbers_that_nobody_knows_are_dashes() -> None:
    assert (percent(None), seconds(None), money(0.0, "USD")) == ("-", "-", "-")
    assert (percent(0.985), seconds(0.314), money(0.5, "")) == ("98%", "0.31s", "0.5000")


def test_a_model_says_what_it_can_do() -> None:
    assert can(ModelView(streaming=True, images=True)) == "streaming, images"
    assert can(ModelView()) == "words"
