"""The providers of the samples that operators have answer, beyond keys and base URLs as they stand."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from mindbot import registry
from mindbot.config.load import load
from mindbot.config.secrets import SecretLookup
from mindbot.domain.ports.answering import Able, Lists
from mindbot.http.client import HttpClient
from mindbot.sim.testing import simulated
from mindbot.testing.models.rig import ask, collect

pytestmark = pytest.mark.anyio
SAMPLES = Path(__file__).parents[2] / "data" / "config"
#: Entry of the samples → its simulator and the model it names.
VENDORS = {
    "openai": ("openai", "gpt-4"),
    "chatglm": ("chatglm", "chatglm3-6b"),
    "anthropic": ("anthropic", "claude-3-sonnet"),
    "google": ("gemini", "gemini-pro"),
}


@pytest.mark.parametrize("samples", [["05-providers.yaml"], ["05-providers.yaml", "07-agent.yaml"]])
@pytest.mark.parametrize("entry", VENDORS)
async def test_an_entry_answers_plain_and_streamed(entry: str, samples: list[str], tmp_path: Path) -> None:
    vendor, model = VENDORS[entry]
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(simulated(vendor, strict=True, model=model))
        http = await stack.enter_async_context(HttpClient())
        key = simulator.details()["api_key"]
        environ = {f"{name.upper()}_API_KEY": key for name in (*VENDORS, "dify", "coze")}
        loaded = load([SAMPLES / sample for sample in samples], environ=environ)
        assert not [warning for warning in loaded.warnings if entry in warning]
        settings = loaded.config.providers[entry].model_copy(update={"base_url": simulator.base_url})
        secrets = SecretLookup(tmp_path, environ)
        provider = registry.load("providers", entry).build(entry, settings, http, secrets)
        for stream in (False, True):
            answer = await collect(provider, ask("hello", stream=stream))
            assert (answer.text, answer.last.finish, answer.last.notes) == ("echo: hello", "stop", {})
        assert isinstance(provider, Able) and provider.capabilities().max_context
        assert isinstance(provider, Lists) and model in await provider.list_models()
