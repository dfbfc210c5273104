"""The settings of WeCom Customer Service.

Keys and aliases are those of the configuration samples operators already have.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, field_validator

from mindbot.config.bots import Clash
from mindbot.config.sections import Section
from mindbot.config.types import Duration, Int, Port, Secret
from mindbot.platforms.wecom_shared.settings import CallbackSettings


class HandoffRule(Section):
    """One rule that hands conversations to people."""

    when: str = Field(min_length=1, description="A filter over the message, e.g. 'text =~ \"refund|退款\"'.")
    to: str = Field("pool", min_length=1, description="pool, or a servicer's user id.")
    say: str = Field("", description="Said to the customer; empty: `handoff_message`.")

    @field_validator("when")
    @classmethod
    def _filter(cls, value: str) -> str:
        from mindbot.domain.errors import BadFilter
        from mindbot.filters.language import parse  # loaded only where there are rules

        try:
            parse(value)
        except BadFilter as error:
            raise ValueError(f"is no filter: {error}") from error
        return value


class WeComCsSettings(CallbackSettings):
    """The `wecomcs:` section, or one entry of its list: WeCom Customer Service."""

    about = "WeCom Customer Service"

    port: Port = Field(2289, description="The callback's port.")
    secret: Secret = Field(description="The customer service application's secret.")
    welcome_message: str = Field("", description="Sent when a customer opens the chat; empty: nothing.")
    open_kfids: tuple[str, ...] = Field((), description="Accounts to serve; empty: all that the API lists.")
    pull_interval: Duration = Field(60.0, ge=1, description="Pull so often also without a callback.")
    first_start: Duration = Field(600.0, ge=0, description="How far back the very first pull answers.")
    take_sessions: bool = Field(True, description="Tell WeCom that the bot serves a new conversation.")
    handoff_keywords: tuple[str, ...] = Field((), description="A message with one of these goes to people.")
    handoff_to: str = Field("pool", description="pool, or a servicer's user id.")
    handoff_rules: tuple[HandoffRule, ...] = Field((), description="The first rule that matches wins.")
    handoff_message: str = Field("", description="Said when a conversation goes to people; empty: nothing.")
    taken_message: str = Field("", description="Said when a servicer takes it from the pool; empty: nothing.")
    ended_message: str = Field("", description="Said when a conversation ends; empty: nothing.")
    repeated_codes: tuple[Int, ...] = Field(
        (40058,), description="Error codes that refuse a message id used before; as shipped 40058."
    )

    def clash(self, other: Self) -> Clash | None:
        """A customer has one answer: two bots serve no account together."""
        if (self.corpid, self.api_base_url) != (other.corpid, other.api_base_url):
            return None
        if shared := sorted(set(self.open_kfids) & set(other.open_kfids)):
            which = ", ".join(shared)
        elif self.open_kfids and other.open_kfids:
            return None
        else:
            which = f"all of {self.corpid}, where `open_kfids` is empty"
        what = f"serve the same accounts ({which}): both would answer every customer"
        return Clash(what, "Give each its own accounts in `open_kfids`, or remove one")
