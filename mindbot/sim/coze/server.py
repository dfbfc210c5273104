"""The Coze simulator: one published bot by chat v3, its conversations, files and tokens. No workflows."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import anyio
from aiohttp import web

from mindbot.domain.message import Json
from mindbot.sim.coze import chat
from mindbot.sim.coze.bot import SHAPE, frames, take_up
from mindbot.sim.coze.errors import REFUSALS, USUAL, refused, sentence
from mindbot.sim.coze.fields import CHAT, SUBMISSION
from mindbot.sim.coze.oauth import TokenDesk, private_key
from mindbot.sim.coze.rooms import CozeRoom, CozeTalk, Rooms
from mindbot.sim.faults import Fault, FaultKind, kind
from mindbot.sim.models.conversation import ModelReply
from mindbot.sim.models.quotas import Spent
from mindbot.sim.models.refusals import ModelApiError, RefusalTable, refusal_kinds
from mindbot.sim.models.requests import Recorded
from mindbot.sim.models.server import ModelRoute, ModelSimSettings, ModelSimulator
from mindbot.sim.server import SimulatorSettings

_TOKEN = "/api/permission/oauth2/token"  # noqa: S105 - a path
_BIGGEST_FILE = 512 * 1024 * 1024  # bytes
_OVER = {"requests_per_day": 4020, "tokens_per_day": 4029}


@dataclass(frozen=True, slots=True, kw_only=True)
class CozeSimSettings(ModelSimSettings):
    """``api_key`` is a personal access token. ``tools`` are the bot's local plugins: their calls wait for
    outputs. ``suggestions`` follow each answer. A chat that is polled takes at least ``work`` seconds."""

    api_key: str = "pat_simulated"
    model: str = "7400000000000000000"  # the bot's id
    app_id: str = "1180000000000"
    public_key_id: str = "simulated-public-key"
    tools: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()
    work: float = 0.0


class CozeSimulator(ModelSimulator):
    """See the module. ``rooms`` are the conversations, ``desk`` gives tokens."""

    name: ClassVar[str] = "coze"
    Settings: ClassVar[type[SimulatorSettings]] = CozeSimSettings
    refusals: ClassVar[RefusalTable] = REFUSALS
    kinds: ClassVar[Mapping[str, FaultKind]] = {
        **ModelSimulator.kinds,
        **refusal_kinds(REFUSALS),
        "chat-failed": kind("code"),  # the chat is accepted, and ends failed
    }
    call_id: ClassVar[str] = "BUJJF0dAQ0NAEBVeQkVKEV5H{:08d}"

    def __init__(self, settings: CozeSimSettings) -> None:
        super().__init__(settings)
        self.settings = settings
        self.rooms = Rooms(settings.clock)
        self.desk = TokenDesk(settings.api_key, settings.app_id, settings.public_key_id, settings.clock)
        self.files: dict[str, Json] = {}
        self._begun = time.strftime("%Y%m%d%H%M%S")
        self._routes: dict[str, ModelRoute] = {
            f"POST {_TOKEN}": self._token,
            "POST /v3/chat": self._chat,
            "GET /v3/chat/retrieve": self._retrieve,
            "POST /v3/chat/retrieve": self._retrieve,
            "GET /v3/chat/message/list": self._messages,
            "POST /v3/chat/submit_tool_outputs": self._submit,
            "POST /v3/chat/cancel": self._cancel,
            "POST /v1/conversation/create": self._open,
            "GET /v1/conversation/retrieve": self._room,
            "GET /v1/conversations": self._of_bot,
            "POST /v1/conversation/message/create": self._say,
            "POST /v1/conversation/message/list": self._history,
            "GET /v1/conversation/message/retrieve": self._message,
            "POST /v1/files/upload": self._upload,
            "GET /v1/files/retrieve": self._file,
            "GET /v1/bot/get_online_info": self._bot,
        }

    def details(self) -> Json:
        s = self.settings
        return {
            "base_url": self.base_url,
            "api_key": s.api_key,
            "bot_id": s.model,
            "app_id": s.app_id,
            "public_key_id": s.public_key_id,
            "private_key": private_key(),
        }

    def reset(self) -> None:
        super().reset()
        self.rooms.clear()
        self.files.clear()

    def error_body(self, fault: Fault) -> Json:
        code = int(fault.options.get("code", 0)) or USUAL.get(fault.number, 5000)
        self.counters[f"code.{code}"] += 1
        return self._enveloped({"code": code, "msg": sentence(code)}, self.number + 1)

    def _enveloped(self, body: Json, number: int) -> Json:
        """Give the answer to a request the id under which the platform finds it in its log."""
        return body if "error_code" in body else {**body, "detail": {"logid": self._logid(number)}}

    def _logid(self, number: int) -> str:
        return f"{self._begun}{number:018d}"

    def refusal_body(self, exc: ModelApiError, recorded: Recorded) -> Any:
        self.counters[f"code.{exc.body.get('code')}"] += 1
        return self._enveloped(exc.body, recorded.number)

    def answer_headers(self, recorded: Recorded) -> Mapping[str, str]:
        return {"x-tt-logid": self._logid(recorded.number)}

    def route(self, request: web.BaseRequest) -> ModelRoute:
        found = self._routes.get(f"{request.method} {request.path}")
        if found is None:
            raise refused(4200, f"{request.method} {request.path}", status=404)
        self.counters[request.path.strip("/")] += 1
        return found

    def key_of(self, request: web.BaseRequest) -> str:
        return request.headers.get("Authorization", "").removeprefix("Bearer ")

    def check(self, request: web.BaseRequest, recorded: Recorded) -> None:
        given = request.headers.get("Authorization", "")
        if request.path != _TOKEN and self.settings.strict and not self.desk.knows(given):
            raise refused(700012006 if given.startswith("Bearer ") else 4100, status=401)

    async def read(self, request: web.BaseRequest) -> Json:
        return await super().read(request) if await _has_body(request) else {}

    def unreadable(self) -> ModelApiError:
        return refused(4000, "the body is no JSON object")

    def over_quota(self, spent: Spent) -> ModelApiError:
        return refused(_OVER.get(spent.rule, 4013))

    async def _sent(
        self, request: web.BaseRequest, recorded: Recorded, data: object, **more: object
    ) -> web.StreamResponse:
        body = self._enveloped({"code": 0, "msg": "", "data": data, **more}, recorded.number)
        return await self.whole(request, recorded, body)

    async def _token(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        given = request.headers.get("Authorization", "")
        return await self.whole(request, recorded, self.desk.exchange(given, recorded.body, request.host))

    async def _chat(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        body = recorded.body
        asked = chat.check(body, self.files.__contains__)
        bot, number = body["bot_id"], recorded.query.get("conversation_id", "")
        if self.settings.strict and bot != self.settings.model:
            raise refused(4200, f"bot_id={bot}")
        room = self.rooms.room(number) if number else self.rooms.open(bot_id=bot)
        saved = body.get("auto_save_history", True)
        talk = self.rooms.begin(room, bot, body["user_id"], body.get("meta_data") or {}, saved=saved)
        talk.asked = [_entered(message, talk, self.rooms.number) for message in asked]
        return await self._work(request, recorded, talk, [*room.history, *talk.asked])

    async def _submit(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        talk = self._talk(recorded.query)
        if field := SUBMISSION.misfit(recorded.body):
            raise refused(4000, field)
        outputs = {o.get("tool_call_id"): o.get("output") for o in recorded.body.get("tool_outputs") or ()}
        if talk.status != "requires_action" or outputs.keys() != {call["id"] for call in talk.calls}:
            raise refused(4000, "tool_outputs: one for each call that waits")
        talk.said += [
            talk.message(self.rooms.number(), "tool_response", str(outputs[call["id"]]))
            for call in talk.calls
        ]
        self.rooms.resume(talk)
        return await self._work(request, recorded, talk, [*talk.room.history, *talk.asked, *talk.said])

    async def _work(
        self, request: web.BaseRequest, recorded: Recorded, talk: CozeTalk, said: list[Json]
    ) -> web.StreamResponse:
        """Answer a chat, as a stream or while its caller polls."""
        fault = self.faults.strike(request.path, "chat-failed")
        question = chat.question(talk.bot_id, _spoken(said), self.settings.tools, self.model.context_tokens)
        try:
            reply = self.decide(recorded, question)
        except ModelApiError:
            self.rooms.drop(talk)
            raise
        new = take_up(talk, reply, self.rooms, self.settings.suggestions)
        if fault or reply.blocked:
            talk.outcome = "failed"
            talk.error = 720702222 if reply.blocked else int(fault.options.get("code", 5000)) if fault else 0
        wait = self.latency + reply.think
        if recorded.body.get("stream"):
            return await self._streamed(request, recorded, talk, reply, new, wait)
        talk.status = "in_progress"
        shown = talk.to_json()
        self.rooms.end_in(talk, max(wait + self._speaking(reply), self.settings.work))
        return await self._sent(request, recorded, shown)

    async def _streamed(
        self,
        request: web.BaseRequest,
        recorded: Recorded,
        talk: CozeTalk,
        reply: ModelReply,
        new: list[Json],
        wait: float,
    ) -> web.StreamResponse:
        try:
            if wait:
                await anyio.sleep(wait)
            return await self.stream(request, recorded, frames(talk, reply, new), SHAPE)
        finally:
            self.rooms.end_in(talk, 0)  # whoever listens to it

    def _speaking(self, reply: ModelReply) -> float:
        speed = self.settings.tokens_per_second
        return reply.tokens / speed if speed else 0.0

    def _talk(self, query: Mapping[str, Any]) -> CozeTalk:
        for name in ("conversation_id", "chat_id"):
            if not query.get(name):
                raise refused(4000, f"{name} is required")
        return self.rooms.talk(str(query["conversation_id"]), str(query["chat_id"]))

    async def _retrieve(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        talk = self._talk(recorded.query)
        if not talk.saved:
            raise refused(4200, f"chat_id={talk.id}")
        return await self._sent(request, recorded, talk.to_json())

    async def _messages(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        talk = self._talk(recorded.query)
        said = talk.said if talk.status not in ("created", "in_progress") else []
        return await self._sent(request, recorded, said)

    async def _cancel(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        talk = self._talk(recorded.body)
        self.rooms.cancel(talk)
        return await self._sent(request, recorded, talk.to_json())

    async def _open(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        body = recorded.body
        if field := CHAT.misfit(body):
            raise refused(4000, field)
        chat.check_meta_data(body.get("meta_data"))
        messages = body.get("messages") or []
        for message in messages:
            chat.check_message(message, self.files.__contains__)
        room = self.rooms.open(
            bot_id=body.get("bot_id") or "",
            name=body.get("name") or "",
            meta_data=body.get("meta_data") or {},
        )
        room.history += [_entered(message, room, self.rooms.number) for message in messages]
        return await self._sent(request, recorded, room.to_json())

    async def _room(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        room = self.rooms.room(recorded.query.get("conversation_id", ""))
        return await self._sent(request, recorded, room.to_json())

    async def _of_bot(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        found = self.rooms.of_bot(recorded.query.get("bot_id", ""))
        page = max(1, int(recorded.query.get("page_num", 1)))
        size = min(50, int(recorded.query.get("page_size", 50)))
        begin = (page - 1) * size
        shown = [room.to_json() for room in found[begin : begin + size]]
        data = {"conversations": shown, "has_more": len(found) > begin + size}
        return await self._sent(request, recorded, data)

    async def _say(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        room = self.rooms.room(recorded.query.get("conversation_id", ""))
        chat.check_message(recorded.body, self.files.__contains__)
        message = _entered(recorded.body, room, self.rooms.number)
        room.history.append(message)
        return await self._sent(request, recorded, message)

    async def _history(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        room = self.rooms.room(recorded.query.get("conversation_id", ""))
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
        return await self._sent(request, recorded, page, has_more=len(found) > limit, **ends)

    async def _message(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        room = self.rooms.room(recorded.query.get("conversation_id", ""))
        number = recorded.query.get("message_id", "")
        found = next((message for message in room.history if message["id"] == number), None)
        if found is None:
            raise refused(4200, f"message_id={number}")
        return await self._sent(request, recorded, found)

    async def _upload(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        given = recorded.body.get("file")
        if not isinstance(given, dict) or not 0 < given["bytes"] <= _BIGGEST_FILE:
            raise refused(4000, "file")
        number = f"{self.rooms.number()}{secrets.randbelow(10)}"
        file = {"id": number, "bytes": given["bytes"], "created_at": int(self.settings.clock())}
        self.files[number] = {**file, "file_name": given["filename"]}
        return await self._sent(request, recorded, self.files[number])

    async def _file(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        number = recorded.query.get("file_id", "")
        if number not in self.files:
            raise refused(4200, f"file_id={number}")
        return await self._sent(request, recorded, self.files[number])

    async def _bot(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        bot = recorded.query.get("bot_id", "")
        if self.settings.strict and bot != self.settings.model:
            raise refused(4200, f"bot_id={bot}")
        shown = {"bot_id": bot, "name": "Simulated", "description": "", "icon_url": "", "version": "1"}
        prompt, greeting = {"prompt": ""}, {"prologue": "", "suggested_questions": []}
        data = {**shown, "prompt_info": prompt, "onboarding_info": greeting, "bot_mode": 0}
        return await self._sent(request, recorded, data)


async def _has_body(request: web.BaseRequest) -> bool:
    return bool(request.content_type == "multipart/form-data" or await request.read())


def _entered(message: Json, where: CozeTalk | CozeRoom, number: Callable[[], str]) -> Json:
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


def _spoken(messages: list[Json]) -> list[Json]:
    """Return the messages that a model reads."""
    return [message for message in messages if message["type"] not in ("verbose", "follow_up")]
