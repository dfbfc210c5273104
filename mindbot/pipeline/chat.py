"""The runner `chat`: a bare model, its instructions, and what was said before."""

from __future__ import annotations

import time
from contextlib import aclosing

from mindbot.domain.chat import ChatRequest, Chunks
from mindbot.domain.conversation import shaped
from mindbot.domain.errors import MindBotError
from mindbot.domain.sent import clipped
from mindbot.domain.spending import Payer
from mindbot.domain.turn import Turn
from mindbot.pipeline.services import Services
from mindbot.telemetry.redaction import told


class ChatRunner:
    """Sends ``turn.prompt`` to the model; the provider gives it the shape that its vendor takes.

    The model call becomes a span with the request, who answered, usage, and the time to the first piece.
    The answer is streamed when ``turn.vars["stream"]`` says that somebody can watch it grow. ``turn.route``
    may name another provider and model than the settings do.
    """

    def __init__(self, services: Services) -> None:
        self._models = services.models
        self._settings = services.config.chat

    @property
    def system_prompt(self) -> str:
        """The instructions that `compose` puts before the conversation."""
        return self._settings.system_prompt

    async def run(self, turn: Turn) -> Chunks:
        """Yield the answer; raises MindBotError."""
        async with turn.span("model", self._asked(turn)[0] or "default") as span:
            prompt, (named, model) = list(turn.prompt), self._asked(turn)  # the turn may have been held here
            seen = shaped(prompt)
            request = ChatRequest(
                seen if seen == prompt else prompt,  # one in shape already is looked at once
                model=model,
                stream=bool(turn.vars.get("stream")),
                conversation=turn.session,
            )
            span.data["request"] = {
                "model": request.model,
                "stream": request.stream,
                "messages": clipped([m.to_json() for m in seen]),
            }
            try:
                payer = Payer.of(turn.message, turn.route.get("workflow", ""))
                ask = self._models.chat(request, provider=named, notes=span.data, payer=payer)
                async with aclosing(ask) as chunks:
                    async for chunk in chunks:
                        span.data.setdefault("first_ms", round((time.time() - span.start) * 1000, 3))
                        if chunk.finish:
                            span.data["finish"] = chunk.finish_word or chunk.finish
                        if chunk.usage:
                            span.data["usage"] = chunk.usage.to_json()
                        yield chunk
            except MindBotError as exc:
                span.data["error"] = {"kind": exc.kind, "message": told(exc)}
                raise
            finally:
                span.name = span.data.get("provider", span.name)

    def _asked(self, turn: Turn) -> tuple[str, str]:
        """Return the provider and the model to be asked, as the route says or else the settings."""
        named, model = turn.route.get("provider", ""), turn.route.get("model", "")
        return (named, model) if named or model else (self._settings.provider, self._settings.model)
