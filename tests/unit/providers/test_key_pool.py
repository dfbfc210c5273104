"""Several keys of one vendor, and which of them wait for what."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mindbot.config.models import ProviderSettings
from mindbot.domain.errors import AuthFailed, Overloaded, QuotaExceeded, RateLimited
from mindbot.providers.breaker import Breakers, CircuitKey
from mindbot.providers.keys import KeyPool, keys_of

NOW = 1_000_000.0


class Pool:
    """A pool of an entry's keys, and how their circuits are."""

    def __init__(self, **entry: Any) -> None:
        self.breakers = Breakers(lambda: NOW)
        self.pool = KeyPool("a", keys_of(ProviderSettings.model_validate(entry)), self.breakers, lambda: NOW)
        self.keys = {key.label: key for key in self.pool.keys}

    def waits(self, model: str = "") -> dict[str, float]:
        return {label: self.breakers.of(CircuitKey("a", label, model)).waits for label in self.keys}


def test_keys_are_named_by_their_labels_alone() -> None:
    pool = Pool(api_key="sk-one", api_keys=["sk-two", {"key": "sk-three", "label": "spare"}])
    assert list(pool.keys) == ["key", "key1", "spare"]
    assert "sk-" not in repr(pool.pool.keys)
    assert list(Pool().keys) == [""]


def test_two_keys_have_two_labels() -> None:
    with pytest.raises(ValidationError, match="two keys labelled x"):
        ProviderSettings.model_validate(
            {"api_keys": [{"key": "a", "label": "x"}, {"key": "b", "label": "x"}]}
        )


def test_the_keys_take_turns() -> None:
    pool = Pool(api_keys=["a", "b", "c"]).pool
    assert [pool.line()[0].label for _ in range(4)] == ["key1", "key2", "key3", "key1"]


def test_keys_of_one_account_wait_together() -> None:
    two = [{"key": "a", "account": "x"}, {"key": "b", "account": "x"}, {"key": "c"}]
    pool = Pool(api_keys=two)
    assert pool.pool.refused(pool.keys["key1"], RateLimited("slow", retry_after=7), "m")
    assert pool.waits("m") == {"key1": 7, "key2": 7, "key3": 0}
    assert pool.waits() == {"key1": 0, "key2": 0, "key3": 0}, "another model may have another rate"
    assert pool.pool.refused(pool.keys["key2"], QuotaExceeded("no money"))
    assert pool.waits() == {"key1": 3600, "key2": 3600, "key3": 0}


def test_a_refused_key_waits_alone() -> None:
    pool = Pool(api_keys=[{"key": "a", "account": "x"}, {"key": "b", "account": "x"}])
    assert pool.pool.refused(pool.keys["key1"], AuthFailed("wrong key"))
    assert pool.waits() == {"key1": 600, "key2": 0}
    assert pool.breakers.of(CircuitKey("a", "key1")).reason == "auth"


def test_what_is_not_the_keys_fault_changes_nothing() -> None:
    pool = Pool(api_keys=["a", "b"])
    assert not pool.pool.refused(pool.keys["key1"], Overloaded("busy"))
    assert not pool.pool.refused(pool.keys["key1"], RateLimited("slow"), rate=False)
    assert not pool.breakers.changed
