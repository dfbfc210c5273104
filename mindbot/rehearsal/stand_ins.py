"""A configuration with every vendor replaced by its simulator, and every secret by a word.

What the operator wrote stays as it is but for addresses, credentials, and what is of this machine (files,
ports, proxies). Nothing is looked up: a reference to a secret is replaced like the secret itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr

from mindbot.config.bots import BotSettings
from mindbot.config.model import Config
from mindbot.config.models import ProviderSettings
from mindbot.config.parts import settings
from mindbot.config.workflows import COZE_KINDS, ReplicaSettings, WorkflowSettings
from mindbot.domain.errors import ConfigError
from mindbot.domain.message import Json
from mindbot.rehearsal.scenario import FaultSpecs, replica_names
from mindbot.sim.catalog import create
from mindbot.sim.server import Simulator

M = TypeVar("M", bound=BaseModel)

#: Taken for every secret; the two halves are what a key of ChatGLM's has to have.
FAKE = "rehearsal.not-a-real-secret"
_LATENCY = 0.02  # seconds a simulated model takes, so that orders and times mean something
#: Types of providers, and who stands in: a simulator, and the way the OpenAI one speaks.
_PROVIDERS: Mapping[str, tuple[str, str]] = {
    "openai": ("openai", "openai"),
    "vllm": ("openai", "vllm"),
    "azure": ("openai", "azure"),
    "deepseek": ("openai", "deepseek"),
    "moonshot": ("openai", "moonshot"),
    "openrouter": ("openai", "openrouter"),
    "siliconflow": ("openai", "siliconflow"),
    "chatglm": ("chatglm", ""),
    "anthropic": ("anthropic", ""),
    "google": ("gemini", ""),
    "ollama": ("ollama", ""),
    "coze": ("coze", ""),
    "dify": ("dify", ""),
}
#: What Dify calls kinds of apps, where it is another word.
_MODES: Mapping[str, str] = {"agent": "agent-chat", "chatflow": "advanced-chat"}
#: What a platform's settings take from its simulator, and what the simulator takes from them.
_GIVEN: Mapping[str, tuple[str, ...]] = {
    "dingtalk": ("client_secret", "api_base_url", "oapi_base_url"),
    "wecom": ("secret", "token", "EncodingAESKey", "api_base_url"),
    "wecomcs": ("secret", "token", "EncodingAESKey", "api_base_url"),
    "wecombot": ("secret", "token", "EncodingAESKey", "api_base_url", "ws_url"),
}
_FIELDS = {"EncodingAESKey": "encoding_aes_key"}


@dataclass(slots=True)
class StandIns:
    """The simulators that run. ``named`` are those a fault may be given to, ``bots`` those of bots by
    platform and name; ``left_out`` are lines on what nobody can stand in for."""

    config: Config
    bots: dict[tuple[str, str], Simulator] = field(default_factory=dict)
    named: dict[str, list[Simulator]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def fail(self, faults: Mapping[str, FaultSpecs]) -> None:
        """Let what is named fail from now on; raises ConfigError for a fault that its simulator cannot do."""
        for name, specs in faults.items():
            for simulator in self.named.get(name, ()):
                try:
                    simulator.faults.set(specs)
                except ConfigError as error:
                    raise ConfigError(f"faults.{name}: {error.message}", hint=error.hint) from error


@asynccontextmanager
async def standing_in(config: Config) -> AsyncIterator[StandIns]:
    """Run a simulator for each vendor of a configuration for the length of the block."""
    async with AsyncExitStack() as stack:
        yield await _Casting(stack, config).done()


class _Casting:
    """Starts simulators one after the other and puts them in their vendors' places."""

    def __init__(self, stack: AsyncExitStack, config: Config) -> None:
        self._stack = stack
        self._config = config
        self._made = StandIns(config)

    async def done(self) -> StandIns:
        config = without_secrets(self._config)
        changed: Json = {
            "providers": {name: await self._provider(name, p) for name, p in config.providers.items()},
            "workflows": {name: await self._workflow(name, w) for name, w in config.workflows.items()},
            "router": config.router.model_copy(update={"judge": ""}),  # a simulator has no opinion
            "store": type(config.store)(),
            "media": config.media.model_copy(update={"store": "folder"}),
            "http": type(config.http)(proxy="none"),
            "api": type(config.api)(),
            "state_dir": "",
        }
        for platform in config.platforms:
            made = [await self._bot(platform, bot) for bot in config.bots_of(platform)]
            changed[platform] = tuple(made)
        self._made.config = config.model_copy(update=changed)
        return self._made

    async def _start(self, simulator: str, names: tuple[str, ...], **more: Any) -> Simulator:
        running = await self._stack.enter_async_context(create(simulator, **more))
        for name in names:
            self._made.named.setdefault(name, []).append(running)
        return running

    async def _provider(self, name: str, entry: ProviderSettings) -> ProviderSettings:
        kind = entry.type or name
        if not entry.enabled or kind == "scripted":
            return entry
        if kind not in _PROVIDERS:
            self._made.left_out.append(
                f"provider {name}: nobody stands in for the type {kind}; its answers are repetitions here"
            )
            scripted: type[ProviderSettings] = settings("providers", "scripted")
            kept: Json = {k: getattr(entry, k) for k in ("enabled", "models", "weight", "timeout")}
            return scripted(type="scripted").model_copy(update=kept)
        simulator, face = _PROVIDERS[kind]
        more: Json = {"face": face} if face else {}
        bot: str = getattr(entry, "bot_id", "")
        if simulator == "coze" and bot:
            more["model"] = bot
        running = await self._start(simulator, (name,), latency=_LATENCY, **more)
        return entry.model_copy(update={"base_url": running.base_url, **_oauth(entry, running)})

    async def _workflow(self, name: str, entry: WorkflowSettings) -> WorkflowSettings:
        if not entry.enabled:
            return entry
        key = f"app-{name}"
        if entry.type in COZE_KINDS:
            simulator = "coze"
            more: Json = {"model": entry.bot_id} if entry.type == "coze" else {}
        else:
            simulator, more = "dify", {"apps": {name: _app(key, entry)}}
        running = await self._start(simulator, (name,), latency=_LATENCY, **more)
        replicas = [
            await self._replica(name, called, entry, each)
            for called, each in zip(replica_names(entry.replicas), entry.replicas, strict=True)
        ]
        changed: Json = {"replicas": tuple(replicas)}
        if simulator == "coze":
            changed |= {"base_url": running.base_url, **_oauth(entry, running)}
        else:
            changed |= {"dify_endpoint": _endpoint(running), "dify_api_key": SecretStr(key)}
        return entry.model_copy(update=changed)

    async def _replica(
        self, workflow: str, called: str, entry: WorkflowSettings, replica: ReplicaSettings
    ) -> ReplicaSettings:
        if not replica.enabled:
            return replica
        name = f"{workflow}/{called}"
        if entry.type in COZE_KINDS:
            running = await self._start("coze", (name,), latency=_LATENCY)
            key = _oauth(entry, running).get("api_key", replica.dify_api_key)
            return replica.model_copy(update={"dify_endpoint": running.base_url, "dify_api_key": key})
        apps = {name: _app(f"app-{name}", entry)}
        running = await self._start("dify", (name,), latency=_LATENCY, apps=apps)
        key = SecretStr(f"app-{name}")
        return replica.model_copy(update={"dify_endpoint": _endpoint(running), "dify_api_key": key})

    async def _bot(self, platform: str, bot: BotSettings) -> BotSettings:
        if not bot.enabled:
            return bot
        if platform not in _GIVEN:
            self._made.left_out.append(f"{platform}/{bot.name}: nobody stands in for {platform}; it is off")
            return bot.model_copy(update={"enabled": False})
        running = await self._start(platform, (platform, f"{platform}/{bot.name}"), **_taken(platform, bot))
        self._made.bots[platform, bot.name] = running
        details = running.details()
        changed: Json = {}
        for key in _GIVEN[platform]:
            at = _FIELDS.get(key, key)
            secret = isinstance(getattr(bot, at), SecretStr)
            changed[at] = SecretStr(details[key]) if secret else details[key]
        if bot.listens() is not None:
            changed |= {"host": "127.0.0.1", "port": 0}
        return bot.model_copy(
            update={key: value for key, value in changed.items() if getattr(bot, key) is not None}
        )


def _taken(platform: str, bot: Any) -> Json:
    """Return the names that a bot has at its platform, for the simulator to have them too."""
    match platform:
        case "dingtalk":
            return {"client_id": bot.client_id}
        case "wecom":
            return {"corpid": bot.corpid} | ({"agent_id": bot.agent_id} if bot.agent_id is not None else {})
        case "wecomcs":
            return {"corpid": bot.corpid} | ({"accounts": bot.open_kfids} if bot.open_kfids else {})
        case _:
            return {"bot_id": bot.bot_id} if bot.bot_id else {}


def _oauth(entry: Any, coze: Simulator) -> Json:
    """Return what an OAuth app of Coze's needs: its key signs, so it must be a key."""
    if not getattr(entry, "app_id", ""):
        return {}
    details = coze.details()
    key = SecretStr(details["private_key"])
    return {"api_key": key, "app_id": details["app_id"], "key_id": details["public_key_id"]}


def _endpoint(dify: Simulator) -> str:
    """Return an app's address as operators write it."""
    return f"{dify.base_url}/chat-messages"


def _app(key: str, entry: WorkflowSettings) -> Json:
    """Return what an app is like: of the configured kind; its answer names it and repeats the text."""
    app: Json = {"key": key, "mode": _MODES.get(entry.type, entry.type)}
    return app | ({"output_key": entry.output_key} if entry.output_key else {})


def without_secrets(section: M) -> M:
    """Return a section with each secret in it replaced, whatever it holds or refers to."""
    changed = {}
    for name in type(section).model_fields:
        value = getattr(section, name)
        fake = _without(value)
        if fake is not value:
            changed[name] = fake
    return section.model_copy(update=changed) if changed else section


def _without(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return SecretStr(FAKE)
    if isinstance(value, BaseModel):
        return without_secrets(value)
    if isinstance(value, tuple):
        items = tuple(map(_without, value))
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if isinstance(value, dict):
        entries = {key: _without(each) for key, each in value.items()}
        return entries if any(entries[key] is not value[key] for key in value) else value
    return value
