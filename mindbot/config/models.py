"""The sections of models: providers, and how one is chosen.

Keys and aliases are those of the configuration samples operators already have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from mindbot import registry
from mindbot.config.keys import fold, guess
from mindbot.config.sections import Section
from mindbot.config.spending import Price
from mindbot.config.types import (
    KEYS,
    NAMED,
    Duration,
    Float,
    Int,
    ModelBase,
    Secret,
    Size,
)

#: What people call a type by: its models, or its maker.
_TYPES = {
    "gemini": "google",
    "claude": "anthropic",
    "gpt": "openai",
    "chatgpt": "openai",
    "zhipu": "chatglm",
    "glm": "chatglm",
}


class ModelSettings(Section):
    """One model of a provider; a bare text is its name."""

    name: str = Field(min_length=1, description="As the vendor calls it.")
    max_tokens: Int | None = Field(None, ge=1, description="Longest answer.")
    temperature: Float | None = Field(None, ge=0, description="Sent with every call; absent: the vendor's.")
    tools: bool | None = Field(None, description="Whether it calls tools; absent: as its name tells.")
    images: bool | None = Field(None, description="Whether it takes pictures; absent: as its name tells.")
    files: bool | None = Field(None, description="Whether it takes files; absent: as its name tells.")
    audio: bool | None = Field(None, description="Whether it takes sounds; absent: as its name tells.")
    max_context: Int | None = Field(None, ge=1, description="Tokens of prompt and answer together.")
    price: Price | None = Field(None, description="Of a million tokens; absent: as `prices` says.")


#: The label of the one that stands alone, under `api_key`.
THE_KEY = "key"


class KeySettings(Section):
    """One of several keys of a provider; a bare text is the key."""

    #: A text in its place is a secret, and shown to nobody.
    bare_secret: ClassVar[bool] = True

    key: Secret = Field(description="The vendor's key.")
    label: str = Field("", max_length=64, description="What it is called; empty: key1, key2, … by its place.")
    account: str = Field(
        "", description="Keys of one account share its limits: all wait when one is asked to."
    )


class NamedWorkflow(Section):
    """A workflow as a provider lists it; a bare text is its name."""

    name: str = Field(description="A name of your own.")
    workflow_id: str = Field("", description="Dify's id.")


class ProviderSettings(Section):
    """One entry of `providers:`. What only some types have, their own settings add."""

    type: str = Field("", description="openai, anthropic, …; empty: the entry's name.")
    enabled: bool = Field(True, description="Whether it may be used.")
    base_url: ModelBase = Field("", description="Empty: the vendor's own service.")
    api_keys: Annotated[tuple[KeySettings, ...], KEYS] = Field(
        (), description="Several keys: the next one is used when one is refused, throttled or spent."
    )
    api_key: Secret | None = Field(
        None, validate_default=True, description="The vendor's key; own servers may need none."
    )
    models: Annotated[tuple[ModelSettings, ...], NAMED] = Field((), description="The first is the default.")
    weight: Int = Field(
        1, ge=0, description="Its share of the answers (strategy weighted); 0: only when named or a fallback."
    )
    rate_limit: Int | None = Field(None, ge=1, description="Requests a minute.")
    token_limit: Int | None = Field(None, ge=1, description="Tokens a minute, sent and answered together.")
    timeout: Duration = Field(60, gt=0, description="Longest one call may take.")
    stream_timeout: Duration = Field(
        0, ge=0, description="Longest a streamed answer may grow; 0: three times `timeout`."
    )
    answer_bytes: Size = Field(
        256 << 10, ge=1000, le=16 << 20, description="Longest answer; one that is longer is cut there."
    )
    concurrency: Int = Field(0, ge=0, description="Calls at once; 0 for no cap.")
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = Field(
        "max_tokens", description="What the server calls the longest answer."
    )
    stream: bool = Field(True, description="Whether the server can stream.")

    @classmethod
    def needs_key(cls, entry: Mapping[str, Any]) -> bool:
        """Tell whether the service asks for a key, by what an entry's `type` and `base_url` say."""
        return False

    @field_validator("type")
    @classmethod
    def _known(cls, value: str) -> str:
        if value and value not in (known := registry.names("providers")):
            meant = _TYPES.get(fold(value)) or guess(value, known)
            mend = f"; did you mean {meant}?" if meant else f": {', '.join(known)}"
            raise ValueError(f"should be a provider type{mend}")
        return value

    @field_validator("api_key")
    @classmethod
    def _key(cls, value: Any, info: ValidationInfo) -> Any:
        """Say that a key is missing like any other missing key: beside all the others."""
        keyless = not value and not info.data.get("api_keys")
        if keyless and info.data.get("enabled", False) and cls.needs_key(info.data):
            raise PydanticCustomError("missing", "Field required")
        if value and any(key.label == THE_KEY for key in info.data.get("api_keys", ())):
            raise ValueError(f"is labelled {THE_KEY}, as one of api_keys is; give that one another `label`")
        return value

    @field_validator("api_keys")
    @classmethod
    def _labels(cls, value: tuple[KeySettings, ...]) -> tuple[KeySettings, ...]:
        """Give each key a label: it stands for the key wherever one is named."""
        named = tuple(
            key if key.label else key.model_copy(update={"label": f"key{n}"})
            for n, key in enumerate(value, 1)
        )
        labels = [key.label for key in named]
        if twice := next((label for label in labels if labels.count(label) > 1), ""):
            raise ValueError(f"has two keys labelled {twice}; give each its own `label`")
        return named


class KeyedSettings(ProviderSettings):
    """An entry whose service asks for a key wherever it runs."""

    model_config = ConfigDict(defer_build=True)

    @classmethod
    def needs_key(cls, entry: Mapping[str, Any]) -> bool:
        """Tell that it does."""
        return True


class ProviderSelection(Section):
    """How a provider is chosen where none is named."""

    strategy: Literal["first", "round_robin", "weighted", "performance_based", "least_busy", "cost"] = Field(
        "first",
        description="first: the first enabled one; round_robin: each in turn; weighted: by their `weight`; "
        "performance_based: the quickest of those that succeed; least_busy: the fewest calls under way; "
        "cost: the cheapest.",
    )
    fallback_order: tuple[str, ...] = Field((), description="Who answers when the one before cannot.")
    performance_threshold: Float = Field(
        0.8, ge=0, le=1, description="performance_based: share of calls that must succeed."
    )
    cost_optimization: bool = Field(
        False, description="Where two come equal, and among those that come after, the cheaper is first."
    )
    cool_the_only: bool = Field(
        False,
        description="Whether a model that nobody could replace is left alone too when it fails or throttles.",
    )
