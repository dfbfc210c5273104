"""The runner `chat`: a bare model, its instructions, and what was said before."""

from __future__ import annotations

import time
from contextlib import aclosing
from typing import Protocol

from mindbot.config.model import Config
from mindbot.config.sections import ChatSettings
from mindbot.domain.conversation import shaped
from mindbot.domain.errors import MindBotError
from mindbot.domain.message import Json
from mindbot.domain.turn import ChatMessage, ChatRequest, Chunks, Turn
from mindbot.telemetry.redaction import told


class Models(Protocol):
    """Who is asked."""

    def chat(self, request: ChatRequest, *, provider: str = "", notes: Json | None = None) -> Chunks:
        """Yield the answer; ``notes`` learns who gave it. Raises MindBotError."""


class ChatRunner:
    """Asks the model. Its history is ``turn.vars["_history"]``, a list of ``{"role", "content"}``.

    The model call becomes a span with the request, who answered, usage, and the time to the first piece.
    The answer is streamed when ``turn.vars["stream"]`` says that somebody can watch it grow.
    """

    def __init__(self, models: Models, settings: ChatSettings) -> None:
        self._models = models
        self._settings = settings

    @classmethod
    def build(cls, config: Config, models: Models) -> ChatRunner:
        """Make the runner of a configuration's `chat:` section."""
        return cls(models, config.chat)

    async def run(self, turn: Turn) -> Chunks:
        """Yield the answer; raises MindBotError."""
        request = self._request(turn)
        span = turn.open_span("model", self._settings.provider or "default")
        span.data["request"] = {
            "model": request.model,
            "stream": request.stream,
            "messages": [{"role": m.role, "content": m.content} for m in shaped(request.messages)],
        }
        status = "error"  # also when the reader goes away before the end
        try:
            ask = self._models.chat(request, provider=self._settings.provider, notes=span.data)
            async with aclosing(ask) as chunks:
                async for chunk in chunks:
                    span.data.setdefault("first_ms", round((time.time() - span.start) * 1000, 3))
                    if chunk.finish:
                        span.data["finish"] = chunk.finish
                    if chunk.usage:
                        span.data["usage"] = chunk.usage
                    yield chunk
            status = "ok"
        except MindBotError as exc:
            span.data["error"] = {"kind": exc.kind, "message": told(exc)}
            raise
        finally:
            span.name = span.data.get("provider", span.name)
            turn.close_span(span, status)

    def _request(self, turn: Turn) -> ChatRequest:
        messages = []
        if self._settings.system_prompt:
            messages.append(ChatMessage("system", self._settings.system_prompt))
        messages += [ChatMessage(m["role"], m["content"]) for m in turn.vars.get("_history", ())]
        messages.append(ChatMessage("user", turn.message.text))
        return ChatRequest(
            messages,
            model=self._settings.model,
            stream=bool(turn.vars.get("stream")),
            conversation=turn.session,
        )
