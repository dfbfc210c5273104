"""The settings of `providers:` entries of the type `google`."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from mindbot.config.models import KeyedSettings
from mindbot.config.types import Int


class GoogleSettings(KeyedSettings):
    """An entry of the type `google`."""

    model_config = ConfigDict(defer_build=True)

    thinking: Int | None = Field(
        None, ge=0, description="Tokens it may think before it answers (0: none); absent: as it likes."
    )
