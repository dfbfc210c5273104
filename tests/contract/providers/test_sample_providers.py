"""The samples that operators have, with their keys and base URLs filled in, against the simulators."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from mindbot import registry
from mindbot.config.load import load
from mindbot.config.secrets import SecretLookup
from mindbot.domain.chat import ChatRequest
from mindbot.http.client import HttpClient
from mindbot.sim.testing import simulated
from mindbot.testing.providers import ask, collect

SAMPLES = Path(__file__).parents[2] / "data" / "config"
#: type → the simulator of its vendor, and what it has to be set to.
VENDORS: dict[str, tuple[str, dict[str, Any]]] = {
    "openai": ("openai", {"model": "gpt-4"}),
    "dify": ("dify", {}),
    "coze": ("coze", {"model": "bot_123"}),
    "chatglm": ("chatglm", {"model": "chatglm3-6b"}),
    "anthropic": ("anthropic", {"model": "claude-3-sonnet"}),
    "google": ("gemini", {"model": "gemini-pro"}),
}


@pytest.mark.anyio
@pytest.mark.parametrize("samples", [["05-providers"], ["05-providers", "07-agent"]], ids=["own", "agent"])
@pytest.mark.parametrize("kind", VENDORS)
async def test_every_provider_of_the_samples_answers(kind: str, samples: list[str], tmp_path: Path) -> None:
    vendor, settings = VENDORS[kind]
    async with AsyncExitStack() as stack:
        sim = await stack.enter_async_context(simulated(vendor, strict=True, **settings))
        http = await stack.enter_async_context(HttpClient())
        base_url = f"{sim.base_url}/v1" if kind == "coze" else sim.base_url
        mine = tmp_path / "mine.yaml"
        mine.write_text(yaml.safe_dump({"providers": {kind: {"base_url": base_url}}}))
        key = {f"{kind.upper()}_API_KEY": sim.details()["api_key"]}
        config = load([*(SAMPLES / f"{name}.yaml" for name in samples), mine], environ=key).config
        provider = registry.load("providers", kind).build(
            kind, config.providers[kind], http, SecretLookup(tmp_path, key)
        )
        for stream in (False, True):
            request: ChatRequest = ask("how are you?", stream=stream)
            answer = await collect(provider, request)
            assert answer.text.startswith("echo: ") and answer.text.endswith("how are you?")
            assert answer.last.finish == "stop"
