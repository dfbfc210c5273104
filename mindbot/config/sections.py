"""MindBot's own sections: store, dispatcher, delivery, access, limits, session, chat, console, api, log."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from mindbot.config.restart import restart_field
from mindbot.config.types import Duration, FilePath, Int, Rate, Secret, Size, Url

#: What `http.proxy` may be instead of an address.
PROXY_WORDS = ("environment", "none")

LogLevel = Literal["debug", "info", "warning", "error"]


def _spellings(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Tell editors of each key's other spellings; pydantic's schema names only the first."""
    for info in model.model_fields.values():
        if isinstance(info.validation_alias, AliasChoices):
            first, *others = (str(choice) for choice in info.validation_alias.choices)
            schema["properties"] |= dict.fromkeys(others, schema["properties"][first])


class Section(BaseModel):
    """Strict and frozen: unknown keys are errors, values do not change after loading."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        protected_namespaces=(),
        json_schema_extra=_spellings,
    )


class StoreSettings(Section):
    """Where messages are kept."""

    file: FilePath = restart_field(
        "mindbot.db", min_length=1, description="SQLite file, relative to the state directory."
    )
    commit_interval: Duration = restart_field(
        0.005, ge=0, le=1, description="Longest a busy journal gathers a batch before it commits."
    )
    commit_rows: Int = restart_field(500, ge=1, description="A batch of so many rows is committed at once.")
    retention: Duration = restart_field(
        30 * 86400,
        description="Ended turns are deleted after this; 0 keeps them. Repeats are recognised so long.",
    )

    restored: Literal["from_now", "resume"] = restart_field(
        "from_now",
        description="What a start does with what a restored backup has open. from_now: nobody is answered "
        "again, open turns and unsent messages become dead letters; resume: they go on.",
    )

    def path(self, state_dir: Path) -> Path:
        """Return the database file."""
        return state_dir / Path(self.file).expanduser()


class DispatcherSettings(Section):
    """How turns are run."""

    max_running: Int = restart_field(1000, ge=1, description="Turns running at once, over all bots.")
    max_running_per_bot: Int = restart_field(
        0, ge=0, description="Turns one bot may have running; 0: nine tenths of all."
    )
    max_attempts: Int = Field(
        10,
        ge=1,
        description="A turn that so many crashes found running is given up; it meets the later ones alone.",
    )
    stale_after: Duration = Field(900, description="Older turns get the stale notice instead; 0 never.")
    drain_timeout: Duration = restart_field(30, description="How long a stop waits for running turns.")
    busy_notice: str = Field("我正忙，请稍候，马上回复您。", description="Sent once to who waits for a slot.")
    stale_notice: str = Field(
        "抱歉，刚才没能及时回复。如仍需要，请再发一次。", description="Apology for a stale turn."
    )
    failure_notice: str = Field("抱歉，我暂时无法回答，请稍后再试。", description="Sent when a turn failed.")
    empty_notice: str = Field(
        "抱歉，这次没有得到可以发送的回答，请换个说法再试。",
        description="Sent when the answer has no words, or the vendor's policy withheld it.",
    )
    stop_words: tuple[str, ...] = Field(
        ("/stop", "stop", "停止", "停"),
        description="A message that is one of these and nothing else ends the answer its sender waits for; "
        "absent: /stop, stop, 停止, 停.",
    )
    stop_notice: str = Field("好的，已停止。", description="Sent to who stopped an answer, or a form.")
    idle_notice: str = Field("现在没有正在进行的回答。", description="Sent to who had nothing to stop.")


class DeliverySettings(Section):
    """How replies are sent."""

    max_attempts: Int = restart_field(
        24,
        ge=1,
        description="After so many a delivery is a dead letter; 24 outlast ten minutes without the vendor. "
        "Throttled ones do not count.",
    )
    min_backoff: Duration = restart_field(0.5, description="Wait before the first retry; doubles each time.")
    max_backoff: Duration = restart_field(60, description="Longest wait between retries.")
    concurrency: Int = restart_field(64, ge=1, description="Sends a bot has on the wire at once.")
    timeout: Duration = restart_field(30, gt=0, description="Longest one attempt may take.")


class AccessSettings(Section):
    """Who may talk to the bots. Globs over user ids and session names; deny wins."""

    allow: tuple[str, ...] = Field((), description="Only these; empty allows everyone.")
    deny: tuple[str, ...] = Field((), description="Never these.")


class LimitsSettings(Section):
    """How often a user may write."""

    per_user: Rate | None = Field(None, description="e.g. 20/m or 100/10s; absent: no limit.")
    notice: str = Field(
        "您发得太快了，请稍后再试。", description="Sent to who is over the limit; empty: nothing."
    )


class PeopleSettings(Section):
    """The `people:` section: name, title and departments of who writes, from the platform's directory."""

    enabled: bool = Field(True, description="Whether to ask for them, where the platform has a directory.")
    timeout: Duration = Field(2.0, gt=0, description="Longest a message waits for them.")
    keep: Duration = Field(3600.0, gt=0, description="Asked again after this.")
    retry: Duration = Field(
        60.0, gt=0, description="Asked again after this when it failed; meanwhile nobody waits for it."
    )


class MediaSettings(Section):
    """The `media:` section: files that come with messages or go out with them."""

    max_size: Size = restart_field(50 << 20, gt=0, description="Largest file.")
    types: tuple[str, ...] = restart_field(
        ("*",), description="Patterns of allowed MIME types, e.g. image/*."
    )
    timeout: Duration = restart_field(60.0, gt=0, description="Longest download a message waits for.")
    retention: Duration = restart_field(
        30 * 86400.0, description="Kept so long after it last came; 0: for good."
    )
    store: Literal["folder", "s3"] = restart_field(
        "folder", description="folder: under the state directory; s3: a bucket (extra `s3`)."
    )
    bucket: str = restart_field("", validate_default=True, description="s3: the bucket's name.")
    prefix: str = restart_field("", description="s3: before every key, e.g. mindbot/media.")
    endpoint: Url = restart_field(
        "", description="s3: address of the service; empty: Amazon's for the region."
    )
    region: str = restart_field("us-east-1", min_length=1, description="s3: the bucket's region.")
    path_style: bool = restart_field(
        False, description="s3: the bucket's name in the path, not the host, as MinIO wants it."
    )
    access_key: Secret | None = restart_field(
        None, description="s3: absent: from the environment (AWS_…) or the machine's role."
    )
    secret_key: Secret | None = restart_field(
        None, validate_default=True, description="s3: of the access key."
    )
    cache_size: Size = restart_field(1 << 30, description="s3: local copies kept, those used last.")

    @field_validator("bucket", "secret_key")
    @classmethod
    def _required(cls, value: Any, info: ValidationInfo) -> Any:
        """Say that a key is missing like any other missing key: beside all the others."""
        needed = info.field_name == "bucket" or info.data.get("access_key")
        if info.data.get("store") == "s3" and needed and not value:
            raise PydanticCustomError("missing", "Field required")
        return value


class SessionSettings(Section):
    """What a bot remembers of a conversation."""

    history_turns: Int = Field(10, ge=0, le=200, description="Exchanges shown to the model.")
    history_chars: Int = Field(
        30_000, ge=200, description="Characters of them, at most: the oldest are left out first."
    )


class TakeOverSettings(Section):
    """The `take_over:` section: sessions in which an operator answers in the bot's place."""

    idle: Duration = Field(
        1800,
        ge=0,
        description="A session whose operator says nothing for so long is the bot's again; 0: never.",
    )
    patience: Duration = Field(
        120, ge=0, description="A user who waits for the operator for so long is told in health; 0: never."
    )


class ChatSettings(Section):
    """The bare chat runner, which answers when nothing more specific is configured."""

    provider: str = Field("", description="Empty: the first enabled provider.")
    model: str = Field("", description="Empty: the provider's first model.")
    system_prompt: str = Field("", description="Put before every conversation.")
    timeout: Duration = Field(
        300, gt=0, description="Longest an answer may take, all tries and fallbacks together."
    )


class ConsoleSettings(Section):
    """The built-in platform behind `mindbot send`."""

    enabled: bool = Field(True, description="Whether messages can be sent in from the command line.")


class ApiSettings(Section):
    """The local API's socket."""

    socket: FilePath = restart_field(
        "", description="Path; empty: the user's runtime directory, or /run/mindbot."
    )
    group: str = restart_field("", description="Unix group that may connect; empty: the daemon's own.")
    viewers: tuple[str, ...] = restart_field((), description="Unix groups with the role viewer.")
    operators: tuple[str, ...] = restart_field((), description="Unix groups with the role operator.")
    admins: tuple[str, ...] = restart_field((), description="Unix groups with the role admin.")


class HttpSettings(Section):
    """The `http:` section: how MindBot reaches platforms and models, by HTTP and by WebSocket."""

    proxy: str = restart_field(
        "environment",
        description="environment: what HTTPS_PROXY, HTTP_PROXY and NO_PROXY say; none; or http://host:port.",
    )
    proxy_user: str = restart_field("", description="The proxy's user, where it wants one.")
    proxy_password: Secret | None = restart_field(None, description="The proxy's password.")
    no_proxy: tuple[str, ...] = restart_field(
        (), description="Names, addresses and networks reached directly; loopback always is."
    )
    ca_file: FilePath = restart_field("", description="Certificates (PEM) to trust beside the system's.")

    @field_validator("no_proxy")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            if "/" in each:
                try:
                    ipaddress.ip_network(each, strict=False)
                except ValueError:
                    raise ValueError(f"holds {each!r}, which is no network; write e.g. 10.0.0.0/8") from None
        return value

    @field_validator("proxy")
    @classmethod
    def _usable(cls, value: str) -> str:
        if value not in PROXY_WORDS:
            from mindbot.domain.errors import ConfigError
            from mindbot.http.proxy import Proxy  # loaded only where there is one

            try:
                Proxy.read(value, "is no proxy that can be used")
            except ConfigError as error:
                raise ValueError(str(error)) from error
        return value


class LogSettings(Section):
    """What is logged, to stderr."""

    level: LogLevel = restart_field("info", description="debug, info, warning or error.")
    levels: dict[str, LogLevel] = restart_field(
        default_factory=dict, description="Levels of single loggers, e.g. mindbot.platforms: debug."
    )
    format: Literal["auto", "json", "console"] = restart_field(
        "auto", description="auto: console on a terminal."
    )
