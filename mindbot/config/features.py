"""The sections of what works on top of models: agent, knowledge, alerting."""

from __future__ import annotations

from typing import Literal

from pydantic import AliasChoices, Field, field_validator

from mindbot.config.models import ProviderSettings
from mindbot.config.sections import Section
from mindbot.config.types import Duration, Float, Int, Secret
from mindbot.config.workflows import WorkflowSettings


class LangChainSettings(Section):
    """The agent's model and tools."""

    enabled: bool = Field(True, description="Whether the agent may answer.")
    primary_provider: str = Field(
        "",
        validation_alias=AliasChoices("primary_provider", "provider"),
        description="Empty: the first enabled provider.",
    )
    fallback_providers: tuple[str, ...] = Field((), description="Who answers when the first cannot.")
    model: str = Field("", description="Empty: the provider's first model.")
    temperature: Float | None = Field(None, ge=0, description="Absent: the model's own.")
    max_iterations: Int = Field(10, ge=1, description="Model calls in one turn.")
    tools: tuple[str, ...] = Field((), description="Tools the model may call; time means get_time.")
    system_prompt: str = Field("", description="Put before every conversation.")

    @field_validator("tools")
    @classmethod
    def _tool_aliases(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple("get_time" if tool == "time" else tool for tool in value)


class IntegrationSettings(Section):
    """How agent and workflows work together."""

    context_sharing: bool = Field(True, description="Both see the same conversation.")
    performance_tracking: bool = Field(True, description="Measure each.")
    analytics_enabled: bool = Field(True, description="Count what is used.")
    fallback_enabled: bool = Field(True, description="One answers when the other cannot.")
    debug_mode: bool = Field(False, description="Tell more in the trace.")


class AgentWorkflows(Section):
    """`agent.workflows`. Its `workflows` are laid over the top-level section while loading."""

    enabled: bool = Field(True, description="Whether the agent may start workflows.")
    routing_strategy: Literal["tool-first", "workflow-first", "hybrid"] = Field(
        "hybrid", description="tool-first, workflow-first or hybrid."
    )
    fallback_enabled: bool = Field(True, description="The agent answers when a workflow cannot.")
    workflows: dict[str, WorkflowSettings] = Field(
        default_factory=dict, description="Laid over the top-level `workflows`."
    )


class AgentSettings(Section):
    """The `agent:` section. Its `providers` are laid over the top-level section while loading."""

    langchain: LangChainSettings | None = None
    providers: dict[str, ProviderSettings] = Field(
        default_factory=dict, description="Laid over the top-level `providers`."
    )
    workflows: AgentWorkflows | None = None
    integration: IntegrationSettings | None = None


class ChromaSettings(Section):
    """The `chromadb:` section: where knowledge is kept."""

    base_path: str = Field("./data/chroma", description="Relative to the state directory.")
    collection_name: str = Field("mindbot_knowledge", description="Chroma's collection.")
    embedding_model: str = Field("text-embedding-ada-002", description="What makes vectors of texts.")
    chunk_size: Int = Field(1000, ge=1, description="Characters.")
    chunk_overlap: Int = Field(200, ge=0, description="Characters.")


class SmsProvider(Section):
    """Credentials of one SMS vendor."""

    account_sid: Secret | None = Field(None, description="Twilio.")
    auth_token: Secret | None = Field(None, description="Twilio.")
    from_number: str = Field("", description="Twilio: the sender.")
    region: str = Field("", description="AWS and Alibaba Cloud.")
    access_key: Secret | None = Field(None, description="AWS and Alibaba Cloud.")
    secret_key: Secret | None = Field(None, description="AWS and Alibaba Cloud.")
    sign_name: str = Field("", description="Alibaba Cloud: the approved signature.")
    template_code: str = Field("", description="Alibaba Cloud: the approved template.")


class SmsSettings(Section):
    """How alerts go out by SMS."""

    primary_provider: str = Field("", description="An entry of `providers`.")
    backup_providers: tuple[str, ...] = Field((), description="Tried in order when the first fails.")
    providers: dict[str, SmsProvider] = Field(default_factory=dict, description="By name.")


class Recipient(Section):
    """A person who is alerted."""

    name: str = Field(description="Whom the alert is for.")
    phone: str = Field("", description="With country code, e.g. +8613800000000.")
    email: str = Field("", description="Mail address.")
    escalation_level: Int = Field(1, ge=1, description="1 is alerted first.")


class AlertRule(Section):
    """When to alert."""

    condition: str = Field(description="An expression of the filter language.")
    severity: Literal["low", "medium", "high", "critical"] = Field(
        "medium", description="low, medium, high or critical."
    )
    immediate_sms: bool = Field(False, description="Send an SMS at once.")
    escalation_timeout: Duration = Field(900, description="Without an answer the next level is alerted.")


class AlertManagerSettings(Section):
    """The `alert_manager:` section."""

    enabled: bool = Field(True, description="Whether alerts are raised.")
    health_check_interval: Duration = Field(30, description="Between two looks at everything.")
    alert_cooldown: Duration = Field(300, description="Between two alerts of the same rule.")
    sms: SmsSettings | None = None
    recipients: dict[str, tuple[Recipient, ...]] = Field(
        default_factory=dict, description="Lists of people, by name."
    )
    rules: dict[str, AlertRule] = Field(default_factory=dict, description="By name.")
