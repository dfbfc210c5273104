"""Several keys of one vendor, and which of them wait for what."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from pydantic import ValidationError

from mindbot.config.models import ProviderSettings
from mindbot.domain.errors import AuthFailed, Overloaded, QuotaExceeded, RateLimited
from mindbot.providers.management.breaker import Breakers, CircuitKey
from mindbot.providers.management.keys import KeyPool, PoolKey, keys_of

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
    with pytest.raises(ValidationError, match="is labelled key, as one of api_keys is"):
        ProviderSettings.model_validate({"api_key": "a", "api_keys": [{"key": "b", "label": "key"}]})


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


@pytest.mark.anyio
async def test_whatever_is_asked_goes_on_with_the_next_key() -> None:
    pool = Pool(api_keys=["a", "b", "c", "d"])
    says: dict[str, Exception] = {
        "key1": QuotaExceeded("no money"),
        "key2": AuthFailed("wrong key"),
        "key3": RateLimited("slow", retry_after=5),
    }
    asked: list[str] = []
    told: list[Exception] = []

    async def call(key: PoolKey) -> str:
        asked.append(key.label)
        if key.label in says:
            raise says[key.label]
        return f"by {key.label}"

    assert [await pool.pool.ask(call, told.append) for _ in range(4)] == ["by key4"] * 4
    assert told == list(says.values())
    assert asked == ["key1", "key2", "key3", "key4", "key4", "key4", "key4"]
    says["key4"] = Overloaded("busy")
    with pytest.raises(Overloaded):
        await pool.pool.ask(call, told.append)
    says["key4"] = QuotaExceeded("no money here either")
    for _ in range(2):
        with pytest.raises(QuotaExceeded):
            await pool.pool.ask(call, told.append)
    assert asked.count("key4") == 6


@pytest.mark.anyio
async def test_who_stops_waiting_for_an_answer_leaves_the_key_as_it_was() -> None:
    pool = Pool(api_keys=["a"])
    circuit = pool.breakers.of(CircuitKey("a", "key1"))
    circuit.cool(NOW, "quota", "no money")
    with anyio.move_on_after(0.01):
        await pool.pool.ask(lambda key: anyio.sleep_forever(), print)
    assert circuit.state == "half_open" and circuit.free
