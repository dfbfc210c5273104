"""The whole configuration as one typed, frozen model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, field_validator

from mindbot.config.features import AgentSettings, AlertManagerSettings, ChromaSettings
from mindbot.config.models import ProviderSelection, ProviderSettings, WorkflowSettings
from mindbot.config.restart import restart_field
from mindbot.config.sections import (
    AccessSettings,
    ApiSettings,
    ChatSettings,
    ConsoleSettings,
    DeliverySettings,
    DispatcherSettings,
    HttpSettings,
    LimitsSettings,
    LogSettings,
    MediaSettings,
    PeopleSettings,
    Section,
    SessionSettings,
    StoreSettings,
)
from mindbot.config.types import ONE_OR_MANY
from mindbot.config.vendors import (
    BotSettings,
    DingTalkSettings,
    WeComBotSettings,
    WeComCsSettings,
    WeComSettings,
)


@dataclass(frozen=True, slots=True)
class BotConfig:
    """One bot: its platform, its name, and the section it was made from."""

    platform: str
    name: str
    settings: Any


class Config(Section):
    """Every section; all are optional."""

    dingtalk: Annotated[tuple[DingTalkSettings, ...], ONE_OR_MANY] = Field(
        (), description="DingTalk bots: one section, or a list."
    )
    wecom: Annotated[tuple[WeComSettings, ...], ONE_OR_MANY] = Field(
        (), description="WeCom applications: one section, or a list."
    )
    wecomcs: Annotated[tuple[WeComCsSettings, ...], ONE_OR_MANY] = Field(
        (), description="WeCom Customer Service: one section, or a list."
    )
    wecombot: Annotated[tuple[WeComBotSettings, ...], ONE_OR_MANY] = Field(
        (), description="WeCom AI bots: one section, or a list."
    )
    console: ConsoleSettings = ConsoleSettings()
    providers: dict[str, ProviderSettings] = Field(
        default_factory=dict, description="Models, by a name of your own."
    )
    provider_selection: ProviderSelection = ProviderSelection()
    workflows: dict[str, WorkflowSettings] = Field(
        default_factory=dict, description="Dify apps, by a name of your own."
    )
    agent: AgentSettings | None = None
    chromadb: ChromaSettings | None = None
    alert_manager: AlertManagerSettings | None = None
    chat: ChatSettings = ChatSettings()
    routes: tuple[dict[str, Any], ...] = Field((), description="Which message goes where.")
    access: AccessSettings = AccessSettings()
    limits: LimitsSettings = LimitsSettings()
    people: PeopleSettings = PeopleSettings()
    session: SessionSettings = SessionSettings()
    media: MediaSettings = MediaSettings()
    store: StoreSettings = StoreSettings()
    dispatcher: DispatcherSettings = DispatcherSettings()
    delivery: DeliverySettings = DeliverySettings()
    http: HttpSettings = HttpSettings()
    api: ApiSettings = ApiSettings()
    log: LogSettings = LogSettings()
    state_dir: str = restart_field("", description="Where data lives; empty: the platform's usual place.")

    @field_validator("providers", mode="before")
    @classmethod
    def _types(cls, value: Any) -> Any:
        """A provider's type is its name, unless it says otherwise."""
        if not isinstance(value, dict):
            return value
        return {
            name: {**entry, "type": entry.get("type") or name} if isinstance(entry, dict) else entry
            for name, entry in value.items()
        }

    def bots(self) -> list[BotConfig]:
        """Return every enabled bot, the console's first."""
        found = [BotConfig("console", "default", self.console)] if self.console.enabled else []
        sections: dict[str, tuple[BotSettings, ...]] = {
            "dingtalk": self.dingtalk,
            "wecom": self.wecom,
            "wecomcs": self.wecomcs,
            "wecombot": self.wecombot,
        }
        for platform, bots in sections.items():
            found += [BotConfig(platform, bot.name, bot) for bot in bots if bot.enabled]
        return found
