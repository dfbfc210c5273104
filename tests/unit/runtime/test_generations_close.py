"""What a generation's providers keep running ends with it: when it is replaced and unused, and at a stop."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path

import pytest

from mindbot.config.load import Loaded, load
from mindbot.domain.chat import ChatMessage, ChatRequest
from mindbot.providers.manager import ProviderManager
from mindbot.runtime.app import Runtime

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


def loaded(timeout: str = "30s") -> Loaded:
    model = {
        "type": "local",
        "backend": "mindbot.testing.local_backends:EchoBackend",
        "model_path": "m.gguf",
        "timeout": timeout,
    }
    return load([], environ={}, overrides={"providers": {"small": model}})


async def bind(webhooks: object) -> None:
    """No bot is called back."""


async def process(providers: ProviderManager) -> Path:
    """Ask a local model for its process; return what is there while it lives."""
    told = ""
    async with aclosing(providers.chat(ChatRequest([ChatMessage("user", "process")]))) as chunks:
        async for chunk in chunks:
            told += chunk.text
    return Path("/proc") / str(int(told))


async def test_local_models_end_with_their_generation(tmp_path: Path) -> None:
    async with Runtime.open(loaded(), tmp_path) as runtime:
        unused = runtime.generation
        first = await process(unused.providers)
        assert first.exists()
        await runtime.use(loaded("31s"), bind)
        assert not first.exists()

        busy = runtime.generation
        second = await process(busy.providers)
        busy.turns += 1  # as the executor counts
        await runtime.use(loaded("32s"), bind)
        assert second.exists(), "a turn may need it"
        busy.turns -= 1
        await busy.close_if_done()
        assert not second.exists()

        third = await process(runtime.generation.providers)
        assert third.exists()
    assert not third.exists()
