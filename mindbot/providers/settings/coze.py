"""The settings of `providers:` entries of the type `coze`."""

from __future__ import annotations

from pydantic import ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from mindbot.config.models import KeyedSettings


class CozeSettings(KeyedSettings):
    """An entry of the type `coze`. With `app_id` its `api_key` is the private key of an OAuth app (PEM)."""

    model_config = ConfigDict(defer_build=True)

    bot_id: str = Field("", validate_default=True, description="Coze only: the bot that answers.")
    app_id: str = Field("", description="Coze only: an OAuth app; `api_key` is then its private key (PEM).")
    key_id: str = Field(
        "", validate_default=True, description="Coze only: the fingerprint of the app's public key."
    )

    @field_validator("bot_id")
    @classmethod
    def _bot(cls, value: str, info: ValidationInfo) -> str:
        if not value and info.data.get("enabled", False):
            raise PydanticCustomError("missing", "Field required")
        return value

    @field_validator("key_id")
    @classmethod
    def _fingerprint(cls, value: str, info: ValidationInfo) -> str:
        if not value and info.data.get("app_id") and info.data.get("enabled", False):
            raise PydanticCustomError("missing", "Field required")
        return value
