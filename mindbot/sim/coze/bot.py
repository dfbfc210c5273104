"""What the bot does in a chat: its answer as messages, its tools' calls, and a stream's events of both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import orjson

from mindbot.domain.message import Json
from mindbot.sim.coze.errors import sentence
from mindbot.sim.coze.events import DONE, completed, ending, error_event, event, finish_note, opening
from mindbot.sim.coze.rooms import CozeTalk, Rooms
from mindbot.sim.models.conversation import ModelReply, pieces
from mindbot.sim.models.streams import Frame, StreamShape


def _error(code: str) -> bytes:
    number = int(code or 5000)
    return error_event(number, sentence(number)) + DONE


SHAPE = StreamShape(
    error=_error,
    bad_line=b'event:conversation.message.delta\ndata:{"broken": \n\n',
    comment=b"",  # Coze sends none, and its SDK would break on one
    content_type="text/event-stream",
)


def take_up(talk: CozeTalk, reply: ModelReply, rooms: Rooms, suggestions: Sequence[str]) -> list[Json]:
    """Give a chat the messages of a reply; returns those that are new.

    With calls the chat waits for their outputs, otherwise it ends with a note and the suggestions.
    """
    new: list[Json] = []
    if reply.text or not reply.calls:
        thought = {"reasoning_content": reply.reasoning} if reply.reasoning else {}
        new.append(talk.message(rooms.number(), "answer", reply.text, **thought))
    for call in reply.calls:
        content = {"name": call.name, "arguments": _object(call.arguments), "plugin_name": call.name}
        new.append(talk.message(rooms.number(), "function_call", orjson.dumps(content).decode()))
    if not reply.calls:
        new.append(talk.message(rooms.number(), "verbose", finish_note()))
        new += [talk.message(rooms.number(), "follow_up", text) for text in suggestions]
    talk.said += new
    talk.calls = [
        {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": c.arguments}}
        for c in reply.calls
    ]
    talk.outcome = "requires_action" if reply.calls else "completed"
    spent = talk.usage or {"output_count": 0, "input_count": 0}
    output, given = spent["output_count"] + reply.tokens, spent["input_count"] + reply.prompt_tokens
    talk.usage = {"token_count": output + given, "output_count": output, "input_count": given}
    return new


def _object(arguments: str) -> object:
    try:
        return orjson.loads(arguments)
    except ValueError:
        return arguments


def frames(talk: CozeTalk, reply: ModelReply, new: Sequence[Json], done: bytes = DONE) -> Iterator[Frame]:
    """Yield the events of a chat, or of what follows the outputs of its tools; ``done`` is the last."""
    for data in opening(talk):
        yield Frame(data, "head")
    for message in new:
        if message["type"] == "answer":
            shown = {name: value for name, value in message.items() if name != "reasoning_content"}
            for piece in pieces(reply.reasoning):
                yield Frame(_delta({**shown, "content": "", "reasoning_content": piece}))
            for piece in pieces(reply.text):
                yield Frame(_delta({**shown, "content": piece}))
        if talk.outcome == "failed":
            break
        yield Frame(completed(message), "between" if message["type"] == "answer" else "closing")
    yield Frame(ending(talk), "closing")
    yield Frame(done, "marker")


def _delta(message: Json) -> bytes:
    return event("conversation.message.delta", message)
