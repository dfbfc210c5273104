"""Looks up who writes: name, title and departments, for routes, filters and operators."""

from __future__ import annotations

from typing import TypedDict

from mindbot.domain.shapes.turns import PersonJson
from mindbot.domain.turn import Turn
from mindbot.pipeline.directory import Ask, Directory, Person
from mindbot.pipeline.onion import Next
from mindbot.pipeline.services import Services
from mindbot.telemetry.redaction import told


class _Known(TypedDict):
    user: PersonJson


class LookUpSender:
    """Puts the sender's details into ``vars["user"]``. What cannot be had is told by the span alone."""

    after = "limits"

    def __init__(self, services: Services) -> None:
        settings = services.config.people
        self._directory_of = services.directory
        self._once = services.once
        self._enabled = settings.enabled
        self._people = Directory(timeout=settings.timeout, keep=settings.keep, retry=settings.retry)

    async def __call__(self, turn: Turn, call_next: Next) -> None:
        ask = self._directory_of(turn) if self._enabled and turn.message.written else None
        if ask is not None and (user := await self._user(turn, ask)):
            turn.vars["user"] = user
        await call_next(turn)

    async def _user(self, turn: Turn, ask: Ask) -> PersonJson:
        m = turn.message
        person = (m.platform, m.bot, m.sender)
        if "people" not in turn.memo and self._people.known(person) is not None:
            return await self._look(turn, person, ask)  # nothing is asked that a crash could ask again

        async def look() -> _Known:
            return {"user": await self._look(turn, person, ask)}

        return (await self._once(turn, "people", look))["user"]

    async def _look(self, turn: Turn, person: Person, ask: Ask) -> PersonJson:
        async with turn.span("people", turn.message.sender) as span:
            found = await self._people.find(person, ask)
            if found.cached:
                span.data["cached"] = True
            if found.error:
                span.status, span.data["error"] = "error", told(found.error)
            else:
                span.data |= {"not_asked": found.unset} if found.unset else {"known": bool(found.user)}
        return found.user
