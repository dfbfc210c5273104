"""The settings of `providers:` entries of the types that speak OpenAI's chat completions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from mindbot.config.models import KeyedSettings, ProviderSettings


class OpenAISettings(ProviderSettings):
    """An entry of the types `openai` and `vllm`."""

    @classmethod
    def needs_key(cls, entry: Mapping[str, Any]) -> bool:
        """Tell that OpenAI's own service asks for one; own servers may not."""
        return entry.get("type") == "openai" and not entry.get("base_url")


class CloudSettings(KeyedSettings):
    """An entry of the types `deepseek`, `moonshot`, `openrouter` and `siliconflow`."""


class AzureSettings(KeyedSettings):
    """An entry of the type `azure`."""

    model_config = ConfigDict(defer_build=True)

    api_version: str = Field("", description="Azure only: the API's version; empty: 2024-10-21.")

    @field_validator("base_url")
    @classmethod
    def _resource(cls, value: str, info: ValidationInfo) -> str:
        if not value and info.data.get("enabled", False):
            raise PydanticCustomError("missing", "Field required")
        return value
