"""Makes the prompt: the runner's instructions, what was said before, the message; each with its origin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from mindbot.domain.chat import Attachment, ChatMessage, ChatPart, Text
from mindbot.domain.conversation import wordless
from mindbot.domain.errors import MindBotError
from mindbot.domain.message import Message
from mindbot.domain.turn import Turn
from mindbot.pipeline.onion import Next
from mindbot.pipeline.services import Services

_KINDS: Mapping[str, Literal["image", "file", "audio"]] = {
    "image": "image",
    "file": "file",
    "voice": "audio",
}
_ORIGIN = "message"


class Compose:
    """Puts the lines for a model into ``turn.prompt``, each with its origin.

    What came with the message stands beside its words; whether a model is shown it decides who asks it.
    """

    after = ("route", "classify")

    def __init__(self, services: Services) -> None:
        self._local = services.local
        self._instructions = {
            name: text
            for name, runner in services.runners.items()
            if (text := str(getattr(runner, "system_prompt", "")))
        }

    async def __call__(self, turn: Turn, call_next: Next) -> None:
        lines = [*turn.history, ChatMessage("user", await self._said(turn.message))]
        if instructions := self._instructions.get(turn.route.get("runner", "")):
            lines.insert(0, ChatMessage("system", instructions, origin="instructions"))
        turn.prompt = lines
        await call_next(turn)

    async def _said(self, message: Message) -> list[ChatPart]:
        text = message.text
        parts: list[ChatPart] = [Text(text, _ORIGIN)]
        for part in message.parts:
            kind, id = _KINDS.get(part.kind), part.data.get("media")
            if kind is None or not id:
                continue
            try:
                path = str(await self._local(id))
            except MindBotError:  # purged meanwhile, say: whoever asks the model tells that it is not there
                path = ""
            name = str(part.data.get("name") or "")
            type_ = str(part.data.get("type") or "")
            alt = None if wordless(text) else ""
            parts.append(Attachment(kind, type_, name, path=path, origin=_ORIGIN, alt=alt))
        return parts
