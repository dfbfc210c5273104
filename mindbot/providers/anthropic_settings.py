"""The settings of `providers:` entries of the type `anthropic`."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from mindbot.config.models import KeyedSettings
from mindbot.config.types import Int


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
