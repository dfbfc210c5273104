"""The Gemini simulator: generateContent (whole and streamed), token counts, embeddings and models."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from aiohttp import web

from mindbot.domain.message import Json
from mindbot.sim.faults import Fault, FaultKind
from mindbot.sim.gemini import fields as f
from mindbot.sim.gemini.answers import ARRAY, EVENTS, GeminiReply
from mindbot.sim.gemini.embed import batch, embedding
from mindbot.sim.gemini.questions import GeminiQuestion, read
from mindbot.sim.gemini.refusals import REFUSALS, bad_key, error, error_for, invalid, over
from mindbot.sim.models.model import TooLong
from mindbot.sim.models.quotas import Spent
from mindbot.sim.models.refusals import ModelApiError, RefusalTable, refusal_kinds
from mindbot.sim.models.requests import Recorded
from mindbot.sim.models.server import ModelRoute, ModelSimSettings, ModelSimulator
from mindbot.sim.models.streams import ODD_KINDS, STREAM_KINDS, WHOLE_KINDS
from mindbot.sim.server import SimulatorSettings

_PATH = re.compile(r"/v1(?:beta)?/models(?:/([\w.-]+)(?::(\w+))?)?")
_GENERATING = ("generateContent", "countTokens")
_EMBEDDING = ("embedContent", "batchEmbedContents")
_IDS = {"minute": "PerMinutePerProjectPerModel", "day": "PerDayPerProjectPerModel"}


@dataclass(frozen=True, slots=True, kw_only=True)
class GeminiSimSettings(ModelSimSettings):
    """``signatures``: the model wants the thought signatures of its calls back, as those that think do.

    ``strict`` wants turns to begin and to end with the user besides, as older models did.
    """

    api_key: str = "AIza-simulated"
    embedding_model: str = "sim-embedding-1"
    dimensions: int = 256
    context_tokens: int = 1_048_576
    output_tokens: int = 65_536
    signatures: bool = True


class GeminiSimulator(ModelSimulator):
    """See the module."""

    name: ClassVar[str] = "gemini"
    Settings: ClassVar[type[SimulatorSettings]] = GeminiSimSettings
    refusals: ClassVar[RefusalTable] = REFUSALS
    kinds: ClassVar[Mapping[str, FaultKind]] = {
        **STREAM_KINDS,
        **WHOLE_KINDS,
        **ODD_KINDS,
        **refusal_kinds(REFUSALS),
    }
    call_id: ClassVar[str] = "fc_{:016d}"

    def __init__(self, settings: GeminiSimSettings) -> None:
        super().__init__(settings)
        self.settings = settings
        self._methods: Mapping[str, ModelRoute] = {
            "generateContent": self._generate,
            "streamGenerateContent": self._generate,
            "countTokens": self._count,
            "embedContent": self._embed,
            "batchEmbedContents": self._embed_batch,
        }

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
        named = REFUSALS.get(fault.options.get("code", ""))
        return named(self.settings.clock()).body if named else error_for(fault.number)

    def route(self, request: web.BaseRequest) -> ModelRoute:
        found = _PATH.fullmatch(request.path)
        if found and request.method == "GET" and not found[2]:
            return self._one_model if found[1] else self._models
        if found and request.method == "POST" and found[2] in self._methods:
            return self._methods[found[2]]
        raise ModelApiError(
            404, error(404, "NOT_FOUND", f"Method not found: {request.method} {request.path}")
        )

    def key_of(self, request: web.BaseRequest) -> str:
        return request.headers.get("x-goog-api-key", "") or request.query.get("key", "")

    def check(self, request: web.BaseRequest, recorded: Recorded) -> None:
        if self.settings.strict:
            if not recorded.key and "authorization" in recorded.headers:
                raise self.refusal("UNAUTHENTICATED")
            if not recorded.key:
                message = (
                    "Method doesn't allow unregistered callers (callers without established identity). Please"
                    " use API Key or other form of API consumer identity to call this API."
                )
                raise ModelApiError(403, error(403, "PERMISSION_DENIED", message))
            if recorded.key != self.settings.api_key:
                raise bad_key()
        self.counters[_called(request) or "models"] += 1

    def unreadable(self) -> ModelApiError:
        return invalid("Invalid JSON payload received. Unexpected end of string.")

    def over_quota(self, spent: Spent) -> ModelApiError:
        if spent.rule == "at_once":
            return self.refusal("UNAVAILABLE")
        what, _, window = spent.rule.partition("_per_")
        counted = "GenerateRequests" if what == "requests" else "GenerateContentInputTokens"
        return over(f"{counted}{_IDS[window]}-FreeTier", spent.limit, spent.wait)

    def refusal_body(self, exc: ModelApiError, recorded: Recorded) -> Any:
        """A stream that is an array has the error in it."""
        array = recorded.path.endswith(":streamGenerateContent") and recorded.query.get("alt") != "sse"
        return [exc.body] if array else exc.body

    def answer_headers(self, recorded: Recorded) -> Mapping[str, str]:
        return {"server-timing": f"gfet4t7; dur={round(self.latency * 1000)}"}

    def _named(self, request: web.BaseRequest) -> str:
        """Return the model of a request's path; raises ModelApiError when it cannot do what is asked."""
        found = _PATH.fullmatch(request.path)
        model, called = (found[1], found[2]) if found else ("", "")
        s = self.settings
        known = {
            s.model: (*_GENERATING, "streamGenerateContent"),
            s.embedding_model: (*_EMBEDDING, "countTokens"),
        }
        if s.strict and (model not in known or (called and called not in known[model])):
            message = (
                f"models/{model} is not found for API version v1beta, or is not supported for {called}. Call"
                " ListModels to see the list of available models and their supported methods."
            )
            raise ModelApiError(404, error(404, "NOT_FOUND", message))
        return str(model)

    def _described(self, model: str) -> Json:
        embeds = model == self.settings.embedding_model
        return {
            "name": f"models/{model}",
            "version": "001",
            "displayName": model,
            "description": "A simulated model.",
            "inputTokenLimit": self.settings.context_tokens,
            "outputTokenLimit": 1 if embeds else self.settings.output_tokens,
            "supportedGenerationMethods": list(_EMBEDDING if embeds else _GENERATING),
        }

    async def _one_model(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        return await self.whole(request, recorded, self._described(self._named(request)))

    async def _models(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        models = [self._described(self.settings.model), self._described(self.settings.embedding_model)]
        return await self.whole(request, recorded, {"models": models})

    async def _embed(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        found = embedding(self._named(request), recorded.body, self.settings.dimensions)
        return await self.whole(request, recorded, {"embedding": found})

    async def _embed_batch(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        found = batch(self._named(request), recorded.body, self.settings.dimensions)
        return await self.whole(request, recorded, found)

    async def _count(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        asked = f.fields(recorded.body, frozenset({"contents", "generateContentRequest"}), "")
        body = asked.get("generateContentRequest") or {"contents": asked.get("contents")}
        recorded.question = self._question(self._named(request), body).question
        tokens = recorded.question.tokens
        details = [{"modality": "TEXT", "tokenCount": tokens}]
        return await self.whole(request, recorded, {"totalTokens": tokens, "promptTokensDetails": details})

    def _question(self, model: str, body: Json) -> GeminiQuestion:
        return read(model, body, strict=self.settings.strict, signed=self.settings.signatures)

    async def _generate(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        asked = self._question(self._named(request), recorded.body)
        try:
            reply = await self.reply(recorded, asked.question)
        except TooLong as exc:
            raise invalid(
                f"The input token count ({exc.tokens}) exceeds the maximum number of tokens allowed"
                f" ({exc.most})."
            ) from exc
        answer = GeminiReply(
            f"resp{recorded.number:019d}", reply, asked.shows_thoughts, self.settings.signatures
        )
        streamed = _called(request) == "streamGenerateContent"
        if not self.framed(request, streamed):
            return await self.whole(request, recorded, answer.to_json(), reply.tokens)
        if not streamed or request.query.get("alt") == "sse":
            return await self.stream(request, recorded, answer.events(), EVENTS)
        return await self.stream(request, recorded, answer.array(), ARRAY)


def _called(request: web.BaseRequest) -> str:
    """Return the method in a request's path, behind the colon."""
    return request.path.rpartition(":")[2] if ":" in request.path else ""
