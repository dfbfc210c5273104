"""The OpenAI simulator: chats, embeddings, reranking, speech to text and models, with many faces."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import unquote

import orjson
from aiohttp import web

from mindbot.domain.errors import ConfigError
from mindbot.domain.message import Json
from mindbot.sim.faults import Fault, FaultKind
from mindbot.sim.models.conversation import ModelReply
from mindbot.sim.models.model import TooLong
from mindbot.sim.models.quotas import Spent
from mindbot.sim.models.refusals import ModelApiError, RefusalTable, refusal_kinds
from mindbot.sim.models.requests import Recorded
from mindbot.sim.models.server import ModelRoute, ModelSimSettings, ModelSimulator
from mindbot.sim.models.streams import ODD_KINDS
from mindbot.sim.openai import chat
from mindbot.sim.openai.completion import completion
from mindbot.sim.openai.embed import embeddings
from mindbot.sim.openai.errors import REFUSALS, error, invalid, refused
from mindbot.sim.openai.faces import FACES, SimulatedFace
from mindbot.sim.openai.rerank import rerank
from mindbot.sim.openai.stray import STRAY_KINDS, odd_usage, refuse, strayed, think_aloud
from mindbot.sim.openai.stream import CALL_KINDS, StreamOptions, frames, shape
from mindbot.sim.openai.transcribe import transcription
from mindbot.sim.openai.wording import body_for, worded
from mindbot.sim.server import SimulatorSettings

_ODD = (*CALL_KINDS, *STRAY_KINDS)
_AZURE_VERSION = "2024-10-21"
_DEPLOYMENTS = "/deployments/"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAISimSettings(ModelSimSettings):
    """``face`` is whose way it speaks. ``rate_limit`` is what the rate headers tell where no quota is set.

    ``reasons``: the model is one that thinks, and takes neither ``max_tokens`` nor a temperature.
    ``auto_tools`` off: tools are refused as vLLM does that was started without them.
    """

    face: str = "openai"
    embedding_model: str = "sim-embedding-1"
    rerank_model: str = "sim-rerank-1"
    speech_model: str = "sim-speech-1"
    dimensions: int = 256
    rate_limit: int = 10_000
    reasons: bool = False
    auto_tools: bool = True


class OpenAISimulator(ModelSimulator):
    """See the module. ``face`` may be changed at any time."""

    name: ClassVar[str] = "openai"
    Settings: ClassVar[type[SimulatorSettings]] = OpenAISimSettings
    refusals: ClassVar[RefusalTable] = REFUSALS
    kinds: ClassVar[Mapping[str, FaultKind]] = {
        **ModelSimulator.kinds,
        **ODD_KINDS,
        **CALL_KINDS,
        **STRAY_KINDS,
        **refusal_kinds(REFUSALS),
    }

    def __init__(self, settings: OpenAISimSettings) -> None:
        super().__init__(settings)
        self.settings = settings
        self.face_name = ""
        self.face = SimulatedFace()
        self.wear(settings.face)
        self._started = int(time.time())
        s = settings
        self._models = (s.model, s.embedding_model, s.rerank_model, s.speech_model)
        self._routes: dict[str, tuple[str, ModelRoute]] = {
            "/chat/completions": ("POST", self._chat),
            "/embeddings": ("POST", self._embeddings),
            "/rerank": ("POST", self._rerank),
            "/audio/transcriptions": ("POST", self._transcribe),
            "/models": ("GET", self._list),
        }

    def wear(self, name: str) -> None:
        """Speak as another vendor does; raises ConfigError for one that is not known."""
        if name not in FACES:
            raise ConfigError(f"no face is called {name!r}", hint=f"one of {', '.join(FACES)}")
        self.face_name, self.face = name, FACES[name]

    @property
    def base_url(self) -> str:
        if self.face_name == "azure":
            return f"{self.origin}{self.face.root}{_DEPLOYMENTS}{self.settings.model}"
        return self.origin + self.face.root

    def details(self) -> Json:
        s = self.settings
        version = {"api_version": _AZURE_VERSION} if self.face_name == "azure" else {}
        return {
            "base_url": self.base_url,
            "api_key": s.api_key,
            "model": s.model,
            "embedding_model": s.embedding_model,
            **version,
        }

    def error_body(self, fault: Fault) -> Any:
        self.counters[f"status.{fault.number}"] += 1
        return body_for(self.face, fault.number, fault.options.get("code", ""))

    def reworded(self, exc: ModelApiError) -> ModelApiError:
        return worded(self.face, exc)

    def route(self, request: web.BaseRequest) -> ModelRoute:
        path, method = self._inner(request), request.method
        if path == "/health" and not self.face.needs_key:
            return self._health
        if method == "GET" and path.startswith("/models/"):
            return self._one_model
        if path not in self._routes:
            raise ModelApiError(404, error(f"Invalid URL ({method} {request.path})"))
        wanted, route = self._routes[path]
        if method != wanted:
            hint = "(HINT: Perhaps you meant to use a different HTTP method?)"
            raise ModelApiError(405, error(f"Not allowed to {method} on {request.path}. {hint}"))
        return route

    def _inner(self, request: web.BaseRequest) -> str:
        """Return the path behind the API's root; Azure wants a version, and deployments have paths."""
        root, path = self.face.root, request.path
        if self.face_name != "azure":
            return path.removeprefix(root) if root and path.startswith(root) else path.removeprefix("/v1")
        rest = path.removeprefix(root)
        if rest.startswith("/v1/"):
            return rest.removeprefix("/v1")
        if "api-version" not in request.query or not path.startswith(root):
            raise ModelApiError(404, {"error": {"code": "404", "message": "Resource not found"}})
        if not rest.startswith(_DEPLOYMENTS):
            return rest
        deployment, slash, inner = rest.removeprefix(_DEPLOYMENTS).partition("/")
        if self.settings.strict and unquote(deployment) not in self._models:
            raise refused("model_not_found")
        return slash + inner

    def key_of(self, request: web.BaseRequest) -> str:
        header = self.face.key_header
        given = request.headers.get(header, "") or request.headers.get("Authorization", "")
        return given.removeprefix("Bearer ")

    def check(self, request: web.BaseRequest, recorded: Recorded) -> None:
        path = self._inner(request)
        if self.settings.strict and path != "/health":
            bearer = request.headers.get("Authorization", "").startswith("Bearer ")
            if not bearer and self.face.key_header not in request.headers:
                message = (
                    "You didn't provide an API key. You need to provide your API key in an Authorization"
                    " header."
                )
                said = error(message)
                raise ModelApiError(401, said) if self.face_name == "openai" else refused("invalid_api_key")
            if recorded.key != self.settings.api_key:
                raise refused("invalid_api_key")
        self.counters[path[1:]] += 1

    def unreadable(self) -> ModelApiError:
        return invalid("We could not parse the JSON body of your request.")

    def over_quota(self, spent: Spent) -> ModelApiError:
        if spent.rule.endswith("day"):
            return refused("insufficient_quota")
        name = "tokens_exceeded" if spent.rule.startswith("tokens") else "rate_limit_exceeded"
        return refused(name, {"retry-after": str(max(1, round(spent.wait)))})

    def answer_headers(self, recorded: Recorded) -> Mapping[str, str]:
        heads = {"x-request-id": f"req_{recorded.number:032x}"}
        if not self.face.rate_headers:
            return heads
        heads |= {"openai-version": "2020-10-01", "openai-processing-ms": str(round(self.latency * 1000))}
        for what, usual in (("requests", self.settings.rate_limit), ("tokens", 2_000_000)):
            left = max(0, usual - self.counters["requests"]) if what == "requests" else usual - 1000
            limit, left, wait = self.quotas.left(recorded.key, f"{what}_per_minute") or (
                *(usual, left, 60 - time.time() % 60),
            )
            heads[f"x-ratelimit-limit-{what}"] = str(limit)
            heads[f"x-ratelimit-remaining-{what}"] = str(left)
            heads[f"x-ratelimit-reset-{what}"] = f"{wait:.3f}s" if what == "requests" else "30ms"
        return heads

    def _named(self, model: str) -> Json:
        """Return what is told of a model; raises ModelApiError for one that there is not."""
        if self.settings.strict and model not in self._models and self.face_name != "llamacpp":
            message = f"The model `{model}` does not exist or you do not have access to it."
            raise ModelApiError(404, error(message, code="model_not_found"))
        return {"id": model, "object": "model", "created": self._started, "owned_by": "mindbot-sim"}

    async def _health(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        return await self.whole(request, recorded, {"status": "ok"})

    async def _one_model(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        name = unquote(self._inner(request).removeprefix("/models/"))
        return await self.whole(request, recorded, self._named(name))

    async def _list(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        models = [self._named(model) for model in self._models]
        return await self.whole(request, recorded, {"object": "list", "data": models})

    async def _embeddings(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        self._named(str(recorded.body.get("model") or self.settings.model))
        return await self.whole(request, recorded, embeddings(recorded.body, self.settings.dimensions))

    async def _rerank(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        self._named(str(recorded.body.get("model") or self.settings.model))
        meta = self.face_name == "siliconflow"
        return await self.whole(request, recorded, rerank(recorded.body, recorded.number, meta=meta))

    async def _transcribe(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        self._named(str(recorded.body.get("model") or self.settings.model))
        heard, form = transcription(recorded.body)
        if form in ("json", "verbose_json"):
            return await self.whole(request, recorded, heard)
        return web.Response(text=str(heard), headers=self.answer_headers(recorded))

    async def _chat(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        body = recorded.body
        if self.face_name == "azure":  # the deployment says which model
            body.setdefault("model", self.settings.model)
        self._named(str(body.get("model") or self.settings.model))
        question = chat.question(body, reasons=self.settings.reasons)
        odd = {f.kind for f in self.faults.strikes(request.path, _ODD)} if self.faults else set()
        refuse(body, question, odd)
        if not self.settings.auto_tools and body.get("tools") and body.get("tool_choice") in (None, "auto"):
            said = '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'
            raise invalid(said)
        try:
            reply = await self.reply(recorded, question)
        except TooLong as exc:
            raise chat.too_long(exc) from exc
        if reply.blocked:
            raise refused("content_filter")
        if body.get("parallel_tool_calls") is False:
            del reply.calls[1:]
        if "think-tags" in odd:
            think_aloud(reply)
        return await self._answered(request, recorded, reply, odd)

    async def _answered(
        self, request: web.BaseRequest, recorded: Recorded, reply: ModelReply, odd: Collection[str]
    ) -> web.StreamResponse:
        """Send an answer, in the framing that is wanted unless that is what is odd."""
        body = recorded.body
        head = {
            "id": f"chatcmpl-{recorded.number:029d}",
            "created": int(time.time()),
            "model": reply.model,
            "service_tier": "default",
            "system_fingerprint": "fp_simulated",
        }
        if "error-in-200" in odd:
            exc = self.reworded(refused("rate_limit_exceeded"))
            return await self.whole(request, recorded, exc.body)
        if "json-and-done" not in odd and self.framed(request, bool(body.get("stream"))):
            wanted = body.get("stream_options") or {}
            continuous = bool(wanted.get("continuous_usage_stats")) and self.face_name == "vllm"
            options = StreamOptions(bool(wanted.get("include_usage")), continuous, odd)
            events = frames(reply, head, self.face, options)
            if odd:
                events = strayed(events, odd, {**head, "object": "chat.completion.chunk"})
            return await self.stream(request, recorded, events, shape(self.face, head))
        whole = completion(reply, head, self.face, odd="stop-reason" in odd)
        if "odd-usage" in odd:
            whole["usage"] = odd_usage(whole["usage"])
        if "json-and-done" in odd:
            written = orjson.dumps(whole) + b"\ndata: [DONE]\n\n"
            return web.Response(body=written, content_type="application/json")
        return await self.whole(request, recorded, whole, reply.tokens)
