"""The OpenAI simulator: chat completions (whole and streamed), models and embeddings."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import anyio
import orjson
from aiohttp import web

from mindbot.domain.message import Json
from mindbot.sim.faults import Fault, FaultKind
from mindbot.sim.openai.chat import ChatCompletion, Model, Scripted
from mindbot.sim.openai.embed import embeddings
from mindbot.sim.openai.errors import ModelApiError, error, error_for, invalid
from mindbot.sim.openai.stream import STREAM_KINDS, frames, play
from mindbot.sim.server import Simulator, SimulatorSettings, json_response

_KEPT = 1000  # requests remembered for tests


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAISimSettings(SimulatorSettings):
    """``tokens_per_second`` 0 sends everything at once; ``rate_limit`` is what the rate headers tell."""

    api_key: str = "sk-simulated"
    model: str = "sim-1"
    embedding_model: str = "sim-embedding-1"
    dimensions: int = 256
    context_tokens: int = 128_000
    tokens_per_second: float = 0.0
    rate_limit: int = 10_000


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request as it came; header names are lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: Json


class OpenAISimulator(Simulator):
    """See the module. ``requests`` holds the latest requests, ``model.script`` prepared replies."""

    name: ClassVar[str] = "openai"
    Settings: ClassVar[type[SimulatorSettings]] = OpenAISimSettings
    kinds: ClassVar[Mapping[str, FaultKind]] = STREAM_KINDS

    def __init__(self, settings: OpenAISimSettings) -> None:
        super().__init__(settings)
        self.settings = settings
        self.model = Model(settings.context_tokens)
        self.requests: deque[Recorded] = deque(maxlen=_KEPT)
        self._number = 0
        self._started = int(time.time())
        self._routes = {
            "/v1/chat/completions": ("POST", self._chat),
            "/v1/embeddings": ("POST", self._embeddings),
            "/v1/models": ("GET", self._models),
        }

    @property
    def base_url(self) -> str:
        return f"{self.origin}/v1"

    def details(self) -> Json:
        s = self.settings
        return {
            "base_url": self.base_url,
            "api_key": s.api_key,
            "model": s.model,
            "embedding_model": s.embedding_model,
        }

    def script(self, *replies: Scripted) -> None:
        """Prepare replies, to be used in this order."""
        self.model.script.extend(replies)

    def reset(self) -> None:
        super().reset()
        self.model.script.clear()
        self.requests.clear()

    def error_body(self, fault: Fault) -> Json:
        self.counters[f"status.{fault.number}"] += 1
        return error_for(fault.number, fault.options.get("code", ""))

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self._number += 1
        try:
            return await self._route(request)
        except ModelApiError as exc:
            self.counters[f"status.{exc.status}"] += 1
            return json_response(exc.body, exc.status, self._headers())

    async def _route(self, request: web.BaseRequest) -> web.StreamResponse:
        path, method = request.path, request.method
        if method == "GET" and path.startswith("/v1/models/"):
            self._authorize(request)
            return json_response(self._model(path.removeprefix("/v1/models/")), headers=self._headers())
        if path not in self._routes:
            raise ModelApiError(404, error(f"Invalid URL ({method} {path})"))
        wanted, handler = self._routes[path]
        if method != wanted:
            hint = "(HINT: Perhaps you meant to use a different HTTP method?)"
            raise ModelApiError(405, error(f"Not allowed to {method} on {path}. {hint}"))
        self._authorize(request)
        self.counters[path.removeprefix("/v1/")] += 1
        body = await self._read(request) if method == "POST" else {}
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(Recorded(method, path, headers, body))
        return await handler(request, body)

    def _authorize(self, request: web.BaseRequest) -> None:
        if not self.settings.strict:
            return
        given = request.headers.get("Authorization", "")
        if not given.startswith("Bearer "):
            message = (
                "You didn't provide an API key. You need to provide your API key in an Authorization header."
            )
            raise ModelApiError(401, error(message))
        if given != f"Bearer {self.settings.api_key}":
            raise ModelApiError(401, error_for(401))

    async def _read(self, request: web.BaseRequest) -> Json:
        try:
            body = orjson.loads(await request.read())
        except ValueError as exc:
            raise invalid("We could not parse the JSON body of your request.") from exc
        if not isinstance(body, dict):
            raise invalid("We could not parse the JSON body of your request.")
        if self.settings.strict:
            self._model(str(body.get("model") or self.settings.model))
        return body

    def _model(self, model: str) -> Json:
        if self.settings.strict and model not in (self.settings.model, self.settings.embedding_model):
            message = f"The model `{model}` does not exist or you do not have access to it."
            raise ModelApiError(404, error(message, code="model_not_found"))
        return {"id": model, "object": "model", "created": self._started, "owned_by": "mindbot-sim"}

    def _headers(self) -> dict[str, str]:
        """Return the headers of every answer."""
        limit, minute = str(self.settings.rate_limit), time.time() % 60
        return {
            "x-request-id": f"req_{self._number:032x}",
            "openai-version": "2020-10-01",
            "openai-processing-ms": str(round(self.latency * 1000)),
            "x-ratelimit-limit-requests": limit,
            "x-ratelimit-remaining-requests": str(
                max(0, self.settings.rate_limit - self.counters["requests"])
            ),
            "x-ratelimit-reset-requests": f"{60 - minute:.3f}s",
            "x-ratelimit-limit-tokens": "2000000",
            "x-ratelimit-remaining-tokens": "1999000",
            "x-ratelimit-reset-tokens": "30ms",
        }

    async def _models(self, request: web.BaseRequest, body: Json) -> web.StreamResponse:
        models = [self._model(self.settings.model), self._model(self.settings.embedding_model)]
        return json_response({"object": "list", "data": models}, headers=self._headers())

    async def _embeddings(self, request: web.BaseRequest, body: Json) -> web.StreamResponse:
        return json_response(embeddings(body, self.settings.dimensions), headers=self._headers())

    async def _chat(self, request: web.BaseRequest, body: Json) -> web.StreamResponse:
        completion = self.model.complete(body)
        head = {
            "id": f"chatcmpl-{self._number:029d}",
            "created": int(time.time()),
            "model": completion.model,
            "service_tier": "default",
            "system_fingerprint": "fp_simulated",
        }
        if self.latency:
            await anyio.sleep(self.latency)
        if body.get("stream"):
            include_usage = bool((body.get("stream_options") or {}).get("include_usage"))
            return await self._stream(request, completion, head, include_usage)
        if self.settings.tokens_per_second:
            await anyio.sleep(completion.completion_tokens / self.settings.tokens_per_second)
        message: Json = {
            "role": "assistant",
            "content": completion.text or (None if completion.tool_calls else ""),
            "refusal": None,
            "annotations": [],
        }
        if completion.reasoning:
            message["reasoning_content"] = completion.reasoning
        if completion.tool_calls:
            message["tool_calls"] = completion.tool_calls
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": completion.finish}
        whole = {**head, "object": "chat.completion", "choices": [choice], "usage": completion.usage}
        return json_response(whole, headers=self._headers())

    async def _stream(
        self, request: web.BaseRequest, completion: ChatCompletion, head: Json, include_usage: bool
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={**self._headers(), "Cache-Control": "no-cache"})
        response.content_type, response.charset = "text/event-stream", "utf-8"
        await response.prepare(request)
        events = frames(completion, head, include_usage)
        found = self.faults.strikes(request.path, STREAM_KINDS) if self.faults else []
        struck = {fault.kind: fault for fault in found}
        speed = self.settings.tokens_per_second
        if not struck and not speed:
            await response.write(b"".join(event.data for event in events))
        elif not await play(response, events, struck, 1 / speed if speed else 0.0) and request.transport:
            request.transport.close()
        return response
