"""The settings of `providers:` entries of the type `anthropic`."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, field_validator

from mindbot.config.models import KeyedSettings
from mindbot.config.types import Int

#: Tokens: less is refused ("Extended thinking").
LEAST_THINKING = 1024


class AnthropicSettings(KeyedSettings):
    """An entry of the type `anthropic`."""

    model_config = ConfigDict(defer_build=True)

    api_version: Literal["", "2023-06-01", "2026-10-21"] = Field(
        "",
        description="Of the API; empty: the newest, or, with a `temperature`, the last that knows it.",
    )
    thinking: Int | None = Field(
        None,
        ge=0,
        description="Tokens it may think before it answers: 0, or 1024 and more; absent: as it likes.",
    )

    @field_validator("thinking")
    @classmethod
    def _enough(cls, value: int | None) -> int | None:
        if value and value < LEAST_THINKING:
            raise ValueError(f"should be 0 or {LEAST_THINKING} and more")
        return value
