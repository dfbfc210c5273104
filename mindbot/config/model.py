"""The whole configuration as one typed, frozen model: MindBot's own sections.

Those of parts (bots, the entries of `providers:`, sections of other packages) are put in by
`mindbot.config.parts`, for the configuration at hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from pydantic import ConfigDict, Field, ValidationError, field_validator

from mindbot.config.bots import BotSettings
from mindbot.config.debugging import DebugSettings
from mindbot.config.features import AgentSettings, AlertManagerSettings, ChromaSettings
from mindbot.config.models import ProviderSelection, ProviderSettings
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
    TakeOverSettings,
)
from mindbot.config.spending import BudgetsSettings, Price
from mindbot.config.types import FilePath
from mindbot.config.unread import unread_field
from mindbot.config.workflows import DatasetSettings, RouterSettings, RouteSettings, WorkflowSettings
from mindbot.domain.errors import ConfigError

S = TypeVar("S", bound=Section)
_BY_PROVIDER = "Messages go to the first enabled provider"


@dataclass(frozen=True, slots=True)
class BotConfig:
    """One bot: its platform, its name, and the section it was made from."""

    platform: str
    name: str
    settings: Any


class Config(Section):
    """Every section; all are optional."""

    model_config = ConfigDict(defer_build=True)  # what is built is made of it, with the sections of parts

    #: The platforms whose bots have a list here, in order.
    platforms: ClassVar[tuple[str, ...]] = ()

    console: ConsoleSettings = ConsoleSettings()
    providers: dict[str, ProviderSettings] = Field(
        default_factory=dict, description="Models, by a name of your own."
    )
    provider_selection: ProviderSelection = ProviderSelection()
    prices: dict[str, Price] = Field(
        default_factory=dict,
        description="What models cost, by model or provider/model, before MindBot's table.",
    )
    budgets: BudgetsSettings = BudgetsSettings()
    workflows: dict[str, WorkflowSettings] = unread_field(
        default_factory=dict,
        description="Apps of Dify's and Coze's, by a name of your own.",
        instead=_BY_PROVIDER,
        runner="workflow",
    )
    dify_datasets: dict[str, DatasetSettings] = Field(
        default_factory=dict, description="Knowledge bases of Dify's, by a name of your own."
    )
    router: RouterSettings = unread_field(RouterSettings(), instead=_BY_PROVIDER, stage="classify")
    agent: AgentSettings | None = unread_field(
        None, instead=f"{_BY_PROVIDER}; agent.providers are used", runner="agent"
    )
    chromadb: ChromaSettings | None = unread_field(None, instead="Nothing is looked up for an answer")
    alert_manager: AlertManagerSettings | None = unread_field(
        None, instead="Nobody is alerted; watch `mindbot daemon status` and the metrics"
    )
    chat: ChatSettings = ChatSettings()
    routes: tuple[RouteSettings, ...] = unread_field(
        (), description="Which message goes where, in order.", instead=_BY_PROVIDER, stage="classify"
    )
    access: AccessSettings = AccessSettings()
    limits: LimitsSettings = LimitsSettings()
    people: PeopleSettings = PeopleSettings()
    session: SessionSettings = SessionSettings()
    take_over: TakeOverSettings = TakeOverSettings()
    media: MediaSettings = MediaSettings()
    store: StoreSettings = StoreSettings()
    dispatcher: DispatcherSettings = DispatcherSettings()
    delivery: DeliverySettings = DeliverySettings()
    http: HttpSettings = HttpSettings()
    api: ApiSettings = ApiSettings()
    log: LogSettings = LogSettings()
    debug: DebugSettings = DebugSettings()
    state_dir: FilePath = restart_field(
        "", description="Where data lives; empty: the platform's usual place."
    )

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

    def bots_of(self, platform: str) -> tuple[BotSettings, ...]:
        """Return the settings of a platform's bots as they are written, those that are off too."""
        found: tuple[BotSettings, ...] = getattr(self, platform)
        return found

    def bots(self) -> list[BotConfig]:
        """Return every enabled bot, the console's first."""
        found = [BotConfig("console", "default", self.console)] if self.console.enabled else []
        for platform in self.platforms:
            found += [BotConfig(platform, b.name, b) for b in self.bots_of(platform) if b.enabled]
        return found

    def part(self, name: str, kind: type[S]) -> S:
        """Return the section of a runner or stage, or the defaults of its settings.

        Raises:
            ConfigError: it has no section, and needs one; or the name is taken.
        """
        found = getattr(self, name, None)
        if isinstance(found, kind):
            return found
        if name in Config.model_fields or found is not None:
            raise ConfigError(f"the section {name} is not for {kind.__name__}: the name is taken")
        try:
            return kind()
        except ValidationError as error:
            missing = ", ".join(str(each["loc"][-1]) for each in error.errors(include_url=False))
            raise ConfigError(f"the section {name} is missing", hint=f"it needs: {missing}") from error
