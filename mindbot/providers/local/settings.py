"""The settings of `providers:` entries of the type `local`."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from mindbot.config.models import ProviderSettings
from mindbot.config.types import Duration


class LocalSettings(ProviderSettings):
    """An entry of the type `local`: a model in a process of its own on this machine."""

    backend: str = Field(
        "llama_cpp", description="local only: llama_cpp, transformers, or a class as package.module:Class."
    )
    model_path: str = Field("", validate_default=True, description="local only: the model's file or folder.")
    options: dict[str, Any] = Field({}, description="local only: what the backend loads the model with.")
    keep_alive: Duration = Field(
        600, ge=0, description="local only: the process ends after so long without a question."
    )
    load_timeout: Duration = Field(300, gt=0, description="local only: longest the model may load.")

    @field_validator("model_path")
    @classmethod
    def _path(cls, value: str, info: Any) -> str:
        if info.data.get("enabled", False) and not value:
            raise ValueError("should be the model's file (GGUF) or folder")
        return value
