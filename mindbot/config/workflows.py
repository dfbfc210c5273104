"""The sections of workflows: the apps themselves, and how one is chosen for a message.

Keys are those of the configuration samples operators already have, and more beside them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from mindbot.config import hours
from mindbot.config.patterns import check_patterns
from mindbot.config.sections import Section
from mindbot.config.types import Duration, Float, Int, Secret, Url
from mindbot.filters.errors import FilterError
from mindbot.filters.fields import ROUTE_FIELDS
from mindbot.filters.language import parse

WorkflowKind = Literal["chat", "agent", "chatflow", "workflow", "completion", "coze", "coze_workflow"]
#: The kinds that Coze serves; all others are Dify's.
COZE_KINDS = frozenset({"coze", "coze_workflow"})


def _one_or_many(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _shares(value: Any) -> Any:
    """A name or a list of names stands for all messages."""
    if isinstance(value, str):
        return {value: 100.0}
    return dict.fromkeys(value, 100.0) if isinstance(value, list | tuple) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_one_or_many)]
#: Percent (0 to 100) by the name of a workflow.
Shares = Annotated[dict[str, Float], BeforeValidator(_shares)]


def _patterns(value: tuple[str, ...]) -> tuple[str, ...]:
    if value:
        check_patterns(value)
    return value


class ReplicaSettings(Section):
    """One of several apps that do the same."""

    name: str = Field("", description="Empty: replica1, replica2, … by its place.")
    enabled: bool = Field(True, description="Whether it may be asked.")
    dify_endpoint: Url = Field("", description="Empty: the workflow's.")
    dify_api_key: Secret = Field(description="This app's key.")
    weight: Int = Field(1, ge=0, description="Its share (choice weighted).")


class AcceptSettings(Section):
    """What a workflow takes; what it does not take goes to the next of the chain."""

    kinds: Texts = Field((), description="Kinds of messages, e.g. text, image, file; empty: all.")
    max_chars: Int = Field(0, ge=0, description="Longest text; 0: no limit.")
    pattern: str = Field("", description="A regular expression that the text must hold.")
    notice: str = Field("", description="Said in place of asking another; empty: the next is asked.")

    @field_validator("pattern")
    @classmethod
    def _pattern(cls, value: str) -> str:
        _patterns((value,) if value else ())
        return value


class ResponseSettings(Section):
    """Which answers of a workflow count; one that does not makes the next of the chain answer."""

    min_chars: Int = Field(0, ge=0, description="Shortest answer; 0: any that has words.")
    refusals: Texts = Field((), description="Regular expressions; an answer that matches is a refusal.")
    builtin_refusals: bool = Field(
        False, description="Whether the usual refusals in Chinese and English count too."
    )
    language: Literal["", "same", "zh", "en"] = Field("", description="same: the language of the question.")

    @field_validator("refusals")
    @classmethod
    def _refusals(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _patterns(value)


class WorkflowSettings(Section):
    """One entry of `workflows:`: an app of Dify's or Coze's."""

    enabled: bool = Field(True, description="Whether it may be chosen.")
    type: WorkflowKind = Field("chat", description="The kind of app.")
    description: str = Field("", description="What it is for: told to operators and to the judge.")
    dify_endpoint: Url = Field(
        "https://api.dify.ai/v1/chat-messages", description="Address of the app's API."
    )
    dify_api_key: Secret | None = Field(None, validate_default=True, description="The app's key.")
    base_url: Url = Field("https://api.coze.cn", description="Coze only: address of its API.")
    api_key: Secret | None = Field(
        None, validate_default=True, description="Coze only: a token, or the private key of an OAuth app."
    )
    bot_id: str = Field("", validate_default=True, description="Coze only: the bot.")
    workflow_id: str = Field(
        "", validate_default=True, description="Coze's workflow; Dify: a published version."
    )
    app_id: str = Field("", description="Coze only: an OAuth app; `api_key` is then its private key (PEM).")
    key_id: str = Field("", description="Coze only: the fingerprint of the app's public key.")
    task_patterns: tuple[str, ...] = Field(
        (), description="Regular expressions; one that matches chooses it."
    )
    examples: Texts = Field((), description="What people say that belongs here.")
    not_examples: Texts = Field((), description="What sounds alike and does not belong here.")
    priority: Int = Field(100, description="Of several that match, the lowest number wins.")
    threshold: Float = Field(
        0.0, ge=0, le=1, description="Least confidence with which it is chosen; 0: the router's."
    )
    timeout: Duration = Field(60, gt=0, description="Longest one run may take.")
    max_retries: Int = Field(2, ge=0, description="Tries after a failure that may pass.")
    concurrency: Int = Field(100, ge=0, description="Runs at once; others wait. 0: no cap.")
    inputs: dict[str, Any] = Field(
        default_factory=dict,
        description="Inputs of the app; {user}, {user_name}, {platform} are put in.",
    )
    input_key: str = Field("", description="The input that is told the text; empty: query, Coze's input.")
    output_key: str = Field("", description="The output that is the answer; empty: answer.")
    accept: AcceptSettings = AcceptSettings()
    response: ResponseSettings = ResponseSettings()
    replicas: tuple[ReplicaSettings, ...] = Field((), description="Further apps that do the same.")
    choice: Literal["first", "round_robin", "weighted", "quickest"] = Field(
        "first", description="Which of the replicas is asked first, of those that are well."
    )
    fallback: Texts = Field((), description="Workflows that answer when this one cannot, before the default.")
    split: Shares = Field(
        default_factory=dict, description="Share of the users, in percent, whom another workflow answers."
    )
    shadow: Shares = Field(
        default_factory=dict,
        description="Workflows that get the message too; nobody sees their answer.",
    )

    @field_validator("dify_api_key")
    @classmethod
    def _dify(cls, value: Any, info: ValidationInfo) -> Any:
        wanted = info.data.get("enabled", False) and info.data.get("type") not in COZE_KINDS
        return _given(value, wanted)

    @field_validator("api_key")
    @classmethod
    def _coze(cls, value: Any, info: ValidationInfo) -> Any:
        return _given(value, info.data.get("enabled", False) and info.data.get("type") in COZE_KINDS)

    @field_validator("bot_id")
    @classmethod
    def _bot(cls, value: str, info: ValidationInfo) -> Any:
        return _given(value, info.data.get("enabled", False) and info.data.get("type") == "coze")

    @field_validator("workflow_id")
    @classmethod
    def _workflow(cls, value: str, info: ValidationInfo) -> Any:
        return _given(value, info.data.get("enabled", False) and info.data.get("type") == "coze_workflow")

    @field_validator("task_patterns")
    @classmethod
    def _task_patterns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _patterns(value)

    @field_validator("replicas")
    @classmethod
    def _names(cls, value: tuple[ReplicaSettings, ...]) -> tuple[ReplicaSettings, ...]:
        names = [each.name or f"replica{place}" for place, each in enumerate(value, 1)]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two are called {', '.join(twice)}: give each a name of its own")
        return value

    @field_validator("split", "shadow")
    @classmethod
    def _percent(cls, value: dict[str, float]) -> dict[str, float]:
        for name, percent in value.items():
            if not 0 <= percent <= 100:
                raise ValueError(f"{name}: should be percent, from 0 to 100")
        return value

    @field_validator("split")
    @classmethod
    def _whole(cls, value: dict[str, float]) -> dict[str, float]:
        if sum(value.values()) > 100:
            raise ValueError("sums up to more than 100 percent")
        return value


def _given(value: Any, wanted: bool) -> Any:
    """Say that a key is missing like any other missing key: beside all the others."""
    if wanted and not value:
        raise PydanticCustomError("missing", "Field required")
    return value


class DatasetSettings(Section):
    """One entry of `dify_datasets:`: a knowledge base of Dify's, for `mindbot workflow dataset`."""

    base_url: Url = Field("https://api.dify.ai/v1", description="Address of Dify's API.")
    api_key: Secret = Field(description="A key of the knowledge bases (`dataset-…`).")
    dataset_id: str = Field(min_length=1, description="Which one: the id in its address in Dify.")
    search: Literal["", "semantic_search", "full_text_search", "hybrid_search", "keyword_search"] = Field(
        "", description="How it is searched; empty: as it is set up in Dify."
    )
    top_k: Int = Field(0, ge=0, le=100, description="Pieces that a question finds; 0: as set up in Dify.")
    score: Float = Field(
        0.0, ge=0, le=1, description="Least score of a piece, where `search` or `top_k` is set; 0: any."
    )


class RouterSettings(Section):
    """The `router:` section: how a workflow is chosen for a message that no rule sends anywhere."""

    threshold: Float = Field(
        0.0,
        ge=0,
        le=1,
        description="Least confidence with which one is chosen; 0: fitted, by language and by how texts are "
        "compared.",
    )
    default: str = Field(
        "",
        description="The workflow for what belongs to none, and when others fail; empty: general_chat or "
        "general where there is one, else the agent or a bare model.",
    )
    embedder: str = Field(
        "auto",
        description="What finds alike texts: auto, hashed (built in), local (extra local-embed), none, "
        "or a provider.",
    )
    embedding_model: str = Field("", description="A provider's model for that; empty: its own.")
    judge: str = Field("", description="A provider that is asked when it is not clear; empty: nobody.")
    judge_model: str = Field("", description="Its model; empty: the first.")
    judge_timeout: Duration = Field(10, gt=0, description="Longest its verdict may take.")
    sticky: Duration = Field(
        600, ge=0, description="A short follow-up within this stays with the workflow before; 0: never."
    )
    builtin_examples: bool = Field(
        True, description="Whether workflows of well-known names get examples that come with MindBot."
    )
    learned: bool = Field(True, description="Whether accepted corrections count.")
    splitting: bool = Field(True, description="Whether `split` and `shadow` of workflows are done.")
    patience: Duration = Field(
        300,
        gt=0,
        description="Longest a message waits for all that are asked, one after the other; the first always "
        "has its whole `timeout`.",
    )


class RouteSettings(Section):
    """One entry of `routes:`. What is given must all hold; the first rule that matches decides."""

    name: str = Field("", description="What explanations call it; empty: route1, route2, … by its place.")
    enabled: bool = Field(True, description="Whether it counts.")
    platform: Texts = Field((), description="Any of these platforms.")
    bot: Texts = Field((), description="Any of these bots.")
    user: Texts = Field((), description="Any of these user ids.")
    group: Texts = Field((), description="Any of these groups' ids; * is any group, - is none.")
    department: Texts = Field((), description="Any of these departments of the sender.")
    kind: Texts = Field((), description="Any of these kinds of message: text, image, file, …")
    text: str = Field("", description="A regular expression that the text holds, in any case.")
    when: str = Field("", description="An expression of the filter language.")
    time: str = Field("", description="A time window, e.g. 09:00-18:00; one over midnight is fine.")
    days: Texts = Field((), description="Days of the week: mon, tue, … or mon-fri; empty: all.")
    timezone: str = Field("", description="Of `time` and `days`, e.g. Asia/Shanghai; empty: the machine's.")
    percent: Float = Field(100, ge=0, le=100, description="Share of the users it is for; they stay the same.")
    workflow: str = Field("", description="The workflow that answers.")
    workflows: Texts = Field((), description="Several workflows that answer together.")
    among: Texts = Field((), description="Only these may be chosen by what the message says.")
    runner: str = Field("", description="The runner that answers: chat, agent, workflow.")
    reply: str = Field("", description="Said as it is; nobody is asked.")
    combine: Literal["join", "first", "model"] = Field(
        "join",
        description="How several answers become one: one after the other, the first that counts, or "
        "summed up by a model.",
    )
    on_error: str = Field("", description="The workflow that answers when all others fail.")
    then: Texts = Field((), description="Workflows that work on the answer, one after the other.")
    set: dict[str, str] = Field(default_factory=dict, description="Variables of the turn.")
    continue_: bool = Field(
        False, alias="continue", description="Go on with the rules below; what they decide wins."
    )

    @field_validator("text")
    @classmethod
    def _text(cls, value: str) -> str:
        _patterns((value,) if value else ())
        return value

    @field_validator("when")
    @classmethod
    def _when(cls, value: str) -> str:
        try:
            parse(value, ROUTE_FIELDS)
        except FilterError as error:
            raise ValueError(f"{error.message}. {error.hint}".strip(". ")) from None
        return value

    @field_validator("time")
    @classmethod
    def _time(cls, value: str) -> str:
        if value:
            hours.minutes(value)
        return value

    @field_validator("days")
    @classmethod
    def _days(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        hours.weekdays(value)
        return value

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, value: str) -> str:
        hours.zone(value)
        return value
