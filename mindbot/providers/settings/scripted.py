"""The settings of `providers:` entries of the type `scripted`."""

from __future__ import annotations

from pydantic import Field, field_validator

from mindbot.config.models import ProviderSettings
from mindbot.config.patterns import check_patterns
from mindbot.config.sections import Section
from mindbot.config.types import Duration
from mindbot.domain.errors import VENDOR_ERRORS


class ScriptedRule(Section):
    """One answer of the scripted provider."""

    match: str = Field(description="Regular expression, searched in the last user message.")
    reply: str = Field("", description="The answer; {text} and the pattern's groups are filled in.")
    delay: Duration = Field(0.0, description="Wait before it.")
    error: str = Field("", description="Fail like this instead, e.g. rate_limited.")

    @field_validator("match")
    @classmethod
    def _pattern(cls, value: str) -> str:
        check_patterns([value])
        return value

    @field_validator("error")
    @classmethod
    def _known(cls, value: str) -> str:
        if value and value not in VENDOR_ERRORS:
            raise ValueError(f"should be the name of a vendor's error: {', '.join(sorted(VENDOR_ERRORS))}")
        return value


class ScriptedSettings(ProviderSettings):
    """An entry of the type `scripted`."""

    rules: tuple[ScriptedRule, ...] = Field((), description="Scripted only: what it answers.")
