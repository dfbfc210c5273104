"""The sample of providers answers as it stands, beyond keys and base URLs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from managed_providers import Managed

from mindbot.http.client import HttpClient
from mindbot.sim.testing import simulated

pytestmark = pytest.mark.anyio

_SAMPLE = Path(__file__).parents[2] / "data" / "config" / "05-providers.yaml"


async def test_the_sample_takes_turns_and_fails_over() -> None:
    sample: dict[str, Any] = yaml.safe_load(_SAMPLE.read_text(encoding="utf-8"))
    entries = sample["providers"]
    assert sample["provider_selection"]["strategy"] == "round_robin"
    async with (
        simulated("openai") as openai,
        simulated("chatglm") as chatglm,
        simulated("anthropic", fault="529") as anthropic,
        HttpClient() as http,
    ):
        for name, sim in (("openai", openai), ("chatglm", chatglm), ("anthropic", anthropic)):
            entries[name] |= {"base_url": sim.base_url, "api_key": "k"}
        for name in ("dify", "coze", "google"):  # nobody listens there
            entries[name] |= {"base_url": "http://127.0.0.1:9/v1", "api_key": "k"}
        here = Managed(http, entries, selection=sample["provider_selection"])
        answered: Counter[str] = Counter()
        for _ in range(12):
            assert await here.ask("hi")
            answered[here.notes["provider"]] += 1
        assert set(answered) == {"openai", "chatglm"}
        assert anthropic.counters["requests"] == 2, "and then it is left alone"
