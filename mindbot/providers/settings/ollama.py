"""The settings of `providers:` entries of the type `ollama`."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from mindbot.config.models import ProviderSettings
from mindbot.config.types import Duration, Int


class OllamaSettings(ProviderSettings):
    """An entry of the type `ollama`. A model may have to be read from disk before it says its first word."""

    model_config = ConfigDict(defer_build=True)

    timeout: Duration = Field(300, gt=0, description="Longest one call may take.")
    num_ctx: Int = Field(
        0,
        ge=0,
        description="Ollama only: tokens of context; 0: the model's `max_context`.",
    )
    think: bool | Literal["low", "medium", "high", "max"] | None = Field(
        None, description="Ollama only: think first, or how much; absent: the model's way."
    )
    keep_alive: str = Field(
        "",
        description="Ollama only: how long the model stays in memory (`5m`; `-1`: for good).",
    )
