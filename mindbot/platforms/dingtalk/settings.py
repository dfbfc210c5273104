"""The settings of DingTalk bots.

Keys and aliases are those of the configuration samples operators already have.
"""

from __future__ import annotations

from typing import Self

from pydantic import AliasChoices, Field

from mindbot.config.bots import BotSettings, Clash
from mindbot.config.types import ApiBase, Duration, Float, Int, Secret


class DingTalkSettings(BotSettings):
    """The `dingtalk:` section, or one entry of its list."""

    about = "DingTalk bots"

    client_id: str = Field(min_length=1, description="AppKey, from the developer console.")
    client_secret: Secret = Field(description="AppSecret, from the developer console.")
    robot_code: str = Field("", description="Empty: the client id.")
    robot_name: str = Field("", description="The robot's name in chats.")
    markdown_card: bool = Field(True, description="Answer with Markdown.")
    message_bytes: Int = Field(
        12_000,
        ge=500,
        le=14_000,
        description="Longest text of one message; DingTalk takes 15,000 with its frame.",
    )
    enable_stream_reply: bool = Field(
        False,
        validation_alias=AliasChoices("enable-stream-reply", "enable_stream_reply"),
        description="Show the answer on an AI card while it is written.",
    )
    card_template_id: str = Field(
        "", description="The AI card's template; empty: one that every app may use."
    )
    card_key: str = Field("", description="The template's text variable; empty: content.")
    card_bytes: Int = Field(
        0, ge=0, description="Longer answers are not put on a card; 0: as long as DingTalk takes them."
    )
    card_pace: Duration = Field(1.0, ge=0.3, description="Between two updates of one card.")
    card_stop: str = Field("stop", description="Id of the card's button that stops the answer.")
    card_ttl: Duration = Field(7 * 86400.0, description="How long a card's buttons work.")
    button_template_id: str = Field(
        "", description="Template of cards with buttons; empty: one for every app."
    )
    form_template_id: str = Field(
        "", description="Template of cards with a form; empty: forms are asked in words."
    )
    pack_files: bool = Field(
        True, description="Send files of kinds that DingTalk does not list in a zip; off: as they are."
    )
    quota_notice: str = Field(
        "This month's message quota is used up; what you wrote could not be read. "
        "本月消息额度已用完，暂时无法读取您的消息。",
        description="Said when DingTalk passes messages on without their text; empty: nothing.",
    )
    delegate: bool = Field(False, description="Take messages to people for whom the robot stands in as well.")
    nack: bool = Field(
        False,
        description="Answer a message that could not be stored with code 500 instead of silence; "
        "silence is known to bring it again.",
    )
    connections: Int = Field(
        1, ge=1, le=20, description="Stream connections; DingTalk picks one for each message."
    )
    idle_timeout: Duration = Field(
        60.0, ge=1, description="Replace a connection that was silent for so long."
    )
    ping: Duration = Field(
        20.0, ge=0.1, description="Between two pings; no answer in half that time is the end."
    )
    calls_per_second: Float = Field(20.0, gt=0, description="To one API; the paid editions allow more.")
    at_sender: bool = Field(False, description="Mention the asker in groups.")
    api_base_url: ApiBase = Field("https://api.dingtalk.com", description="Scheme and host of the new API.")
    oapi_base_url: ApiBase = Field("https://oapi.dingtalk.com", description="Scheme and host of the old API.")

    def clash(self, other: Self) -> Clash | None:
        """Two connections of one app share its messages out between them."""
        if (self.client_id, self.api_base_url) != (other.client_id, other.api_base_url):
            return None
        what = f"are one app (client_id {other.client_id}): DingTalk gives each a part of the messages"
        return Clash(what, "Remove one, or give it an app of its own")
