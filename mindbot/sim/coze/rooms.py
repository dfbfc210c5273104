"""Conversations and the chats (turns) in them, with every message's id.

Sources: coze.cn "Chat v3", "Retrieve chat", "Cancel chat", "Create conversation"; cozepy 0.20.0. A chat that
is not streamed is worked on while its caller polls: its state here follows from the clock. While a
conversation has one in progress it takes no other. A canceled chat goes into no history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from mindbot.domain.message import Json
from mindbot.sim.coze.errors import refused, sentence

#: What is counted of a chat.
USAGE = ("token_count", "output_count", "input_count")
#: States a chat does not leave by itself.
FINAL = frozenset({"completed", "failed", "requires_action", "canceled"})


@dataclass(slots=True)
class CozeRoom:
    """One conversation. ``history`` holds messages as Coze shows them."""

    id: str
    section: str
    created: int
    bot_id: str = ""
    name: str = ""
    meta_data: Json = field(default_factory=dict)
    history: list[Json] = field(default_factory=list)

    def to_json(self) -> Json:
        return {
            "id": self.id,
            "created_at": self.created,
            "meta_data": self.meta_data,
            "last_section_id": self.section,
            "name": self.name,
            "updated_at": self.created,
            "creator_id": "1",
            "connector_id": "1024",
        }


@dataclass(slots=True)
class CozeTalk:
    """One chat. ``until`` is when it ends with ``outcome``, infinity while a stream of it runs."""

    id: str
    room: CozeRoom
    bot_id: str
    user_id: str
    created: int
    meta_data: Json
    saved: bool
    until: float = float("inf")
    outcome: str = "completed"
    status: str = "created"
    error: int = 0
    usage: Json = field(default_factory=dict)
    calls: list[Json] = field(default_factory=list)  # that wait for their outputs
    asked: list[Json] = field(default_factory=list)  # the messages it came with
    said: list[Json] = field(default_factory=list)  # its own messages, the query not among them

    def to_json(self, status: str = "") -> Json:
        """Return the chat as it is shown now, or when it is in that state."""
        status = status or self.status
        over, error = status in FINAL, self.error if status == "failed" else 0
        shown: Json = {
            "id": self.id,
            "conversation_id": self.room.id,
            "bot_id": self.bot_id,
            "created_at": self.created,
            "last_error": {"code": error, "msg": sentence(error) if error else ""},
            "status": status,
            "usage": self.usage if over else dict.fromkeys(USAGE, 0),
            "section_id": self.room.section,
        }
        if self.meta_data:
            shown["meta_data"] = self.meta_data
        if over:
            shown["failed_at" if status == "failed" else "completed_at"] = self.created
        if status == "requires_action":
            shown["required_action"] = {
                "type": "submit_tool_outputs",
                "submit_tool_outputs": {"tool_calls": self.calls},
            }
        return shown

    def message(self, number: str, kind: str, content: str, **more: Any) -> Json:
        """Return a message of this chat as Coze shows it."""
        return {
            "id": number,
            "conversation_id": self.room.id,
            "bot_id": self.bot_id,
            "role": "assistant",
            "type": kind,
            "content": content,
            "content_type": "text",
            "chat_id": self.id,
            "section_id": self.room.section,
            **more,
        }


class Rooms:
    """All conversations."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._rooms: dict[str, CozeRoom] = {}
        self._talks: dict[str, CozeTalk] = {}
        self._numbers: Iterator[int] = count(7_400_000_000_000_000_001)

    def number(self) -> str:
        """Return a new id; they are numbers of nineteen digits, written as text."""
        return str(next(self._numbers))

    def open(self, **fields: Any) -> CozeRoom:
        """Make a conversation."""
        room = CozeRoom(self.number(), self.number(), int(self._clock()), **fields)
        self._rooms[room.id] = room
        return room

    def room(self, number: str) -> CozeRoom:
        """Return a conversation; raises ModelApiError when there is none."""
        if number not in self._rooms:
            raise refused(4200, f"conversation_id={number}")
        return self._rooms[number]

    def forget(self, number: str) -> None:
        """Delete a conversation; raises ModelApiError when there is none."""
        self.room(number)
        del self._rooms[number]

    def forget_all(self) -> int:
        """Delete all conversations; returns how many there were."""
        count = len(self._rooms)
        self._rooms.clear()
        return count

    def talks(self) -> list[CozeTalk]:
        """Return all chats as they stand now, in the order they began."""
        return [self._seen(talk) for talk in self._talks.values()]

    def of_bot(self, bot_id: str) -> list[CozeRoom]:
        """Return a bot's conversations (of all for ""), the newest first."""
        return [r for r in reversed(self._rooms.values()) if not bot_id or r.bot_id in ("", bot_id)]

    def begin(self, room: CozeRoom, bot_id: str, user_id: str, meta_data: Json, *, saved: bool) -> CozeTalk:
        """Begin a chat.

        Raises:
            ModelApiError: the conversation has one in progress.
        """
        if any(self._seen(t).status not in FINAL for t in self._talks.values() if t.room is room):
            raise refused(4016, room.id)
        talk = CozeTalk(self.number(), room, bot_id, user_id, int(self._clock()), meta_data, saved)
        self._talks[talk.id] = talk
        return talk

    def talk(self, room: str, number: str) -> CozeTalk:
        """Return a chat as it stands now; raises ModelApiError when the conversation has no such one."""
        self.room(room)
        talk = self._talks.get(number)
        if talk is None or talk.room.id != room:
            raise refused(4200, f"chat_id={number}")
        return self._seen(talk)

    def cancel(self, talk: CozeTalk) -> None:
        """Take a chat back; raises ModelApiError when it has come to an end."""
        if talk.status in FINAL and talk.status != "canceled":
            raise refused(4104, talk.id)
        talk.status = "canceled"

    def end_in(self, talk: CozeTalk, seconds: float) -> None:
        """Bring a chat to its outcome so much later; a canceled one stays canceled."""
        talk.until = self._clock() + seconds
        self._seen(talk)

    def resume(self, talk: CozeTalk) -> None:
        """Let a chat go on that has waited."""
        talk.status, talk.until = "in_progress", float("inf")

    def drop(self, talk: CozeTalk) -> None:
        """Forget a chat that was refused after all."""
        del self._talks[talk.id]

    def _seen(self, talk: CozeTalk) -> CozeTalk:
        if talk.status not in FINAL and self._clock() >= talk.until:
            talk.status = talk.outcome
            if talk.status == "completed" and talk.saved:
                talk.room.history += [*talk.asked, *(m for m in talk.said if m["type"] == "answer")]
        return talk

    def clear(self) -> None:
        """Forget everything."""
        self._rooms.clear()
        self._talks.clear()
