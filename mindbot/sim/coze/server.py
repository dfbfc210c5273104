"""The Coze simulator: bots by chat v3 and workflows, their conversations, files and tokens."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import anyio
from aiohttp import web

from mindbot.domain.message import Json
from mindbot.sim.coze import chat
from mindbot.sim.coze.bot import SHAPE, frames, take_up
from mindbot.sim.coze.errors import refused
from mindbot.sim.coze.events import DONE, done_with
from mindbot.sim.coze.fields import SUBMISSION
from mindbot.sim.coze.flow_calls import FlowCalls
from mindbot.sim.coze.flows import FlowShelf
from mindbot.sim.coze.oauth import TokenDesk, private_key
from mindbot.sim.coze.room_calls import RoomCalls, entered, spoken
from mindbot.sim.coze.rooms import CozeTalk
from mindbot.sim.coze.workspace import CozeSimSettings, CozeWorkspace
from mindbot.sim.models.conversation import ModelQuestion
from mindbot.sim.models.refusals import ModelApiError
from mindbot.sim.models.requests import Recorded
from mindbot.sim.models.server import ModelRoute
from mindbot.sim.models.streams import Frame

_TOKEN = "/api/permission/oauth2/token"  # noqa: S105 - a path
_BIGGEST_FILE = 512 * 1024 * 1024  # bytes


class CozeSimulator(CozeWorkspace):
    """See the module. ``desk`` gives tokens, ``flows`` are the workflows."""

    def __init__(self, settings: CozeSimSettings) -> None:
        super().__init__(settings)
        self.desk = TokenDesk(settings.api_key, settings.app_id, settings.public_key_id, settings.clock)
        shelf = FlowShelf(settings.clock, settings.strict)
        shelf.define(settings.workflows)
        self.flows = FlowCalls(self, shelf)
        self._room_calls = RoomCalls(self)
        self._routes: dict[str, ModelRoute] = {
            f"POST {_TOKEN}": self._token,
            "POST /v3/chat": self._chat,
            "POST /v1/workflows/chat": self._flow_chat,
            "GET /v3/chat/retrieve": self._retrieve,
            "POST /v3/chat/retrieve": self._retrieve,
            "GET /v3/chat/message/list": self._messages,
            "POST /v3/chat/submit_tool_outputs": self._submit,
            "POST /v3/chat/cancel": self._cancel,
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
        self.flows.shelf.runs.clear()

    def route(self, request: web.BaseRequest) -> ModelRoute:
        found = self._routes.get(f"{request.method} {request.path}")
        found = found or self._room_calls.route(request.method, request.path)
        found = found or self.flows.route(request.method, request.path)
        if found is None:
            raise refused(4200, f"{request.method} {request.path}", status=404)
        self.counters[request.path.strip("/")] += 1
        return found

    def check(self, request: web.BaseRequest, recorded: Recorded) -> None:
        given = request.headers.get("Authorization", "")
        if request.path != _TOKEN and self.settings.strict and not self.desk.knows(given):
            raise refused(700012006 if given.startswith("Bearer ") else 4100, status=401)

    async def _token(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        given = request.headers.get("Authorization", "")
        return await self.whole(request, recorded, self.desk.exchange(given, recorded.body, request.host))

    async def _chat(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        body = recorded.body
        asked = chat.check(body, self.files.__contains__)
        bot, number = body["bot_id"], recorded.query.get("conversation_id", "")
        if self.settings.strict and bot != self.settings.model and bot not in self.settings.bots:
            raise refused(4200, f"bot_id={bot}")
        room = self.rooms.room(number) if number else self.rooms.open(bot_id=bot)
        saved = body.get("auto_save_history", True)
        talk = self.rooms.begin(room, bot, body["user_id"], body.get("meta_data") or {}, saved=saved)
        talk.asked = [entered(message, talk, self.rooms.number) for message in asked]
        return await self._work(request, recorded, talk, [*room.history, *talk.asked])

    async def _flow_chat(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        """Let a workflow answer as a bot does; it is streamed always."""
        body = recorded.body
        number = body.get("workflow_id")
        flow = self.flows.shelf.flow(number)
        asked = chat.check_messages(body, self.files.__contains__)
        given = body.get("conversation_id") or ""
        room = self.rooms.room(given) if given else self.rooms.open(bot_id=body.get("bot_id") or "")
        user = (body.get("ext") or {}).get("user_id", "")
        talk = self.rooms.begin(room, body.get("bot_id") or str(number), user, {}, saved=True)
        talk.asked = [entered(message, talk, self.rooms.number) for message in asked]
        said = spoken([*room.history, *talk.asked])
        question = chat.question(str(number), said, (), self.model.context_tokens)
        question = replace(question, answer=flow.answer.replace("{text}", question.asked))
        done = done_with(f"https://www.coze.cn/work_flow?execute_id={talk.id}&workflow_id={number}")
        return await self._answer_with(request, recorded, talk, question, done)

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
        """Let the bot answer a chat."""
        question = chat.question(talk.bot_id, spoken(said), self.settings.tools, self.model.context_tokens)
        if words := self.settings.bots.get(talk.bot_id):
            question = replace(question, answer=words.replace("{text}", question.asked))
        return await self._answer_with(request, recorded, talk, question)

    async def _answer_with(
        self,
        request: web.BaseRequest,
        recorded: Recorded,
        talk: CozeTalk,
        question: ModelQuestion,
        done: bytes = b"",
    ) -> web.StreamResponse:
        """Answer a chat, as a stream or while its caller polls; with ``done`` as a stream that ends so."""
        fault = self.faults.strike(self.place(request), "chat-failed") if self.faults else None
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
        if self.faults and self.faults.strike(self.place(request), "run-hangs"):
            wait = float("inf")
        takes = wait + self.speaking(reply)
        if recorded.body.get("stream") or done:
            shown_as = frames(talk, reply, new, done or DONE)
            return await self._streamed(request, recorded, talk, shown_as, wait, takes)
        talk.status = "in_progress"
        shown = talk.to_json()
        self.rooms.end_in(talk, max(takes, self.settings.work))
        if page := await self.gave_up(request):
            return page
        return await self.sent(request, recorded, shown)

    async def _streamed(
        self,
        request: web.BaseRequest,
        recorded: Recorded,
        talk: CozeTalk,
        shown: Iterator[Frame],
        wait: float,
        takes: float,
    ) -> web.StreamResponse:
        end = self.settings.clock() + takes
        try:
            if page := await self.gave_up(request):
                return page
            speed = self.settings.tokens_per_second
            if not wait and not speed:
                return await self.stream(request, recorded, shown, SHAPE)
            async with aclosing(_in_time(shown, wait, 1 / speed if speed else 0.0)) as frames:
                return await self.stream(request, recorded, frames, SHAPE)
        finally:  # it goes on whoever listens
            self.rooms.end_in(talk, 0 if recorded.ended else max(0.0, end - self.settings.clock()))

    def _talk(self, query: Mapping[str, Any]) -> CozeTalk:
        for name in ("conversation_id", "chat_id"):
            if not query.get(name):
                raise refused(4000, f"{name} is required")
        return self.rooms.talk(str(query["conversation_id"]), str(query["chat_id"]))

    async def _retrieve(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        talk = self._talk(recorded.query)
        if not talk.saved:
            raise refused(4200, f"chat_id={talk.id}")
        return await self.sent(request, recorded, talk.to_json())

    async def _messages(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        talk = self._talk(recorded.query)
        said = talk.said if talk.status not in ("created", "in_progress") else []
        return await self.sent(request, recorded, said)

    async def _cancel(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        talk = self._talk(recorded.body)
        self.rooms.cancel(talk)
        return await self.sent(request, recorded, talk.to_json())

    async def _upload(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        given = recorded.body.get("file")
        if not isinstance(given, dict) or not 0 < given["bytes"] <= _BIGGEST_FILE:
            raise refused(4000, "file")
        number = f"{self.rooms.number()}{secrets.randbelow(10)}"
        file = {"id": number, "bytes": given["bytes"], "created_at": int(self.settings.clock())}
        self.files[number] = {**file, "file_name": given["filename"]}
        return await self.sent(request, recorded, self.files[number])

    async def _file(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        number = recorded.query.get("file_id", "")
        if number not in self.files:
            raise refused(4200, f"file_id={number}")
        return await self.sent(request, recorded, self.files[number])

    async def _bot(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        bot = recorded.query.get("bot_id", "")
        if self.settings.strict and bot != self.settings.model:
            raise refused(4200, f"bot_id={bot}")
        shown = {"bot_id": bot, "name": "Simulated", "description": "", "icon_url": "", "version": "1"}
        prompt, greeting = {"prompt": ""}, {"prologue": "", "suggested_questions": []}
        data = {**shown, "prompt_info": prompt, "onboarding_info": greeting, "bot_mode": 0}
        return await self.sent(request, recorded, data)


async def _in_time(frames: Iterator[Frame], wait: float, pause: float) -> AsyncGenerator[Frame]:
    """Yield the events of a chat: its state at once, what it says after a ``wait``, piece by piece."""
    for frame in frames:
        if frame.part != "head" and wait:
            await (anyio.sleep_forever() if wait == float("inf") else anyio.sleep(wait))
            wait = 0.0
        if frame.part == "spoken":
            await anyio.sleep(pause)
        yield frame
