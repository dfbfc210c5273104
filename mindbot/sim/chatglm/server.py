"""The simulator of Zhipu's models (bigmodel, Z.ai): chat completions, embeddings and the list of models."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from aiohttp import web

from mindbot.domain.message import Json
from mindbot.sim.chatglm import chat
from mindbot.sim.chatglm.errors import NAMED, REFUSALS, refused, worded
from mindbot.sim.chatglm.fields import EMBEDDING
from mindbot.sim.chatglm.frames import SHAPE, completion, frames
from mindbot.sim.chatglm.keys import objection
from mindbot.sim.faults import Fault, FaultKind
from mindbot.sim.models.conversation import count_tokens
from mindbot.sim.models.model import TooLong
from mindbot.sim.models.quotas import Spent
from mindbot.sim.models.refusals import ModelApiError, RefusalTable, refusal_kinds
from mindbot.sim.models.requests import Recorded
from mindbot.sim.models.server import ModelRoute, ModelSimSettings, ModelSimulator
from mindbot.sim.models.vectors import embed
from mindbot.sim.server import SimulatorSettings

_ROOTS = ("/api/paas/v4", "/api/coding/paas/v4")
_DIMENSIONS = (256, 512, 1024, 2048)
_MOST_INPUTS = 64
_LONGEST_INPUT = 3072  # tokens
#: What is said of a quota that is used up.
_OVER = {
    "requests_per_minute": "1303",
    "tokens_per_minute": "1303",
    "requests_per_day": "1304",
    "tokens_per_day": "1304",
    "at_once": "1302",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatGLMSimSettings(ModelSimSettings):
    """The key has two halves: its name and the secret that a JWT is signed with."""

    api_key: str = "simulated0123456789.simulated-secret"
    model: str = "glm-5.3"
    embedding_model: str = "embedding-3"
    dimensions: int = 2048


class ChatGLMSimulator(ModelSimulator):
    """See the module."""

    name: ClassVar[str] = "chatglm"
    Settings: ClassVar[type[SimulatorSettings]] = ChatGLMSimSettings
    refusals: ClassVar[RefusalTable] = REFUSALS
    kinds: ClassVar[Mapping[str, FaultKind]] = {**ModelSimulator.kinds, **refusal_kinds(NAMED)}
    call_id: ClassVar[str] = "call_{:019d}"

    def __init__(self, settings: ChatGLMSimSettings) -> None:
        super().__init__(settings)
        self.settings = settings
        self._in_flight: set[str] = set()
        self._routes: dict[str, ModelRoute] = {
            "POST /chat/completions": self._chat,
            "POST /embeddings": self._embeddings,
            "GET /models": self._models,
        }

    @property
    def base_url(self) -> str:
        return self.origin + _ROOTS[0]

    def details(self) -> Json:
        s = self.settings
        return {
            "base_url": self.base_url,
            "api_key": s.api_key,
            "model": s.model,
            "embedding_model": s.embedding_model,
        }

    def error_body(self, fault: Fault) -> Json:
        self.counters[f"status.{fault.number}"] += 1
        return worded(fault.number, fault.options.get("code", ""))

    def route(self, request: web.BaseRequest) -> ModelRoute:
        root = next((root for root in _ROOTS if request.path.startswith(root)), None)
        path = request.path.removeprefix(root) if root else ""
        found = self._routes.get(f"{request.method} {path}")
        if found is None:
            raise ModelApiError(404, worded(404, "1222"))
        self.counters[path[1:]] += 1
        return found

    def key_of(self, request: web.BaseRequest) -> str:
        return request.headers.get("Authorization", "").removeprefix("Bearer ")

    def check(self, request: web.BaseRequest, recorded: Recorded) -> None:
        jwt = "jwt" if recorded.key.count(".") == 2 else "plain"
        self.counters[f"key.{jwt}"] += 1
        if not self.settings.strict:
            return
        given = request.headers.get("Authorization", "")
        if code := objection(given, self.settings.api_key, self.settings.clock()):
            raise refused(code)

    def unreadable(self) -> ModelApiError:
        return refused("1210")

    def over_quota(self, spent: Spent) -> ModelApiError:
        return refused(_OVER[spent.rule])

    def _check_model(self, body: Json, name: str) -> None:
        model = body.get("model")
        if not isinstance(model, str) or not model:
            raise refused("1211", "model is empty")
        if self.settings.strict and model != name:
            raise refused("1211")

    async def _models(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        names = (self.settings.model, self.settings.embedding_model)
        data = [
            {"id": name, "object": "model", "created": 1_785_542_400, "owned_by": "z-ai"} for name in names
        ]
        return await self.whole(request, recorded, {"object": "list", "data": data})

    async def _embeddings(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        body = recorded.body
        self._check_model(body, self.settings.embedding_model)
        if field := EMBEDDING.misfit(body):
            raise refused("1214", f"{field} is illegal")
        inputs = body.get("input")
        texts = [inputs] if isinstance(inputs, str) else inputs
        if not isinstance(texts, list) or not texts or not all(isinstance(t, str) and t for t in texts):
            raise refused("1213", "input is empty")
        if len(texts) > _MOST_INPUTS:
            raise refused("1214", f"input is illegal: at most {_MOST_INPUTS}")
        if max(map(count_tokens, texts)) > _LONGEST_INPUT:
            raise refused("1261")
        dimensions = body.get("dimensions") or self.settings.dimensions
        if dimensions < 1 or (self.settings.strict and dimensions not in _DIMENSIONS):
            raise refused("1214", "dimensions is illegal")
        tokens = sum(map(count_tokens, texts))
        data = [
            {"object": "embedding", "index": i, "embedding": embed(text, dimensions)}
            for i, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens}
        answer = {"object": "list", "model": body["model"], "data": data, "usage": usage}
        return await self.whole(request, recorded, answer)

    async def _chat(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        body = recorded.body
        self._check_model(body, self.settings.model)
        number = str(body.get("request_id") or f"{20_261_130_000_000_000 + recorded.number}")
        if number in self._in_flight:
            raise refused("1231")
        self._in_flight.add(number)
        try:
            return await self._complete(request, recorded, number)
        finally:
            self._in_flight.discard(number)

    async def _complete(
        self, request: web.BaseRequest, recorded: Recorded, number: str
    ) -> web.StreamResponse:
        body = recorded.body
        try:
            reply = await self.reply(recorded, chat.question(body))
        except TooLong as exc:
            raise refused("1261") from exc
        if reply.blocked:
            raise refused("1301")
        head = {"id": number, "created": int(time.time()), "model": reply.model}
        if body.get("stream"):
            events = frames(reply, head, tool_stream=bool(body.get("tool_stream")))
            return await self.stream(request, recorded, events, SHAPE)
        whole = completion(reply, {**head, "request_id": number})
        return await self.whole(request, recorded, whole, reply.tokens)
