"""Makes the prompt: the runner's instructions, what was said before, the message; each with its origin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from mindbot.domain import origins
from mindbot.domain.chat import Attachment, ChatMessage, ChatPart, Text
from mindbot.domain.conversation import wordless
from mindbot.domain.errors import MindBotError
from mindbot.domain.turn import Turn
from mindbot.pipeline.onion import Next
from mindbot.pipeline.services import Services

_KINDS: Mapping[str, Literal["image", "file", "audio"]] = {
    "image": "image",
    "file": "file",
    "voice": "audio",
}


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
        lines = [*turn.history, ChatMessage("user", await self._said(turn))]
        if (past := turn.replaying) is not None and past.instructions is not None:
            lines[:0] = past.instructions
        elif instructions := self._instructions.get(turn.route.get("runner", "")):
            lines.insert(0, ChatMessage("system", instructions, origin=origins.INSTRUCTIONS))
        turn.prompt = lines
        await call_next(turn)

    async def _said(self, turn: Turn) -> list[ChatPart]:
        message = turn.message
        text = message.text
        parts: list[ChatPart] = [*_words(turn)]
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
            parts.append(Attachment(kind, type_, name, path=path, origin=origins.MESSAGE, alt=alt))
        return parts


def _words(turn: Turn) -> list[Text]:
    """Return the text of a turn's message, by whose words they are: quoted ones, and those of other turns
    that are answered along with it, are told apart."""
    message = turn.message
    if len(message.parts) == 1 and not message.parts[0].foreign:
        return [Text(message.text, origins.MESSAGE)]
    whose = _owners(turn)
    found: list[Text] = []
    for part, text, origin in zip(message.parts, message.readable, whose, strict=True):
        if not text:
            continue
        origin = origins.QUOTE if part.foreign else origin
        if found and found[-1].origin == origin:
            found[-1] = Text(f"{found[-1].text}\n{text}", origin)
        else:
            found += [Text("\n", origins.JOINED)] if found else []
            found.append(Text(text, origin))
    return found or [Text("", origins.MESSAGE)]


def _owners(turn: Turn) -> list[str]:
    """Return of each part of a turn's message where it is from: the parts of those that it answers as well
    stand behind its own, in their order."""
    theirs = [origins.message_of(other.id) for other in turn.together for _ in other.message.parts]
    own = len(turn.message.parts) - len(theirs)
    return [origins.MESSAGE] * len(turn.message.parts) if own <= 0 else [origins.MESSAGE] * own + theirs
