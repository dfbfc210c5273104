"""The Anthropic simulator: messages (whole and streamed), token counts and models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

import orjson
from aiohttp import web

from mindbot.domain.message import Json
from mindbot.sim.anthropic.answers import SHAPE, AnthropicReply, Caching
from mindbot.sim.anthropic.messages import VERSIONS, question
from mindbot.sim.anthropic.refusals import REFUSALS, error, error_for, invalid
from mindbot.sim.faults import Fault, FaultKind
from mindbot.sim.models.conversation import ModelReply, count_tokens
from mindbot.sim.models.model import TooLong
from mindbot.sim.models.quotas import Spent
from mindbot.sim.models.refusals import ModelApiError, RefusalTable, refusal_kinds
from mindbot.sim.models.requests import Recorded
from mindbot.sim.models.server import ModelRoute, ModelSimSettings, ModelSimulator
from mindbot.sim.models.streams import ODD_KINDS, STREAM_KINDS, WHOLE_KINDS
from mindbot.sim.server import SimulatorSettings

_MOST_BYTES = 32 << 20  # of a request
_RATES = {
    "requests": "requests_per_minute",
    "tokens": "tokens_per_minute",
    "input-tokens": "tokens_per_minute",
    "output-tokens": "tokens_per_minute",
}
_LIMIT = 4000  # told where there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class AnthropicSimSettings(ModelSimSettings):
    """``output_tokens`` is the most that ``max_tokens`` may be."""

    api_key: str = "sk-ant-simulated"
    context_tokens: int = 200_000
    output_tokens: int = 64_000


class AnthropicSimulator(ModelSimulator):
    """See the module."""

    name: ClassVar[str] = "anthropic"
    Settings: ClassVar[type[SimulatorSettings]] = AnthropicSimSettings
    refusals: ClassVar[RefusalTable] = REFUSALS
    kinds: ClassVar[Mapping[str, FaultKind]] = {
        **STREAM_KINDS,
        **WHOLE_KINDS,
        **ODD_KINDS,
        **refusal_kinds(REFUSALS),
    }
    call_id: ClassVar[str] = "toolu_{:024d}"

    def __init__(self, settings: AnthropicSimSettings) -> None:
        super().__init__(settings)
        self.settings = settings
        self._cached: set[bytes] = set()  # beginnings of requests
        self._routes = {
            "/v1/messages": ("POST", self._messages),
            "/v1/messages/count_tokens": ("POST", self._count),
            "/v1/models": ("GET", self._models),
        }

    def details(self) -> Json:
        return {"base_url": self.base_url, "api_key": self.settings.api_key, "model": self.settings.model}

    def reset(self) -> None:
        super().reset()
        self._cached.clear()

    def error_body(self, fault: Fault) -> Json:
        self.counters[f"status.{fault.number}"] += 1
        named = REFUSALS.get(fault.options.get("code", ""))
        body = named(self.settings.clock()).body if named else error_for(fault.number)
        return {**body, "request_id": f"req_fault{self.number:019d}"}

    def route(self, request: web.BaseRequest) -> ModelRoute:
        path, method = request.path, request.method
        if method == "GET" and path.startswith("/v1/models/"):
            return self._one_model
        wanted, route = self._routes.get(path, ("", self._messages))
        if not wanted:
            raise ModelApiError(404, error("not_found_error", "Not Found"))
        if method != wanted:
            raise ModelApiError(405, error("invalid_request_error", "Method Not Allowed"))
        return route

    def key_of(self, request: web.BaseRequest) -> str:
        bearer = request.headers.get("Authorization", "")
        return request.headers.get("x-api-key", "") or bearer.removeprefix("Bearer ")

    def check(self, request: web.BaseRequest, recorded: Recorded) -> None:
        if self.settings.strict and recorded.key != self.settings.api_key:
            why = "invalid x-api-key" if recorded.key else "x-api-key header is required"
            raise ModelApiError(401, error("authentication_error", why))
        version = recorded.headers.get("anthropic-version")
        if version is None:
            raise invalid("anthropic-version: header is required")
        if version not in VERSIONS:
            raise invalid(f'anthropic-version: "{version}" is not a valid version')
        if (request.content_length or 0) > _MOST_BYTES:
            raise self.refusal("request_too_large")
        self.counters[request.path.removeprefix("/v1/")] += 1
        self.counters[f"version.{version}"] += 1

    def unreadable(self) -> ModelApiError:
        return invalid("The request body is not valid JSON")

    def over_quota(self, spent: Spent) -> ModelApiError:
        if spent.rule == "at_once":
            message = "Number of concurrent connections has exceeded your rate limit."
            return ModelApiError(429, error("rate_limit_error", message))
        what = spent.rule.replace("_", " ")
        message = f"This request would exceed your organization's rate limit of {spent.limit} {what}."
        wait = {"retry-after": str(max(1, round(spent.wait)))}
        return ModelApiError(429, error("rate_limit_error", message), wait)

    def answer_headers(self, recorded: Recorded) -> Mapping[str, str]:
        headers = {
            "request-id": _request_id(recorded.number),
            "anthropic-organization-id": "org-simulated",
        }
        now = self.settings.clock()
        for name, rule in _RATES.items():
            limit, left, wait = self.quotas.left(recorded.key, rule) or (_LIMIT, _LIMIT - 1, 60 - now % 60)
            at = datetime.fromtimestamp(now + wait, UTC)
            headers[f"anthropic-ratelimit-{name}-limit"] = str(limit)
            headers[f"anthropic-ratelimit-{name}-remaining"] = str(left)
            headers[f"anthropic-ratelimit-{name}-reset"] = f"{at:%Y-%m-%dT%H:%M:%SZ}"
        return headers

    def refusal_body(self, exc: ModelApiError, recorded: Recorded) -> Any:
        return {**exc.body, "request_id": _request_id(recorded.number)}

    def _named(self, model: str) -> Json:
        """Return what is told of a model; raises ModelApiError for one that there is not."""
        if self.settings.strict and model != self.settings.model:
            raise ModelApiError(404, error("not_found_error", f"model: {model}"))
        return {
            "type": "model",
            "id": model,
            "display_name": model,
            "created_at": "2026-01-01T00:00:00Z",
            "lifecycle": "active",
            "max_input_tokens": self.settings.context_tokens,
            "max_tokens": self.settings.output_tokens,
        }

    async def _one_model(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        return await self.whole(request, recorded, self._named(request.path.removeprefix("/v1/models/")))

    async def _models(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        model = self.settings.model
        page = {"data": [self._named(model)], "has_more": False, "first_id": model, "last_id": model}
        return await self.whole(request, recorded, page)

    async def _count(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        recorded.question = question(recorded.body, recorded.headers["anthropic-version"])
        self._named(recorded.question.model)
        return await self.whole(request, recorded, {"input_tokens": recorded.question.tokens})

    async def _messages(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        body = recorded.body
        asked = question(body, recorded.headers["anthropic-version"], self.settings.output_tokens)
        self._named(asked.model)
        try:
            reply = await self.reply(recorded, asked)
        except TooLong as exc:
            raise invalid(f"prompt is too long: {exc.tokens} tokens > {exc.most} maximum") from exc
        shown = (body.get("thinking") or {}).get("display") != "omitted"
        answer = AnthropicReply(f"msg_{recorded.number:024d}", reply, self._cache(body, reply), shown)
        if self.framed(request, bool(body.get("stream"))):
            return await self.stream(request, recorded, answer.frames(), SHAPE)
        return await self.whole(request, recorded, answer.to_json(), reply.tokens)

    def _cache(self, body: Json, reply: ModelReply) -> Caching:
        """Write what is marked to the prompt cache, or read it: everything before the last message."""
        if reply.cached:
            return Caching(read=min(reply.cached, reply.prompt_tokens))
        if b'"cache_control":{' not in orjson.dumps(body):
            return Caching()
        prefix = orjson.dumps([body.get("system"), body.get("tools"), body["messages"][:-1]])
        tokens = min(count_tokens(prefix.decode()), reply.prompt_tokens)
        if prefix in self._cached:
            return Caching(read=tokens)
        self._cached.add(prefix)
        return Caching(written=tokens)


def _request_id(number: int) -> str:
    return f"req_{number:024d}"
