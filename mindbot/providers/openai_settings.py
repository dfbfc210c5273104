"""The settings of `providers:` entries of the types that speak OpenAI's chat completions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mindbot.config.models import ProviderSettings


class OpenAISettings(ProviderSettings):
    """An entry of the types `openai`, `ollama` and `vllm`."""

    @classmethod
    def needs_key(cls, entry: Mapping[str, Any]) -> bool:
        """Tell that OpenAI's own service asks for one; own servers may not."""
        return entry.get("type") == "openai" and not entry.get("base_url")
