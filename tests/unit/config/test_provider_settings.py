"""Keys, prices and budgets as configurations hold them."""

from __future__ import annotations

from collections.abc import Callable

from mindbot.config import view
from mindbot.config.load import Loaded
from mindbot.telemetry.redaction import MASK, redactor

KEYS = """\
providers:
  openai:
    api_keys:
      - sk-plain-and-long-enough
      - keyring:second
      - {key: "${THIRD:-sk-default-of-the-third}", label: third, account: acme}
    models: [{name: dear, price: 10}]
"""


def test_keys_in_a_list_are_secrets_like_any_other(load_text: Callable[[str], Loaded]) -> None:
    loaded = load_text(KEYS)
    (warning,) = [each for each in loaded.warnings if "plain text" in each]
    assert "4:9: providers.openai.api_keys" in warning
    shown = {row.key: row.value for row in view.rows(loaded)}
    assert shown["providers.openai.api_keys[0].key"] == MASK
    assert shown["providers.openai.api_keys[1].key"] == "keyring:second"
    assert "sk-default" not in str(shown) and "sk-plain" not in str(loaded.config)
    assert "sk-plain" not in redactor.spoken("so it was sk-plain-and-long-enough")
    assert [key.label for key in loaded.config.providers["openai"].api_keys] == ["key1", "key2", "third"]


def test_a_model_that_a_budget_wants_and_nobody_lists_is_a_warning(
    load_text: Callable[[str], Loaded],
) -> None:
    budgets = "budgets: {limits: [{tokens: 9, soft: 0.5, cheaper: openai/daer}]}\n"
    (warning,) = [each for each in load_text(KEYS + budgets).warnings if "budgets" in each]
    assert "8:52: budgets.limits[0].cheaper names the model openai/daer, which no provider lists" in warning
    assert "Did you mean openai/dear?" in warning
