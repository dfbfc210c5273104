"""The sections of models: providers, how one is chosen, workflows.

Keys and aliases are those of the configuration samples operators already have.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from mindbot import registry
from mindbot.config.keys import guess
from mindbot.config.sections import Section
from mindbot.config.types import (
    NAMED,
    Duration,
    Float,
    Int,
    ModelBase,
    Secret,
    Size,
    Url,
)
from mindbot.domain.errors import VENDOR_ERRORS


class ModelSettings(Section):
    """One model of a provider; a bare text is its name."""

    name: str = Field(min_length=1, description="As the vendor calls it.")
    max_tokens: Int | None = Field(None, ge=1, description="Longest answer.")
    temperature: Float | None = Field(None, ge=0, description="Sent with every call; absent: the vendor's.")


class NamedWorkflow(Section):
    """A workflow as a provider lists it; a bare text is its name."""

    name: str = Field(description="A name of your own.")
    workflow_id: str = Field("", description="Dify's id.")


class ScriptedRule(Section):
    """One answer of the scripted provider."""

    match: str = Field(description="Regular expression, searched in the last user message.")
    reply: str = Field("", description="The answer; {text} and the pattern's groups are filled in.")
    delay: Duration = Field(0.0, description="Wait before it.")
    error: str = Field("", description="Fail like this instead, e.g. rate_limited.")

    @field_validator("match")
    @classmethod
    def _pattern(cls, value: str) -> str:
        _check_patterns([value])
        return value

    @field_validator("error")
    @classmethod
    def _known(cls, value: str) -> str:
        if value and value not in VENDOR_ERRORS:
            raise ValueError(f"should be the name of a vendor's error: {', '.join(sorted(VENDOR_ERRORS))}")
        return value


#: Kinds whose service asks for a key wherever it runs.
_KEYED = frozenset({"anthropic", "google", "chatglm", "dify", "coze"})
_ONLY = {"bot_id": "coze", "workflows": "dify", "rules": "scripted"}
KINDS = frozenset({"openai", "dify", "coze", "chatglm", "anthropic", "google", "ollama", "vllm", "scripted"})


class ProviderSettings(Section):
    """One entry of `providers:`."""

    type: str = Field("", description="openai, anthropic, …; empty: the entry's name.")
    enabled: bool = Field(True, description="Whether it may be used.")
    base_url: ModelBase = Field("", description="Empty: the vendor's own service.")
    api_key: Secret | None = Field(
        None, validate_default=True, description="The vendor's key; own servers may need none."
    )
    models: Annotated[tuple[ModelSettings, ...], NAMED] = Field((), description="The first is the default.")
    workflows: Annotated[tuple[NamedWorkflow, ...], NAMED] = Field((), description="Dify only.")
    bot_id: str = Field("", validate_default=True, description="Coze only: the bot that answers.")
    rate_limit: Int | None = Field(None, ge=1, description="Requests a minute.")
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
    rules: tuple[ScriptedRule, ...] = Field((), description="Scripted only: what it answers.")

    @field_validator("type")
    @classmethod
    def _known(cls, value: str) -> str:
        kinds = KINDS if value in KINDS or not value else KINDS | set(registry.names("providers"))
        if value and value not in kinds:
            meant = guess(value, sorted(kinds))
            mend = f"; did you mean {meant}?" if meant else f": {', '.join(sorted(kinds))}"
            raise ValueError(f"should be a provider type{mend}")
        return value

    @field_validator("api_key", "bot_id")
    @classmethod
    def _required(cls, value: Any, info: ValidationInfo) -> Any:
        """Say that a key is missing like any other missing key: beside all the others."""
        kind, needed = info.data.get("type"), info.data.get("enabled", False) and not value
        if info.field_name == "bot_id":
            missing = needed and kind == "coze"
        else:
            missing = needed and (kind in _KEYED or (kind == "openai" and not info.data.get("base_url")))
        if missing:
            raise PydanticCustomError("missing", "Field required")
        return value

    @field_validator(*_ONLY, mode="before")
    @classmethod
    def _belongs(cls, value: Any, info: ValidationInfo) -> Any:
        kind, only = info.data.get("type"), _ONLY[str(info.field_name)]
        if value and kind in KINDS - {only}:
            raise ValueError(f"is for the type {only}, and this is {kind}; remove it")
        return value


class ProviderSelection(Section):
    """How a provider is chosen."""

    strategy: Literal["round_robin", "weighted", "performance_based"] = Field(
        "round_robin", description="round_robin, weighted or performance_based."
    )
    fallback_order: tuple[str, ...] = Field((), description="Who answers when the one before cannot.")
    performance_threshold: Float = Field(0.8, ge=0, le=1, description="Share of calls that must succeed.")
    cost_optimization: bool = Field(False, description="Prefer the cheaper of equals.")


class WorkflowSettings(Section):
    """One entry of `workflows:`: a Dify app."""

    enabled: bool = Field(True, description="Whether it may be chosen.")
    dify_endpoint: Url = Field(
        "https://api.dify.ai/v1/chat-messages", description="Address of the app's API."
    )
    dify_api_key: Secret | None = Field(None, validate_default=True, description="The app's key.")
    task_patterns: tuple[str, ...] = Field(
        (), description="Regular expressions; one that matches chooses it."
    )
    priority: Int = Field(100, description="Of several that match, the lowest number wins.")
    timeout: Duration = Field(60, gt=0, description="Longest one run may take.")
    max_retries: Int = Field(2, ge=0, description="Tries after a failure that may pass.")

    @field_validator("dify_api_key")
    @classmethod
    def _required(cls, value: Any, info: ValidationInfo) -> Any:
        if not value and info.data.get("enabled", False):
            raise PydanticCustomError("missing", "Field required")
        return value

    @field_validator("task_patterns")
    @classmethod
    def _patterns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if value:
            _check_patterns(value)
        return value


def _check_patterns(patterns: Iterable[str]) -> None:
    """Raise ValueError for what is no regular expression on RE2: it is linear in the user's text."""
    import re2  # loaded only where there are patterns

    options = re2.Options()
    options.log_errors = False
    for pattern in patterns:
        try:
            re2.compile(pattern, options)
        except re2.error as error:
            raise ValueError(f"{pattern!r} is no regular expression: {_readable(error)}") from error


def _readable(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
