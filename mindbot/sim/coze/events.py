"""A chat as Coze streams it: ``event:NAME``, ``data:JSON`` without a blank after the colon, an empty line.

Sources: cozepy's test data, captures in the field. After the answer's pieces comes the whole of it, then one
``verbose`` message that says so, suggestions, the chat with its usage, and ``done`` with the text "[DONE]" as
JSON, quotes and all.
"""

from __future__ import annotations

from collections.abc import Iterator

from mindbot.domain.message import Json
from mindbot.sim.coze.rooms import CozeTalk
from mindbot.sim.server import dumped

DONE = b'event:done\ndata:"[DONE]"\n\n'


def event(name: str, data: object) -> bytes:
    """Return one event."""
    return b"event:" + name.encode() + b"\ndata:" + dumped(data) + b"\n\n"


def error_event(code: int, msg: str) -> bytes:
    """Return the event of a failure after the 200."""
    return event("error", {"code": code, "msg": msg})


def finish_note() -> str:
    """Return the content of the verbose message that ends all answers."""
    data = '{"finish_reason":0,"FinData":""}'
    note = {"msg_type": "generate_answer_finish", "data": data, "from_module": None, "from_unit": None}
    return dumped(note).decode()


def opening(talk: CozeTalk) -> Iterator[bytes]:
    """Yield what comes before the answer."""
    for status in ("created", "in_progress"):
        yield event(f"conversation.chat.{status}", talk.to_json(status))


def completed(message: Json) -> bytes:
    """Return the event of a whole message."""
    return event("conversation.message.completed", message)


def ending(talk: CozeTalk) -> bytes:
    """Return the event of the chat's outcome."""
    return event(f"conversation.chat.{talk.outcome}", talk.to_json(talk.outcome))


def done_with(debug_url: str) -> bytes:
    """Return the last event of a workflow's chat."""
    return event("done", {"debug_url": debug_url})
