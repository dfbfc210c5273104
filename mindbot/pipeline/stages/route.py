"""Decides which runner answers, and says why."""

from __future__ import annotations

from mindbot.domain.errors import ConfigError
from mindbot.domain.turn import Turn
from mindbot.pipeline.onion import Next
from mindbot.pipeline.services import Services


class ChooseRoute:
    """Without routes: workflows, else the agent, else a bare chat on the first enabled provider."""

    after = "session"

    def __init__(self, services: Services) -> None:
        self._greeting = services.greeting
        wanted = []
        if services.config.workflows:
            wanted.append(("workflow", "workflows are configured"))
        if services.config.agent is not None:
            wanted.append(("agent", "an agent is configured"))
        wanted.append(("chat", "nothing more specific is configured"))
        self._runner, self._why = next(((n, w) for n, w in wanted if n in services.runners), ("", ""))
        if self._runner != wanted[0][0]:
            self._why += f"; {wanted[0][1]}, but this version has no {wanted[0][0]} runner"

    async def __call__(self, turn: Turn, call_next: Next) -> None:
        if turn.message.kind == "push":
            turn.reply.parts.extend(turn.message.parts)
            turn.route.update(runner="push", why="said of the bot's own accord")
            return
        if turn.message.kind == "event":
            turn.reply.parts.extend(self._greeting(turn))
            if turn.reply.parts:
                turn.route.update(runner="greeting", why="the platform's adapter answers this event")
                return
            turn.state, turn.reason = "dropped", "event: no route answers it"
            return
        if not self._runner:
            raise ConfigError("no runner can answer", hint="enable a provider in the configuration")
        turn.route.update(runner=self._runner, why=self._why)
        await call_next(turn)
