"""What the settings have in common of bots that WeCom calls back for the enterprise.

Keys and aliases are those of the configuration samples operators already have.
"""

from __future__ import annotations

from pydantic import AliasChoices, Field

from mindbot.config.bots import BotSettings
from mindbot.config.types import ApiBase, Duration, Int, Port, Secret


class CallbackSettings(BotSettings):
    """What both kinds of WeCom bots share: a callback that WeCom signs and encrypts."""

    host: str = Field("0.0.0.0", description="Where the callback listens.")  # noqa: S104 - the vendor must reach it
    port: Port
    corpid: str = Field(min_length=1, description="Enterprise id.")
    secret: Secret
    token: Secret = Field(description="Token, from the settings for receiving messages.")
    encoding_aes_key: Secret = Field(
        validation_alias=AliasChoices("EncodingAESKey", "encoding_aes_key"),
        description="The callback's key, of 43 characters.",
    )
    api_base_url: ApiBase = Field(
        "https://qyapi.weixin.qq.com", description="Scheme and host, without /cgi-bin."
    )
    timestamp_window: Duration = Field(
        300, gt=0, description="Callbacks signed earlier or later than this are refused."
    )
    calls_per_minute: Int = Field(
        10_000, ge=1, description="To one API, by all bots of the enterprise; an hour allows 15 times that."
    )

    def listens(self) -> tuple[str, int] | None:
        """Return where WeCom calls."""
        return self.host, self.port
