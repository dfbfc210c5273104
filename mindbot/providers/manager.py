"""Providers by name: built when first used, tried again when that helps, replaced by the next when not."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace

import anyio

from mindbot import registry
from mindbot.config.model import Config
from mindbot.config.parts import UnreadProvider
from mindbot.domain.chat import ChatMessage, ChatRequest, Chunks
from mindbot.domain.errors import (
    ConfigError,
    ContentFiltered,
    MindBotError,
    NotFound,
    RateLimited,
    SecretError,
    TimedOut,
    VendorError,
)
from mindbot.domain.host import Secrets
from mindbot.domain.message import Json
from mindbot.domain.ports.answering import Provider
from mindbot.domain.ports.http import Http
from mindbot.providers.shorter import OF_THE_HISTORY, Ask, Refusals
from mindbot.telemetry.redaction import told

_TRIES = 4
_TRIES_BEFORE_ANOTHER = 2  # when a fallback could answer instead
_TRIES_ANSWERED = 2  # when each may have to be paid for
_FIRST_BACKOFF = 0.5  # seconds; doubles with each try
_LONGEST_WAIT = 20.0  # a vendor that asks for more is given up for this answer
_PING_SECONDS = 20.0
_SILENT = 0.9  # of a provider's timeout: who takes that long gives no answer, rather than a failure
#: Failures of one provider that another may not have.
_GO_ON = (VendorError, SecretError, ConfigError, NotFound)
#: Failures that say nothing about the provider.
_OF_THE_PROMPT = (ContentFiltered, *OF_THE_HISTORY)


class ProviderManager:
    """Answers by the provider asked for or the first enabled one, and falls back in the configured order.

    A failure is final once a piece of the answer has been shown. ``sleep`` is replaced in tests. ``report``
    is told (provider, "degraded", reason) when one fails after all its tries, and "ok" when it answers again.
    """

    def __init__(
        self,
        config: Config,
        http: Http,
        secrets: Secrets,
        *,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        report: Callable[[str, str, str], None] = lambda provider, state, reason: None,
    ) -> None:
        self._settings = config.providers
        self._longest = config.chat.timeout
        self._fallbacks = config.provider_selection.fallback_order
        self._http = http
        self._secrets = secrets
        self._sleep = sleep
        self._built: dict[str, Provider] = {}
        self._report = report
        self._failing: set[str] = set()
        self._refusals = Refusals()

    def get(self, name: str) -> Provider:
        """Return a provider, built on first use.

        Raises:
            NotFound: none has that name, or it is disabled.
            ConfigError: nobody implements its kind, or its settings are unusable.
        """
        if name not in self._built:
            settings = self._settings.get(name)
            if settings is None or not settings.enabled:
                why = "is configured" if settings is None else "is enabled"
                raise NotFound(f"no provider named {name!r} {why}", hint=f"usable: {self._usable_names()}")
            kind = settings.type or name
            if kind not in registry.names("providers"):
                raise ConfigError(f"providers.{name}: not available yet: {kind}")
            self._built[name] = registry.load("providers", kind).build(
                name, settings, self._http, self._secrets
            )
        return self._built[name]

    def default(self) -> str:
        """Return the name of the first enabled provider that can be built; raises NotFound."""
        for name in self._settings:
            if self._usable(name):
                return name
        raise NotFound("no provider is enabled", hint="add one under providers:")

    async def ping(self, name: str) -> float:
        """Ask a provider for a few tokens, once and without fallback; return the seconds it took.

        Raises:
            MindBotError: like `get`, and whatever the call fails with.
        """
        start = anyio.current_time()
        request = ChatRequest([ChatMessage("user", "ping")], max_tokens=16, deadline=start + _PING_SECONDS)
        async with aclosing(self.get(name).chat(request)) as chunks:
            async for _ in chunks:
                pass
        return anyio.current_time() - start

    async def chat(self, request: ChatRequest, *, provider: str = "", notes: Json | None = None) -> Chunks:
        """Yield the answer. ``notes`` learns the ``provider`` and ``model`` that gave it, and what failed.

        A conversation that nobody takes as it is gets shorter: whoever refused its length or its roles is
        asked again with less of it, and ``notes["left_out"]`` tells what and why.

        Raises:
            MindBotError: the failure of the provider asked for, when no other could help.
        """
        notes = {} if notes is None else notes
        request = replace(request, deadline=request.deadline or anyio.current_time() + self._longest)
        failures: list[MindBotError] = []
        order = self._order(provider or self.default())
        asks: list[tuple[str, Ask | None]] = [(name, None) for name in order]
        shorter: list[tuple[str, Ask | None]] = []
        while asks:
            name, ask = asks.pop(0)
            tries = _TRIES if not asks else _TRIES_BEFORE_ANOTHER
            again = ask is not None
            whole = request if not failures else self._translated(request, name)
            for attempt in range(tries):
                shown = False
                begun = anyio.current_time()
                try:
                    chosen = self.get(name)
                    model = self._model(whole, name)
                    ask = ask or self._refusals.first(whole, name, model)
                    notes["provider"], notes["model"] = name, model
                    _tell(notes, ask)
                    async with aclosing(chosen.chat(ask.request)) as chunks:
                        async for chunk in chunks:
                            shown = shown or bool(chunk.text or chunk.tool_calls)
                            notes.update(chunk.notes)
                            yield chunk
                    if again:
                        self._refusals.learn(ask, name, model)
                    if name in self._failing:
                        self._failing.discard(name)
                        self._report(name, "ok", "")
                    return
                except TimedOut as exc:
                    raise (failures or [exc])[0] from None
                except _GO_ON as exc:
                    notes.setdefault("failures", []).append(
                        {"provider": name, "kind": exc.kind, "why": told(exc)}
                    )
                    if not isinstance(exc, _OF_THE_PROMPT):
                        self._failing.add(name)
                    if shown or isinstance(exc, ContentFiltered):
                        self._degraded(name, exc)
                        raise
                    failures.append(exc)
                wait = _wait(failures[-1], tries - 1 - attempt, attempt, request.deadline)
                if self._used_up(name, anyio.current_time() - begun):
                    wait = None
                if wait is None:
                    self._degraded(name, failures[-1])
                    break
                await self._sleep(wait)
            if ask and isinstance(failures[-1], OF_THE_HISTORY) and (less := ask.after(failures[-1])):
                shorter.append((name, less))
            if not asks:
                asks, shorter = shorter, []
        raise failures[0]

    def _degraded(self, name: str, failure: MindBotError) -> None:
        if name in self._failing and not isinstance(failure, _OF_THE_PROMPT):
            self._report(name, "degraded", str(failure))

    def _used_up(self, name: str, took: float) -> bool:
        """Tell whether a call failed by giving no answer: its user would wait as long once more."""
        settings = self._settings.get(name)
        return settings is not None and took >= _SILENT * settings.timeout

    def _usable(self, name: str) -> bool:
        settings = self._settings.get(name)
        if settings is None or not settings.enabled or isinstance(settings, UnreadProvider):
            return False
        return (settings.type or name) in registry.names("providers")

    def _usable_names(self) -> str:
        return ", ".join(filter(self._usable, self._settings)) or "none"

    def _order(self, first: str) -> list[str]:
        return [first, *(name for name in self._fallbacks if name != first and self._usable(name))]

    def _model(self, request: ChatRequest, name: str) -> str:
        models = self._settings[name].models
        return request.model or (models[0].name if models else "")

    def _translated(self, request: ChatRequest, name: str) -> ChatRequest:
        """Ask a fallback for its own default model unless it has the one asked for."""
        known = any(model.name == request.model for model in self._settings[name].models)
        return request if known else replace(request, model="")


def _tell(notes: Json, ask: Ask) -> None:
    """Note what was left out of this call; an earlier one's note goes."""
    notes.pop("left_out", None)
    if (left_out := ask.left_out()) is not None:
        notes["left_out"] = left_out


def _wait(failure: MindBotError, left: int, attempt: int, deadline: float) -> float | None:
    """Return the seconds before the next of ``left`` tries, with full jitter; None for no more."""
    if not failure.retryable or not left:
        return None
    if isinstance(failure, VendorError) and failure.answered and attempt + 1 >= _TRIES_ANSWERED:
        return None
    wait = random.uniform(0, _FIRST_BACKOFF * 2**attempt)
    if isinstance(failure, RateLimited):
        wait += failure.retry_after
    if wait > _LONGEST_WAIT or (deadline and anyio.current_time() + wait >= deadline):
        return None
    return wait
