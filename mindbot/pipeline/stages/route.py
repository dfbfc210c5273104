"""Decides which runner answers, and says why."""

from __future__ import annotations

from mindbot.domain.errors import ConfigError
from mindbot.domain.ports.answering import Takes
from mindbot.domain.turn import Turn
from mindbot.pipeline.onion import Next
from mindbot.pipeline.services import Services


class ChooseRoute:
    """Asks for each message which runner answers it.

    The one that a stage outside of it has written into ``turn.route["runner"]``; else the first, by name,
    that takes it (`Takes`); else by the configuration: workflows, the agent, a bare chat on the first enabled
    provider. ``turn.route["by"]`` says which it was: what is left to the configuration, `classify` decides by
    rules and by what the message says, where there are any.
    """

    after = "session"

    def __init__(self, services: Services) -> None:
        self._greeting = services.greeting
        self._runners = services.runners
        self._takers = [(n, r) for n, r in sorted(services.runners.items()) if isinstance(r, Takes)]
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
            by = turn.message.by
            why = f"{by} said it in the bot's place" if by else "said of the bot's own accord"
            turn.route.update({"runner": "operator" if by else "push", "why": why})
            return
        if turn.message.kind == "event":
            turn.reply.parts.extend(self._greeting(turn))
            if turn.reply.parts:
                turn.route.update({"runner": "greeting", "why": "the platform's adapter answers this event"})
                return
            turn.state, turn.reason = "dropped", "event: no route answers it"
            return
        runner, why, by = self._chosen(turn)
        if runner not in self._runners:
            hint = f"there are: {', '.join(sorted(self._runners)) or 'none'}"
            raise ConfigError(f"no runner {runner!r} can answer", hint=hint)
        turn.route.update({"runner": runner, "why": why, "by": by})
        await call_next(turn)

    def _chosen(self, turn: Turn) -> tuple[str, str, str]:
        """Return the runner of a message, why it is this one, and who says so."""
        if named := str(turn.route.get("runner", "")):
            return named, str(turn.route.get("why") or "a stage outside has chosen it"), "stage"
        for name, runner in self._takers:
            if why := runner.takes(turn):
                return name, why, "runner"
        return self._runner, self._why, "configuration"
