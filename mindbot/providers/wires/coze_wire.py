"""Coze's chat v3, as data: requests out, named events in. Pure.

Sources: coze.cn "Chat v3", "Streaming response", "Submit tool outputs"; cozepy 0.20.0 and its test data. Of
the error codes only 4000, 4104 and 5000 are certain.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import orjson

from mindbot.domain.chat import Attachment, ChatMessage, ChatRequest, Chunk, Text, ToolCall, ToolResult, Usage
from mindbot.domain.message import Json
from mindbot.providers.errors import accuses, refusal_in_stream
from mindbot.providers.shared.answer import AnswerReader
from mindbot.providers.shared.counts import count
from mindbot.providers.shared.documents import NamedDocument

VENDOR = "coze"
_MOST_LINES = 100
_LONGEST = 256  # characters of an id or a name
#: Who asks, where nobody says who.
_NOBODY = "mindbot"
#: Stands between two messages of one answer.
_BETWEEN = "\n\n"

#: The ids under which a vendor knows uploaded files.
Uploaded = Mapping[Attachment, str]


def request_body(request: ChatRequest, bot_id: str, files: Uploaded) -> Json:
    """Return the body of a chat that is streamed and leaves no history with the vendor."""
    lines = [_line(message, files) for message in request.messages]
    told = [line for line in lines if line]
    if len(told) > _MOST_LINES:
        told = [told[0], *told[-_MOST_LINES + 1 :]]
    return {
        "bot_id": bot_id,
        "user_id": request.user or _NOBODY,
        "stream": True,
        "auto_save_history": False,
        "additional_messages": told,
    }


def waiting(request: ChatRequest) -> tuple[str, str, list[ToolResult]] | None:
    """Return the conversation and the chat that waits for the last lines, and these: the results of calls."""
    results: list[ToolResult] = []
    for message in reversed(request.messages):
        if message.results:
            results[:0] = message.results
            continue
        places = {call.signature for call in message.tool_calls if call.vendor == VENDOR}
        if not results or len(places) != 1:
            return None
        conversation, _, chat = places.pop().partition("/")
        return conversation, chat, results
    return None


def outputs_body(results: list[ToolResult]) -> Json:
    """Return what tells a waiting chat the results of its calls."""
    return {"tool_outputs": [{"tool_call_id": r.id, "output": r.text} for r in results], "stream": True}


def _line(message: ChatMessage, files: Uploaded) -> Json | None:
    """Return a line; there is no role for instructions and none for results of others' tools."""
    role, kind = ("assistant", "answer") if message.role == "assistant" else ("user", "question")
    line: Json = {"role": role, "type": kind}
    if not message.attachments or role == "assistant":
        text = message.content
        return {**line, "content_type": "text", "content": text} if text else None
    objects = [
        {"type": "text", "text": part.text} if isinstance(part, Text) else _object(part, files)
        for part in message.parts
        if isinstance(part, Attachment) or (isinstance(part, Text) and part.text)
    ]
    return {**line, "content_type": "object_string", "content": orjson.dumps(objects).decode()}


def _object(part: Attachment, files: Uploaded) -> Json:
    where = {"file_id": files[part]} if part in files else {"file_url": part.url}
    return {"type": part.kind, **where}


class CozeAnswer(AnswerReader):
    """The answer of one chat, event by event."""

    what: ClassVar[str] = "a chat of Coze's"
    by_name: ClassVar[bool] = True

    def __init__(self, vendor: str, **more: Any) -> None:
        super().__init__(vendor, **more)
        self._pieces: set[str] = set()  # ids of messages that came in pieces
        self._last = ""  # the id of the message that spoke last

    def take(self, doc: Any, *, streamed: bool = False) -> Chunk | None:
        """Take an event; what comes without one is a refusal or unreadable. See `AnswerReader.take`."""
        event, data = doc if isinstance(doc, NamedDocument) else ("", doc)
        if not isinstance(data, dict):
            self.unread += event != "done"
            return None
        if event == "error":
            raise self._failure(data.get("error"))
        if not event:
            if accuses(data):
                raise self._failure(data)
            self.unread += 1
            return None
        subject, _, state = event.removeprefix("conversation.").rpartition(".")
        if subject == "message" and data.get("type", "answer") == "answer":
            return self._message(data, whole=state == "completed")
        if subject == "chat":
            self._chat(data, state)
        return None

    def stopped(self) -> None:
        """See `AnswerReader.stopped`."""
        self.running = {}
        super().stopped()

    def _message(self, data: Json, *, whole: bool) -> Chunk | None:
        if data.get("content_type", "text") != "text":
            return None  # cards and sounds
        id_ = str(data.get("id", ""))
        if whole and id_ in self._pieces:
            return None
        self._pieces.add(id_)
        text, thought = _text(data.get("content")), _text(data.get("reasoning_content"))
        if text and self._last not in ("", id_):
            text = _BETWEEN + text
        self._last = id_ if text else self._last
        return self.say(text, thought)

    def _chat(self, data: Json, state: str) -> None:
        place = {"conversation_id": _word(data.get("conversation_id")), "chat_id": _word(data.get("id"))}
        if state in ("created", "in_progress"):
            self.running = place if all(place.values()) else {}
            return
        self.running = {}
        if isinstance(used := data.get("usage"), dict):
            asked, told = count(used.get("input_count")), count(used.get("output_count"))
            self.usage = Usage(asked or 0, told or 0) if asked or told else self.usage
        if state == "failed":
            raise self._failure(data.get("last_error"))
        if state == "requires_action":
            self._calls(data.get("required_action"), "/".join(place.values()))
        self.ends(state)

    def _calls(self, action: Any, place: str) -> None:
        wanted = action.get("submit_tool_outputs") if isinstance(action, dict) else None
        calls = wanted.get("tool_calls") if isinstance(wanted, dict) else None
        for call in calls if isinstance(calls, list) else ():
            function = call.get("function") if isinstance(call, dict) else None
            if isinstance(function, dict):
                id_, name = _word(call.get("id")), _word(function.get("name"))
                arguments = _text(function.get("arguments")) or "{}"
                self.aside(self.calls.add(ToolCall(id_, name, arguments, signature=place, vendor=VENDOR)))

    def _failure(self, error: Any) -> Exception:
        self.running = {}
        return refusal_in_stream(self.vendor, error, hide=self.hide)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _word(value: Any) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""
