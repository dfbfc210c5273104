"""The settings of WeCom AI bots.

Keys and aliases are those of the configuration samples operators already have.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import AliasChoices, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from mindbot.config.bots import BotSettings, Clash
from mindbot.config.types import ApiBase, Duration, Port, Secret, WsUrl


class WeComBotSettings(BotSettings):
    """The `wecombot:` section, or one entry of its list: an AI bot (智能机器人)."""

    about = "WeCom AI bots"

    mode: Literal["webhook", "connection"] = Field(
        "webhook", description="webhook: WeCom calls MindBot; connection: MindBot connects to WeCom."
    )
    host: str = Field("0.0.0.0", description="webhook: where the callback listens.")  # noqa: S104 - the vendor must reach it
    port: Port = Field(2291, description="webhook: the callback's port.")
    token: Secret | None = Field(
        None, validate_default=True, description="webhook: Token, from the bot's API settings."
    )
    encoding_aes_key: Secret | None = Field(
        None,
        validate_default=True,
        validation_alias=AliasChoices("EncodingAESKey", "encoding_aes_key"),
        description="webhook: the callback's key, of 43 characters.",
    )
    timestamp_window: Duration = Field(
        300, gt=0, description="webhook: callbacks signed earlier or later than this are refused."
    )
    poll_timeout: Duration = Field(
        10.0, ge=2, le=20, description="webhook: no poll for so long, and the answer goes by response_url."
    )
    bot_id: str = Field("", validate_default=True, description="connection: BotID.")
    secret: Secret | None = Field(None, validate_default=True, description="connection: Secret.")
    ws_url: WsUrl = Field("wss://openws.work.weixin.qq.com", description="connection: where to connect.")
    ping: Duration = Field(30.0, ge=0.1, description="connection: between two pings; two unanswered end it.")
    answer_timeout: Duration = Field(
        5.0, ge=0.1, le=10, description="connection: how long WeCom may take to answer a frame."
    )
    evicted_wait: Duration = Field(
        300.0,
        ge=0,
        description="connection: wait after another client took the bot over; 0: until a restart.",
    )
    count_stream_frames: bool = Field(
        False, description="connection: whether updates of a growing answer count in 30 messages a minute."
    )
    robot_name: str = Field(
        "", description="The bot's name, taken off what is said in groups; empty: any first @name."
    )
    welcome_message: str = Field("", description="Said when somebody opens the chat; empty: nothing.")
    placeholder: str = Field("…", description="Shown until the answer's first words; may be empty.")
    enable_stream_reply: bool = Field(
        True,
        validation_alias=AliasChoices("enable-stream-reply", "enable_stream_reply"),
        description="Show the answer while it is written.",
    )
    stream_pace: Duration = Field(1.0, ge=0.5, description="Between two updates of a growing answer.")
    stream_lifetime: Duration = Field(
        360.0, gt=0, description="How long an answer may grow; WeCom says 6 minutes, some have seen 10."
    )
    feedback: bool = Field(True, description="Let users rate answers; what they say is kept with the turn.")
    card_ttl: Duration = Field(7 * 86400.0, description="How long a card's buttons are known.")
    api_base_url: ApiBase = Field(
        "https://qyapi.weixin.qq.com", description="Scheme and host, without /cgi-bin."
    )

    @field_validator("token", "encoding_aes_key", "bot_id", "secret")
    @classmethod
    def _required(cls, value: Any, info: ValidationInfo) -> Any:
        """What the other mode needs may be missing."""
        needed = "webhook" if info.field_name in ("token", "encoding_aes_key") else "connection"
        if not value and info.data.get("mode") == needed and info.data.get("enabled", False):
            raise PydanticCustomError("missing", "Field required")
        return value

    def listens(self) -> tuple[str, int] | None:
        """Return where WeCom calls; a connection is not called."""
        return (self.host, self.port) if self.mode == "webhook" else None

    def clash(self, other: Self) -> Clash | None:
        """WeCom keeps one connection of a bot."""
        if not self.mode == other.mode == "connection":
            return None
        if (self.bot_id, self.ws_url) != (other.bot_id, other.ws_url):
            return None
        what = f"are one AI bot (bot_id {other.bot_id}): each connection puts the other out"
        return Clash(what, "Remove one, or give it a bot of its own")
