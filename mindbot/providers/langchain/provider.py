"""Any of LangChain's chat models as a provider: for vendors with a LangChain package and no client here."""

from __future__ import annotations

import importlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import anyio

from mindbot.config.models import ModelSettings
from mindbot.domain.chat import Capabilities, ChatRequest, Chunks
from mindbot.domain.distribution import NAME
from mindbot.domain.errors import (
    AuthFailed,
    ConfigError,
    MindBotError,
    NetworkFailed,
    TimedOut,
)
from mindbot.domain.host import Secrets
from mindbot.domain.message import Json
from mindbot.domain.ports.http import Http
from mindbot.providers.langchain.answer import LangChainAnswer
from mindbot.providers.langchain.failures import failure
from mindbot.providers.langchain.settings import LangChainProviderSettings
from mindbot.providers.refusing.quoting import quoted
from mindbot.providers.shared.attachments import ready
from mindbot.providers.shared.known_models import known
from mindbot.providers.shared.secrets import bare_key

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage

_TOTAL = 3  # times the timeout, for a stream


class LangChainProvider:
    """See the module. ``make`` returns the chat model of a name, with the key; it may import for seconds."""

    Settings: ClassVar[type[LangChainProviderSettings]] = LangChainProviderSettings

    def __init__(
        self,
        name: str,
        make: Callable[[str, str], BaseChatModel],
        settings: LangChainProviderSettings,
        secrets: Secrets,
    ) -> None:
        self.name = name
        self._make = make
        self._settings = settings
        self._secrets = secrets
        self._made: dict[str, BaseChatModel] = {}
        self._models = {model.name: model for model in settings.models}
        self._default = settings.models[0] if settings.models else ModelSettings(name="default")

    @classmethod
    def build(
        cls, name: str, settings: LangChainProviderSettings, http: Http, secrets: Secrets
    ) -> LangChainProvider:
        """Make the provider of a `providers:` entry; the class is imported at the first call."""

        def make(model: str, key: str) -> BaseChatModel:
            options = dict(settings.options)
            if settings.models:
                options.setdefault("model", model)
            if key:
                options[settings.key_option] = key
            if settings.base_url:
                options[settings.url_option] = settings.base_url
            made: BaseChatModel = _class_of(name, settings.chat_model)(**options)
            return made

        return cls(name, make, settings, secrets)

    def capabilities(self, model: str = "") -> Capabilities:
        """Return what a model can do: by its name, unless its entry says otherwise."""
        settings = self._models.get(model, self._default)
        names = ("tools", "images", "files", "audio", "max_context")
        told = {name: value for name in names if (value := getattr(settings, name)) is not None}
        return replace(known(model or settings.name), streaming=self._settings.stream, **told)

    async def chat(self, request: ChatRequest) -> Chunks:
        """Yield the answer. Raises VendorError, ConfigError, SecretError, TimedOut."""
        from mindbot.providers.langchain.lines import to_langchain

        left = request.deadline - anyio.current_time() if request.deadline else float("inf")
        if left <= 0:
            raise TimedOut(f"{self.name}: the time for this answer is up")
        settings = self._models.get(request.model, self._default)
        name = request.model or settings.name
        messages, unseen = await ready(request.messages, self.capabilities(name))
        key = await self._key()
        model = await self._model(name, key)
        bound: Any = model
        if request.tools:
            tools = [{"type": "function", "function": tool.to_json()} for tool in request.tools]
            choice = {"required": "any"}.get(request.tool_choice, request.tool_choice or None)
            bound = model.bind_tools(tools, **({"tool_choice": choice} if choice else {}))
        asked = to_langchain(messages, self._vendor)
        options = _options(request, settings)
        streamed = request.stream and self._settings.stream
        answer = LangChainAnswer(
            self.name, vendor_kind=self._vendor, hide=key, limit=self._settings.answer_bytes
        )
        whole = self._settings.stream_timeout or _TOTAL * self._settings.timeout
        ends = anyio.current_time() + min(whole if streamed else self._settings.timeout, left)
        pieces = _pieces(bound, asked, options, streamed=streamed)
        async with aclosing(pieces):
            while (piece := await self._next(pieces, ends, key)) is not None:
                if chunk := answer.take(piece, streamed=streamed):
                    yield chunk
                if answer.full:
                    break
        answer.close()
        if chunk := answer.rest():
            yield chunk
        last = answer.end()
        if unseen:
            last.notes["unseen"] = unseen
        yield last

    async def _next(self, pieces: AsyncGenerator[AIMessage, None], ends: float, key: str) -> AIMessage | None:
        """Return the next piece; None at the end. Raises what it failed with, in our words."""
        patience = min(self._settings.timeout, ends - anyio.current_time())
        try:
            with anyio.fail_after(max(0.0, patience)):
                return await anext(pieces)
        except StopAsyncIteration:
            return None
        except TimeoutError:
            raise NetworkFailed(f"{self.name}: no answer within {patience:.3g}s", code="timeout") from None
        except MindBotError:
            raise
        except Exception as error:
            found = failure(self.name, error, hide=key)
            if isinstance(found, AuthFailed):
                self._made.clear()  # the key may have been replaced
            raise found from error

    @property
    def _vendor(self) -> str:
        return f"langchain:{self._settings.chat_model}"

    async def _key(self) -> str:
        key = self._settings.api_key
        return "" if key is None else bare_key(await self._secrets.aget(key))

    async def _model(self, name: str, key: str) -> BaseChatModel:
        if name not in self._made:
            try:
                self._made[name] = await anyio.to_thread.run_sync(self._make, name, key)
            except MindBotError:
                raise
            except Exception as error:
                what = f"providers.{self.name}: {self._settings.chat_model} cannot be made"
                raise ConfigError(f"{what}: {quoted(str(error), key)}", hint="see its options") from error
        return self._made[name]


async def _pieces(
    model: Any, messages: list[Any], options: Json, *, streamed: bool
) -> AsyncGenerator[AIMessage, None]:
    if not streamed:
        yield await model.ainvoke(messages, **options)
        return
    async with aclosing(model.astream(messages, **options)) as pieces:
        async for piece in pieces:
            yield piece


def _options(request: ChatRequest, model: ModelSettings) -> Json:
    temperature = model.temperature if request.temperature is None else request.temperature
    limit = model.max_tokens if request.max_tokens is None else request.max_tokens
    told = {"temperature": temperature, "max_tokens": limit}
    return {key: value for key, value in told.items() if value is not None}


def _class_of(name: str, path: str) -> Any:
    module, _, attribute = path.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        missing = (error.name or module).partition(".")[0].replace("_", "-")
        what = f"providers.{name}: {path} cannot be loaded: {error}"
        raise ConfigError(what, hint=f"install {missing} beside {NAME}") from error
    except AttributeError:
        raise ConfigError(f"providers.{name}: {module} has no {attribute}") from None
