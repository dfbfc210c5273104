"""Makes the prompt: the runner's instructions, what was said before, the message; each with its origin."""

from __future__ import annotations

from mindbot.domain.chat import ChatMessage
from mindbot.domain.turn import Turn
from mindbot.pipeline.onion import Next
from mindbot.pipeline.services import Services


class Compose:
    """Puts the lines for a model into ``turn.prompt``, each with its origin."""

    after = "route"

    def __init__(self, services: Services) -> None:
        self._instructions = {
            name: text
            for name, runner in services.runners.items()
            if (text := str(getattr(runner, "system_prompt", "")))
        }

    async def __call__(self, turn: Turn, call_next: Next) -> None:
        lines = [*turn.history, ChatMessage("user", turn.message.text, origin="message")]
        if instructions := self._instructions.get(turn.route.get("runner", "")):
            lines.insert(0, ChatMessage("system", instructions, origin="instructions"))
        turn.prompt = lines
        await call_next(turn)
