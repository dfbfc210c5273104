"""The settings of WeCom applications.

Keys and aliases are those of the configuration samples operators already have.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field

from mindbot.config.bots import Clash
from mindbot.config.types import Duration, Int, Port, Secret
from mindbot.platforms.wecom_shared.settings import CallbackSettings


class WeComSettings(CallbackSettings):
    """The `wecom:` section, or one entry of its list: a self-built application."""

    about = "WeCom applications"

    port: Port = Field(2290, description="The callback's port.")
    secret: Secret = Field(description="The application's secret.")
    contacts_secret: Secret | None = Field(None, description="Secret of the contacts API.")
    contacts_ttl: Duration = Field(86_400.0, gt=0, description="How long a member's details are kept.")
    agent_id: Int | None = Field(
        None, description="For messages of our own; replies take it from the callback."
    )
    card_ttl: Duration = Field(7 * 86_400.0, gt=0, description="How long a card's buttons work.")
    member_per_minute: Int = Field(
        30, ge=0, description="Messages to one member; more wait, as WeCom drops them. 0 for no limit."
    )
    member_per_hour: Int = Field(1000, ge=0, description="The same for an hour.")

    def clash(self, other: Self) -> Clash | None:
        """An application has one callback URL."""
        if (self.corpid, self.api_base_url) != (other.corpid, other.api_base_url):
            return None
        if self.agent_id is not None and self.agent_id == other.agent_id:
            which = f"agent_id {self.agent_id}"
        elif self.secret == other.secret:
            which = "the same secret"
        else:
            return None
        what = (
            f"are one application ({which}): an application has one callback URL, so one of them "
            "hears nothing"
        )
        return Clash(what, "Remove one, unless it only writes to people", refused=False)
