"""The settings of `providers:` entries of the type `langchain`."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from mindbot.config.models import ProviderSettings


class LangChainProviderSettings(ProviderSettings):
    """An entry of the type `langchain`: a chat model of another package."""

    chat_model: str = Field(
        "", validate_default=True, description="langchain only: its class, as package.module:Class."
    )
    options: dict[str, Any] = Field({}, description="langchain only: what its class is made with.")
    key_option: str = Field("api_key", description="langchain only: the option that takes the key.")
    url_option: str = Field("base_url", description="langchain only: the option that takes base_url.")

    @field_validator("chat_model")
    @classmethod
    def _class(cls, value: str, info: Any) -> str:
        module, colon, name = value.partition(":")
        if info.data.get("enabled", False) and not (module and colon and name.isidentifier()):
            raise ValueError("should be a class, such as langchain_openai:ChatOpenAI")
        return value
