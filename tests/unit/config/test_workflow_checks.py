"""Addresses and keys of something else, patterns of everything: told before the first message."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mindbot.config.load import Loaded
from mindbot.domain.errors import ConfigError

Load = Callable[..., Loaded]


def told(load_text: Load, text: str) -> list[str]:
    found = [each.partition("a.yaml:")[2] for each in load_text(text).warnings]
    return [each for each in found if not each.endswith('dify-api-key"') and "in plain text" not in each]


@pytest.mark.parametrize(
    ("endpoint", "warning"),
    [
        (
            "http://dify.internal/",
            "lacks /v1, below which Dify serves its API. Write http://dify.internal/v1",
        ),
        ("https://api.dify.ai", "lacks /v1, below which Dify serves its API. Write https://api.dify.ai/v1"),
        ("http://h:8080/chat-messages", "lacks /v1, below which Dify serves its API. Write http://h:8080/v1"),
        (
            "https://cloud.dify.ai/app/123/develop",
            "is a page for people, and not the API. Write https://api.dify.ai/v1",
        ),
        ("http://h/app/123/develop", "is a page for people, and not the API. Write http://h/v1"),
        ("https://api.dify.ai/v1", ""),
        ("https://api.dify.ai/v1/chat-messages", ""),
        ("http://gateway/dify", ""),
        ("http://gateway/app/dify/v1", ""),
    ],
)
def test_an_address_that_is_not_the_apis_is_told(load_text: Load, endpoint: str, warning: str) -> None:
    text = f"workflows:\n  a:\n    dify_api_key: keyring:a\n    dify_endpoint: {endpoint}\n"
    own = text + f"    replicas: [{{dify_endpoint: '{endpoint}', dify_api_key: 'keyring:b'}}]\n"
    kb = f"dify_datasets:\n  k: {{api_key: 'keyring:a', dataset_id: x, base_url: '{endpoint}'}}\n"
    found = [each for each in told(load_text, own + kb) if "/v1" in each and "is read as" not in each]
    if not warning:
        assert not found
        return
    assert [each.partition(": ")[2] for each in found] == [
        f"workflows.a.dify_endpoint {warning}",
        f"workflows.a.replicas[0].dify_endpoint {warning}",
        f"dify_datasets.k.base_url {warning}",
    ]


def test_a_key_of_something_else_is_told_and_not_shown(load_text: Load) -> None:
    text = """\
workflows:
  a: {dify_api_key: "dataset-not-a-real-key"}
  b: {dify_api_key: "pat_not-a-real-key", type: workflow}
  c: {type: coze, bot_id: "1", api_key: "app-not-a-real-key"}
  d: {dify_api_key: "app-not-a-real-key-d"}
  e: {dify_api_key: "keyring:dataset-x"}
  f: {type: coze, bot_id: "1", api_key: "pat_not-a-real-key"}
dify_datasets:
  k: {api_key: "app-not-a-real-key", dataset_id: x}
"""
    found = [each for each in told(load_text, text) if "begins with" in each]
    assert [each.partition(": ")[2].partition(".")[2] for each in found] == [
        "a.dify_api_key begins with dataset-, so it is a key of Dify's knowledge bases. "
        "Put one of an app of Dify's there",
        "b.dify_api_key begins with pat_, so it is a key of Coze. Put one of an app of Dify's there",
        "c.api_key begins with app-, so it is a key of an app of Dify's. Put one of Coze there",
        "k.api_key begins with app-, so it is a key of an app of Dify's. "
        "Put one of Dify's knowledge bases there",
    ]
    assert not any("not-a-real-key" in each for each in found)


def test_one_app_cannot_be_of_two_types(load_text: Load) -> None:
    text = """\
workflows:
  a: {dify_api_key: "keyring:x"}
  b: {dify_api_key: "keyring:x", type: workflow}
  c: {dify_api_key: "keyring:x"}
"""
    assert told(load_text, text) == [
        "3:21: workflows.b.dify_api_key is that of a too, and an app is of one type: chat or workflow. "
        "Give both its type"
    ]


@pytest.mark.parametrize(
    ("pattern", "all_"), [("", True), (".*", True), ("^", True), ("^$", False), ("a", False)]
)
def test_a_pattern_that_every_text_matches_is_told(load_text: Load, pattern: str, all_: bool) -> None:
    text = f"workflows:\n  a: {{dify_api_key: 'keyring:x', task_patterns: ['{pattern}']}}\n"
    found = [each for each in told(load_text, text) if "matches every text" in each]
    assert bool(found) == all_


def test_two_rules_of_one_name_are_told(load_text: Load) -> None:
    rules = "[{name: vip, user: a}, {name: vip, user: b}, {user: c}, {name: route3, user: d}]"
    found = [each for each in told(load_text, f"routes: {rules}") if "is called" in each]
    assert [each.partition(" is called ")[2].partition(":")[0] for each in found] == [
        "vip, like routes[0]",
        "route3, like routes[2]",
    ]


def test_a_workflow_is_not_called_what_means_none(load_text: Load) -> None:
    with pytest.raises(ConfigError) as error:
        load_text("workflows: {none: {dify_api_key: 'keyring:a'}}")
    assert "is a command's word" in error.value.problems[0]
