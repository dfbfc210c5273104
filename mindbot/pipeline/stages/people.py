"""Looks up who writes: name, title and departments, for routes, filters and operators."""

from __future__ import annotations

from mindbot.domain.message import Json
from mindbot.domain.turn import Turn
from mindbot.pipeline.directory import Ask, Directory
from mindbot.pipeline.onion import Next
from mindbot.pipeline.services import Services
from mindbot.telemetry.redaction import told


class LookUpSender:
    """Puts the sender's details into ``vars["user"]``. What cannot be had is told by the span alone."""

    def __init__(self, services: Services) -> None:
        settings = services.config.people
        self._directory_of = services.directory
        self._once = services.once
        self._enabled = settings.enabled
        self._people = Directory(timeout=settings.timeout, keep=settings.keep, retry=settings.retry)

    async def __call__(self, turn: Turn, call_next: Next) -> None:
        ask = self._directory_of(turn) if self._enabled and turn.message.written else None
        if ask is not None:

            async def look() -> Json:
                return {"user": await self._look(turn, ask)}

            if user := (await self._once(turn, "people", look))["user"]:
                turn.vars["user"] = user
        await call_next(turn)

    async def _look(self, turn: Turn, ask: Ask) -> Json:
        m = turn.message
        span = turn.open_span("people", m.sender)
        status = "error"
        try:
            found = await self._people.find((m.platform, m.bot, m.sender), ask)
            if found.cached:
                span.data["cached"] = True
            if found.error:
                span.data["error"] = told(found.error)
            else:
                span.data |= {"not_asked": found.unset} if found.unset else {"known": bool(found.user)}
                status = "ok"
            return found.user
        finally:
            turn.close_span(span, status)
