"""A model on this machine, in a process of its own: it may take all its memory, crash or hang, and no more.

For llama-cpp-python and transformers; a server of one's own (vLLM, llama.cpp, Ollama) is the better way where
more than one question at a time is asked.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import Any, ClassVar

import anyio

from mindbot.config.models import ModelSettings
from mindbot.domain.chat import Capabilities, ChatRequest, Chunks
from mindbot.domain.errors import NetworkFailed, TimedOut
from mindbot.providers.local.process import WorkerProcess
from mindbot.providers.local.settings import LocalSettings
from mindbot.providers.shared.attachments import ready
from mindbot.providers.shared.known_models import known
from mindbot.providers.shared.limits import CallLimits
from mindbot.providers.shared.thinking import unopened
from mindbot.providers.wires.openai_request import Accent, request_body
from mindbot.providers.wires.openai_wire import OpenAIAnswer


class LocalProvider:
    """See the module. Questions wait for each other: a model answers one at a time."""

    Settings: ClassVar[type[LocalSettings]] = LocalSettings

    def __init__(self, name: str, settings: LocalSettings) -> None:
        self.name = name
        self._settings = settings
        self._default = settings.models[0] if settings.models else ModelSettings(name=settings.model_path)
        self._limits = CallLimits(name, concurrency=1)
        self._worker = WorkerProcess(
            name,
            {
                "backend": settings.backend,
                "path": settings.model_path,
                "options": settings.options,
            },
            load_timeout=settings.load_timeout,
            idle=settings.keep_alive,
        )

    @classmethod
    def build(cls, name: str, settings: LocalSettings, http: Any, secrets: Any) -> LocalProvider:
        """Make the provider of a `providers:` entry; its process starts at the first call."""
        return cls(name, settings)

    async def aclose(self) -> None:
        """End its process."""
        await self._worker.aclose()

    def capabilities(self, model: str = "") -> Capabilities:
        """Return what it can do: words, and tools where its entry says so."""
        can = replace(known(self._default.name), images=False, files=False, audio=False)
        context = self._default.max_context or can.max_context
        return replace(can, tools=bool(self._default.tools), max_context=context)

    async def chat(self, request: ChatRequest) -> Chunks:
        """Yield the answer. Raises VendorError, ConfigError, TimedOut."""
        left = request.deadline - anyio.current_time() if request.deadline else float("inf")
        if left <= 0:
            raise TimedOut(f"{self.name}: the time for this answer is up")
        messages, unseen = await ready(request.messages, self.capabilities())
        model = self._default
        asked = replace(
            request,
            messages=messages,
            model=model.name,
            temperature=model.temperature if request.temperature is None else request.temperature,
            max_tokens=model.max_tokens if request.max_tokens is None else request.max_tokens,
            stream=True,
        )
        body = request_body(asked, Accent(usage_in_streams=False))
        asked.tell("", body)
        hold = -1 if unopened(model.name) else 0
        answer = OpenAIAnswer(self.name, limit=self._settings.answer_bytes, hold=hold)
        total = self._settings.stream_timeout or 3 * self._settings.timeout
        await self._limits.enter(min(self._settings.timeout, left))
        try:
            ends = anyio.current_time() + min(total, left)
            async with aclosing(self._worker.ask(body, min(self._settings.timeout, left))) as docs:
                async for doc in docs:
                    if chunk := answer.take(doc, streamed=True):
                        yield chunk
                    if answer.full:
                        break
                    if anyio.current_time() > ends:
                        if not answer.spoke:
                            raise NetworkFailed(f"{self.name}: it answers too slowly", code="timeout")
                        answer.cut("the time for one answer")
                        break
        finally:
            self._limits.leave()
        if not answer.complete:
            answer.stopped()
        if chunk := answer.rest():
            yield chunk
        last = answer.end()
        if unseen:
            last.notes["unseen"] = unseen
        yield last
