"""The Dify simulator: one app of the chat family, with uploads and stops.

Source: Service API, "Send chat message", "Stop response", "File upload", "Get application info". A key is one
app; the kind of app is a setting.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from aiohttp import web

from mindbot.domain.message import Json
from mindbot.sim.dify.errors import REFUSALS, refused, worded
from mindbot.sim.dify.events import SHAPE, AppRun, Mode, frames, whole
from mindbot.sim.faults import Fault, FaultKind, kind
from mindbot.sim.models.conversation import ModelQuestion, Utterance
from mindbot.sim.models.model import TooLong
from mindbot.sim.models.quotas import Spent
from mindbot.sim.models.refusals import ModelApiError, RefusalTable, refusal_kinds
from mindbot.sim.models.requests import Recorded
from mindbot.sim.models.server import ModelRoute, ModelSimSettings, ModelSimulator
from mindbot.sim.server import SimulatorSettings, json_response

_STOP = re.compile(r"/v1/chat-messages/([\w-]+)/stop")
_KINDS = frozenset({"image", "document", "audio", "video", "custom"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DifySimSettings(ModelSimSettings):
    """``mode`` is the kind of app that the key belongs to."""

    api_key: str = "app-simulated"
    mode: Mode = "chat"


class DifySimulator(ModelSimulator):
    """See the module. ``stopped`` are the runs that were stopped by whom they belong to."""

    name: ClassVar[str] = "dify"
    Settings: ClassVar[type[SimulatorSettings]] = DifySimSettings
    refusals: ClassVar[RefusalTable] = REFUSALS
    kinds: ClassVar[Mapping[str, FaultKind]] = {
        **ModelSimulator.kinds,
        **refusal_kinds(REFUSALS),
        "node-failed": kind("node", "error"),  # a node of a chatflow fails, and with it the run
    }

    def __init__(self, settings: DifySimSettings) -> None:
        super().__init__(settings)
        self.settings = settings
        self.files: dict[str, Json] = {}
        self.runs: dict[str, str] = {}  # whose each is
        self.stopped: list[str] = []
        self._routes: dict[str, ModelRoute] = {
            "POST /v1/chat-messages": self._chat,
            "POST /v1/files/upload": self._upload,
            "GET /v1/info": self._info,
        }

    @property
    def base_url(self) -> str:
        return f"{self.origin}/v1"

    def details(self) -> Json:
        return {"base_url": self.base_url, "api_key": self.settings.api_key, "mode": self.settings.mode}

    def reset(self) -> None:
        super().reset()
        self.files.clear()
        self.runs.clear()
        self.stopped.clear()

    def error_body(self, fault: Fault) -> Json:
        self.counters[f"status.{fault.number}"] += 1
        return worded(fault.number, fault.options.get("code", ""))

    def route(self, request: web.BaseRequest) -> ModelRoute:
        found = self._routes.get(f"{request.method} {request.path}")
        if found is None and request.method == "POST" and _STOP.fullmatch(request.path):
            found = self._stop
        if found is None:
            raise refused("not_found", "The requested URL was not found on the server.")
        self.counters[request.path.removeprefix("/v1/")] += 1
        return found

    def key_of(self, request: web.BaseRequest) -> str:
        return request.headers.get("Authorization", "").removeprefix("Bearer ")

    def check(self, request: web.BaseRequest, recorded: Recorded) -> None:
        if self.settings.strict and recorded.key != self.settings.api_key:
            raise refused("unauthorized")

    def unreadable(self) -> ModelApiError:
        return refused("bad_request", "Failed to decode JSON object")

    def over_quota(self, spent: Spent) -> ModelApiError:
        return refused("rate_limit_error" if spent.rule.endswith("day") else "too_many_requests")

    async def _info(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        info = {"name": "Simulated", "description": "", "tags": [], "mode": self.settings.mode}
        return await self.whole(request, recorded, {**info, "author_name": "mindbot"})

    async def _upload(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        file = recorded.body.get("file")
        if not isinstance(file, dict):
            raise refused("no_file_uploaded")
        number = str(uuid.uuid4())
        extension = str(file["filename"]).rpartition(".")[2]
        self.files[number] = {"user": recorded.body.get("user"), **file}
        recorded.ended = True
        shown = {"id": number, "name": file["filename"], "size": file["bytes"], "extension": extension}
        return json_response({**shown, "mime_type": file["content_type"], "created_at": self._now()}, 201)

    async def _stop(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        found = _STOP.fullmatch(request.path)
        task = found[1] if found else ""
        if self.runs.get(task) == recorded.body.get("user"):  # another's stop succeeds and does nothing
            self.stopped.append(task)
        return await self.whole(request, recorded, {"result": "success"})

    async def _chat(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        body = recorded.body
        question = self._question(body)
        streamed = body.get("response_mode") == "streaming"
        if not streamed and self.settings.mode == "agent":
            raise refused("bad_request")
        if not streamed and self.settings.mode == "agent-chat":
            raise refused("invalid_param", "Agent Chat App does not support blocking mode")
        try:
            reply = await self.reply(recorded, question)
        except TooLong as exc:
            said = "[openai] Error: prompt is too long for this model"
            raise refused("completion_request_error", said) from exc
        task, message, talk, run = (str(uuid.uuid4()) for _ in range(4))
        self.runs[task] = body["user"]
        fault = self.faults.strike(request.path, "node-failed") if self.faults else None
        node = fault.options.get("node", "LLM") if fault else ""
        error = fault.options.get("error", "it broke") if fault else ""
        ran = AppRun(task, message, talk, run, self._now(), self.settings.mode, node, error)
        if not streamed:
            return await self.whole(request, recorded, whole(ran, reply), reply.tokens)
        return await self.stream(request, recorded, frames(ran, reply), SHAPE)

    def _question(self, body: Json) -> ModelQuestion:
        for name in ("query", "user"):
            if not isinstance(body.get(name), str) or not body[name]:
                raise refused("invalid_param", f"{name} is required")
        if not isinstance(body.get("inputs"), dict):
            raise refused("invalid_param", "inputs is required")
        if "conversation_id" in body:
            self._check_conversation(body["conversation_id"])
        pictures = 0
        for file in body.get("files") or ():
            self._check_file(file, body["user"])
            pictures += file["type"] == "image"
        return ModelQuestion("app", [Utterance("user", body["query"], pictures=pictures)])

    def _check_conversation(self, number: Any) -> None:
        try:
            uuid.UUID(str(number))
        except ValueError as exc:
            raise refused("invalid_param", f"{number} is not a valid UUID.") from exc
        raise refused("not_found")  # none is kept yet

    def _check_file(self, file: Any, user: str) -> None:
        if not isinstance(file, dict) or file.get("type") not in _KINDS:
            raise refused("invalid_param", "Invalid file type")
        if file.get("transfer_method") == "remote_url" and file.get("url"):
            return
        known = self.files.get(str(file.get("upload_file_id")))
        if known is None or known["user"] != user:
            raise refused("invalid_param", "Invalid upload file")

    def _now(self) -> int:
        return int(self.settings.clock())
