"""What a step's record says of whom a model was asked, and with what."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mindbot.domain.chat import ChatMessage, ChatRequest, unloaded
from mindbot.domain.message import Json
from mindbot.domain.sent import clipped, note_sent
from mindbot.providers.management.deployments import Deployment
from mindbot.providers.management.shorter import Ask


def noting_calls(
    notes: Json, request: ChatRequest, deployment: Deployment
) -> Callable[[str, Json, Sequence[ChatMessage]], None]:
    """Return what notes each call of a deployment as it leaves (`ChatRequest.sending`).

    Where it was made of other lines than the ``request`` has (fewer of them, or with words for a picture that
    the model cannot take), those are noted as what was asked.
    """

    def note(url: str, body: Json, lines: Sequence[ChatMessage]) -> None:
        note_sent(notes, url, body, **deployment.named)
        asked = notes.get("request")
        if isinstance(asked, dict) and lines != request.messages:
            asked["messages"] = clipped([unloaded(line).to_json() for line in lines])

    return note


def note_left_out(notes: Json, ask: Ask) -> None:
    """Note what was left out of this call; an earlier one's note goes."""
    notes.pop("left_out", None)
    if (left_out := ask.left_out()) is not None:
        notes["left_out"] = left_out
