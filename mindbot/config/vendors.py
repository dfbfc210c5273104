"""The sections named after platforms.

Keys and aliases are those of the configuration samples operators already have.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AliasChoices, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from mindbot.config.sections import Section
from mindbot.config.types import (
    ApiBase,
    Duration,
    Float,
    Int,
    Port,
    Secret,
    WsUrl,
)


class BotSettings(Section):
    """What every bot has."""

    name: str = Field(
        "default", pattern=r"^[A-Za-z0-9_-]{1,64}$", description="Unique among its platform's bots."
    )
    enabled: bool = Field(True, description="Whether the bot runs.")
    priority: Int = Field(0, ge=-10, le=10, description="Messages of higher bots are answered first.")
    messages_per_reply: Int = Field(
        20, ge=1, le=1000, description="Longer answers are cut, and the user is told how much is left out."
    )


class DingTalkSettings(BotSettings):
    """The `dingtalk:` section, or one entry of its list."""

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


class _WeComCallback(BotSettings):
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


class WeComSettings(_WeComCallback):
    """The `wecom:` section, or one entry of its list: a self-built application."""

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


class WeComCsSettings(_WeComCallback):
    """The `wecomcs:` section, or one entry of its list: WeCom Customer Service."""

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


class WeComBotSettings(BotSettings):
    """The `wecombot:` section, or one entry of its list: an AI bot (智能机器人)."""

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
