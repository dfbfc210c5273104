"""The OpenAI simulator: chat completions (whole and streamed), models and embeddings."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from aiohttp import web

from mindbot.domain.message import Json
from mindbot.sim.faults import Fault
from mindbot.sim.models.conversation import ModelReply
from mindbot.sim.models.model import TooLong
from mindbot.sim.models.quotas import Spent
from mindbot.sim.models.refusals import ModelApiError
from mindbot.sim.models.requests import Recorded
from mindbot.sim.models.server import ModelRoute, ModelSimSettings, ModelSimulator
from mindbot.sim.openai import chat
from mindbot.sim.openai.embed import embeddings
from mindbot.sim.openai.errors import error, error_for, invalid
from mindbot.sim.openai.stream import SHAPE, frames
from mindbot.sim.server import SimulatorSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAISimSettings(ModelSimSettings):
    """``rate_limit`` is what the rate headers tell."""

    embedding_model: str = "sim-embedding-1"
    dimensions: int = 256
    rate_limit: int = 10_000


class OpenAISimulator(ModelSimulator):
    """See the module."""

    name: ClassVar[str] = "openai"
    Settings: ClassVar[type[SimulatorSettings]] = OpenAISimSettings

    def __init__(self, settings: OpenAISimSettings) -> None:
        super().__init__(settings)
        self.settings = settings
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

    def error_body(self, fault: Fault) -> Json:
        self.counters[f"status.{fault.number}"] += 1
        return error_for(fault.number, fault.options.get("code", ""))

    def route(self, request: web.BaseRequest) -> ModelRoute:
        path, method = request.path, request.method
        if method == "GET" and path.startswith("/v1/models/"):
            return self._one_model
        if path not in self._routes:
            raise ModelApiError(404, error(f"Invalid URL ({method} {path})"))
        wanted, route = self._routes[path]
        if method != wanted:
            hint = "(HINT: Perhaps you meant to use a different HTTP method?)"
            raise ModelApiError(405, error(f"Not allowed to {method} on {path}. {hint}"))
        return route

    def key_of(self, request: web.BaseRequest) -> str:
        return request.headers.get("Authorization", "").removeprefix("Bearer ")

    def check(self, request: web.BaseRequest, recorded: Recorded) -> None:
        if self.settings.strict:
            if not request.headers.get("Authorization", "").startswith("Bearer "):
                message = (
                    "You didn't provide an API key. You need to provide your API key in an Authorization"
                    " header."
                )
                raise ModelApiError(401, error(message))
            if recorded.key != self.settings.api_key:
                raise ModelApiError(401, error_for(401))
        self.counters[request.path.removeprefix("/v1/")] += 1

    def unreadable(self) -> ModelApiError:
        return invalid("We could not parse the JSON body of your request.")

    def over_quota(self, spent: Spent) -> ModelApiError:
        if spent.rule.endswith("day"):
            return ModelApiError(429, error_for(429, "insufficient_quota"))
        return ModelApiError(429, error_for(429), {"retry-after": str(max(1, round(spent.wait)))})

    def answer_headers(self, recorded: Recorded) -> Mapping[str, str]:
        limit, minute = str(self.settings.rate_limit), time.time() % 60
        left = max(0, self.settings.rate_limit - self.counters["requests"])
        return {
            "x-request-id": f"req_{recorded.number:032x}",
            "openai-version": "2020-10-01",
            "openai-processing-ms": str(round(self.latency * 1000)),
            "x-ratelimit-limit-requests": limit,
            "x-ratelimit-remaining-requests": str(left),
            "x-ratelimit-reset-requests": f"{60 - minute:.3f}s",
            "x-ratelimit-limit-tokens": "2000000",
            "x-ratelimit-remaining-tokens": "1999000",
            "x-ratelimit-reset-tokens": "30ms",
        }

    def _named(self, model: str) -> Json:
        """Return what is told of a model; raises ModelApiError for one that there is not."""
        if self.settings.strict and model not in (self.settings.model, self.settings.embedding_model):
            message = f"The model `{model}` does not exist or you do not have access to it."
            raise ModelApiError(404, error(message, code="model_not_found"))
        return {"id": model, "object": "model", "created": self._started, "owned_by": "mindbot-sim"}

    async def _one_model(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        return await self.whole(request, recorded, self._named(request.path.removeprefix("/v1/models/")))

    async def _models(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        models = [self._named(self.settings.model), self._named(self.settings.embedding_model)]
        return await self.whole(request, recorded, {"object": "list", "data": models})

    async def _embeddings(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        self._named(str(recorded.body.get("model") or self.settings.model))
        return await self.whole(request, recorded, embeddings(recorded.body, self.settings.dimensions))

    async def _chat(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        body = recorded.body
        self._named(str(body.get("model") or self.settings.model))
        try:
            reply = await self.reply(recorded, chat.question(body))
        except TooLong as exc:
            raise chat.too_long(exc) from exc
        head = {
            "id": f"chatcmpl-{recorded.number:029d}",
            "created": int(time.time()),
            "model": reply.model,
            "service_tier": "default",
            "system_fingerprint": "fp_simulated",
        }
        if body.get("stream"):
            include_usage = bool((body.get("stream_options") or {}).get("include_usage"))
            return await self.stream(request, recorded, frames(reply, head, include_usage), SHAPE)
        return await self.whole(request, recorded, _completion(reply, head), reply.tokens)


def _completion(reply: ModelReply, head: Json) -> Json:
    """Return an answer that is not streamed."""
    message: Json = {
        "role": "assistant",
        "content": reply.text or (None if reply.calls else ""),
        "refusal": None,
        "annotations": [],
    }
    if reply.reasoning:
        message["reasoning_content"] = reply.reasoning
    if reply.calls:
        message["tool_calls"] = [chat.tool_call(call) for call in reply.calls]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": chat.finish(reply)}
    return {**head, "object": "chat.completion", "choices": [choice], "usage": chat.usage(reply)}
