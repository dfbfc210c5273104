"""A provider's test asks with each of its keys, and what comes of it counts."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from managed_providers import Managed, openai

from mindbot.http.client import HttpClient
from mindbot.providers.management.breaker import CircuitKey

pytestmark = pytest.mark.anyio


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    async with HttpClient() as client:
        yield client


async def test_each_key_is_asked_by_its_label_and_what_comes_of_it_counts(http: HttpClient) -> None:
    keys = [{"label": "old", "key": "sk-fake-old"}, {"label": "new", "key": "sk-fake-new"}]
    async with openai(api_key="sk-fake-new", strict=True) as far:
        entry = {name: value for name, value in far.entry.items() if name != "api_key"}
        managed = Managed(http, {"a": {**entry, "models": ["sim-1"], "api_keys": keys}})
        checks = await managed.manager.trial("a")
        found = {check.name: check.state for check in checks}
        assert found["answer (old)"] == "failed" and found["answer (new)"] == "ok"
        assert found["stream"] == "ok"
        (status,) = await managed.manager.status()
        assert {key.label: key.state for key in status.keys} == {"old": "disabled", "new": "ok"}
        assert [error.key for error in status.errors] == ["old"]
        assert managed.told == [("a", "degraded")]


async def test_a_key_that_answers_again_is_used_again(http: HttpClient) -> None:
    async with openai() as far:
        managed = Managed(http, {"a": far.entry})
        (status,) = await managed.manager.status()
        circuit = managed.standing.breakers.of(CircuitKey("a", status.keys[0].label))
        circuit.cool(managed.now + 3600, "auth", "refused")
        assert [check.name for check in await managed.manager.trial("a")][:2] == ["answer", "stream"]
        (status,) = await managed.manager.status()
        assert status.keys[0].state == "ok" and status.success == 1
