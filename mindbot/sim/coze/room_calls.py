"""What a Coze workspace answers about conversations: made, listed, deleted, and the messages in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiohttp import web

from mindbot.domain.message import Json
from mindbot.sim.coze import chat
from mindbot.sim.coze.errors import refused
from mindbot.sim.coze.fields import CHAT, SUBMISSION
from mindbot.sim.coze.rooms import CozeRoom, CozeTalk
from mindbot.sim.coze.workspace import CozeWorkspace
from mindbot.sim.models.requests import Recorded
from mindbot.sim.models.server import ModelRoute

_CONVERSATIONS = "/v1/conversations/"


class RoomCalls:
    """See the module."""

    def __init__(self, sim: CozeWorkspace) -> None:
        self._sim = sim
        self._routes: Mapping[str, ModelRoute] = {
            "POST /v1/conversation/create": self._open,
            "GET /v1/conversation/retrieve": self._room,
            "GET /v1/conversations": self._of_bot,
            "POST /v1/conversation/message/create": self._say,
            "POST /v1/conversation/message/list": self._history,
            "GET /v1/conversation/message/retrieve": self._message,
        }

    def route(self, method: str, path: str) -> ModelRoute | None:
        """Return what answers a request, if it is about conversations."""
        if method == "DELETE" and path.startswith(_CONVERSATIONS):
            return self._forget
        return self._routes.get(f"{method} {path}")

    async def _open(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        body = recorded.body
        if field := CHAT.misfit(body):
            raise refused(4000, field)
        chat.check_meta_data(body.get("meta_data"))
        messages = body.get("messages") or []
        for message in messages:
            chat.check_message(message, self._sim.files.__contains__)
        room = self._sim.rooms.open(
            bot_id=body.get("bot_id") or "",
            name=body.get("name") or "",
            meta_data=body.get("meta_data") or {},
        )
        room.history += [entered(message, room, self._sim.rooms.number) for message in messages]
        return await self._sim.sent(request, recorded, room.to_json())

    async def _forget(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        self._sim.rooms.forget(request.path.removeprefix(_CONVERSATIONS))
        return await self._sim.sent(request, recorded, None)

    async def _room(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        room = self._sim.rooms.room(recorded.query.get("conversation_id", ""))
        return await self._sim.sent(request, recorded, room.to_json())

    async def _of_bot(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        found = self._sim.rooms.of_bot(recorded.query.get("bot_id", ""))
        page = max(1, int(recorded.query.get("page_num", 1)))
        size = min(50, int(recorded.query.get("page_size", 50)))
        begin = (page - 1) * size
        shown = [room.to_json() for room in found[begin : begin + size]]
        data = {"conversations": shown, "has_more": len(found) > begin + size}
        return await self._sim.sent(request, recorded, data)

    async def _say(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        room = self._sim.rooms.room(recorded.query.get("conversation_id", ""))
        chat.check_message(recorded.body, self._sim.files.__contains__)
        message = entered(recorded.body, room, self._sim.rooms.number)
        room.history.append(message)
        return await self._sim.sent(request, recorded, message)

    async def _history(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        room = self._sim.rooms.room(recorded.query.get("conversation_id", ""))
        if field := SUBMISSION.misfit(recorded.body):
            raise refused(4000, field)
        newest_first = recorded.body.get("order", "desc") == "desc"
        limit = int(recorded.body.get("limit") or 50)
        found = list(reversed(room.history)) if newest_first else list(room.history)
        page = found[:limit]
        ends = (
            {"first_id": page[0]["id"], "last_id": page[-1]["id"]}
            if page
            else {"first_id": "", "last_id": ""}
        )
        return await self._sim.sent(request, recorded, page, has_more=len(found) > limit, **ends)

    async def _message(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        room = self._sim.rooms.room(recorded.query.get("conversation_id", ""))
        number = recorded.query.get("message_id", "")
        found = next((message for message in room.history if message["id"] == number), None)
        if found is None:
            raise refused(4200, f"message_id={number}")
        return await self._sim.sent(request, recorded, found)


def entered(message: Json, where: CozeTalk | CozeRoom, number: Callable[[], str]) -> Json:
    """Return a message that a caller sent as the platform keeps it."""
    room = where.room if isinstance(where, CozeTalk) else where
    usual = "question" if message["role"] == "user" else "answer"
    return {
        **message,
        "id": number(),
        "conversation_id": room.id,
        "bot_id": room.bot_id,
        "type": message.get("type") or usual,
        "chat_id": where.id if isinstance(where, CozeTalk) else "",
        "section_id": room.section,
        "created_at": where.created,
    }


def spoken(messages: list[Json]) -> list[Json]:
    """Return the messages that a model reads."""
    return [message for message in messages if message["type"] not in ("verbose", "follow_up")]
